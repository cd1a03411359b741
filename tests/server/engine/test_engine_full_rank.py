"""Full maps by their tridiagonal form, against the singular values of their features."""

import numpy as np
import pytest
from core.scoring.conftest import Case, make_cases

from esm_client.core.scoring.sketch import TargetSketch
from esm_server.engine.full_rank import FullRankScorer

pytestmark = pytest.mark.filterwarnings(
    "ignore::esm_client.core.scoring.disclosure.DisclosureWarning"
)


@pytest.mark.parametrize("case", make_cases(), ids=lambda case: case.name)
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_equals_the_kernel(case: Case, intercept: bool, dtype: type) -> None:
    sketch = TargetSketch.from_embeddings(case.features, case.labels, kind=case.kind)
    scorer = FullRankScorer(sketch.design(intercept=intercept))
    rng = np.random.default_rng(5)
    width = sketch.dimension
    for weight in (
        np.eye(width),
        rng.normal(size=(width, width)),
        np.eye(width) + 0.01 * rng.normal(size=(width, width)),
        np.diag(np.arange(width) % 2),
        np.outer(rng.normal(size=width), rng.normal(size=width)),
        np.zeros((width, width)),
    ):
        w, b = weight.astype(dtype), rng.normal(size=width).astype(dtype)
        wanted = sketch.log_maximum_evidence(w, b, intercept=intercept)
        assert scorer.score(w, b) == pytest.approx(wanted, rel=0, abs=1e-8)
