"""Pools of maps that read views of an inner layer, beside others."""

import numpy as np
import pytest

from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.wide import WideMap
from esm_client.core.scoring.evidence import log_maximum_evidence
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.scoring.views import Views
from esm_server.engine.request import Request
from esm_server.engine.scoring import Engine

pytestmark = pytest.mark.filterwarnings(
    "ignore::esm_client.core.scoring.disclosure.DisclosureWarning"
)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("mode", ["exhaustive", "screened"])
def test_maps_with_views_beside_others(blobs, tmp_path, intercept, mode):
    """Ranks above D / 11 are scored as full maps; a target without those views has no score."""
    rng = np.random.default_rng(1)
    draw = rng.standard_normal
    maps = [
        AffineMap(draw((6, 6)), draw(6)),
        LowRankMap(draw(1), draw((6, 1)), draw((6, 1)), draw(6)),
        WideMap(draw(1), draw((6, 5)), draw((9, 5)), draw(6)),
        WideMap(draw(1), draw((24, 2)), draw((33, 2)), draw(24)),
        WideMap(draw(1), draw((24, 12)), draw((33, 12)), draw(24)),
    ]
    z = np.random.default_rng(0).normal(size=(80, 33))
    y = z[:, 0] + z[:, 30] > 0
    engine = Engine(tmp_path / "engine", blobs.open, 1)
    try:
        for dimension, views in ((6, 3), (24, 9)):
            read = z[:, -dimension - views :]
            sketch = TargetSketch.from_embeddings(
                read, y, kind="classification", views=Views(views, "sha256:" + "0" * 64)
            )
            some = [one for one in maps if one.dimension == dimension]
            digests = [blobs.add(one) for one in some]
            request = Request(
                dimension, sketch.to_bytes(), intercept, digests, "somebody", mode=mode
            )
            found = engine.score(request)
            wanted = [
                log_maximum_evidence(
                    one.apply(read[:, : one.width]), y, kind="classification", intercept=intercept
                )
                for one in some
            ]
            assert found.scores[found.exact] == pytest.approx(
                np.array(wanted)[found.exact], rel=0, abs=1e-6
            )
            assert found.exact.any()
            base = read[:, :dimension]
            assert found.identity == pytest.approx(
                log_maximum_evidence(base, y, kind="classification", intercept=intercept), abs=1e-9
            )
            without = TargetSketch.from_embeddings(base, y, kind="classification").to_bytes()
            found = engine.score(Request(dimension, without, intercept, digests, "somebody"))
            has_views = [one.width > dimension for one in some]
            assert np.isnan(found.scores).tolist() == has_views
            assert len(found.failures) == sum(has_views)
    finally:
        engine.close()
