"""The target of a ranking: decoded to be looked at, and let go again.

Decoded it takes several times its bytes, and a ranking may wait for long: meanwhile it keeps the
bytes alone.
"""

from esm_client.core.receipt import check_dimension
from esm_client.core.schemas import RankingCreate
from esm_client.core.scoring.embedded import EmbeddedTarget
from esm_client.core.scoring.jackknife import left_out
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.spaces import check_same_space
from esm_server.db import SpaceRow
from esm_server.rankings.uncertainty import read_folds
from esm_server.spaces.service import stored_fingerprint, stored_identity


def check_target(request: RankingCreate, space: SpaceRow) -> int:
    """The label columns of a target of the space, whose labels vary and whose parts fit together.

    Raises InvalidSketch, InvalidLabels, InvalidEmbeddings, DimensionMismatch, SpaceMismatch.
    """
    sketch = TargetSketch.from_bytes(request.sketch)
    check_dimension(
        sketch, space.name, space.dimension, stored_identity(space).views,
        f"Update esm-client, and embed the target with {space.base_model}; a sketch of your own is "
        "told the space's views too (`views`). Or name its own `space`.",
    )  # fmt: skip
    if request.fingerprint is not None:
        check_same_space(space.name, stored_fingerprint(space), request.fingerprint)
    sketch.check_varied(intercept=request.intercept)
    if request.embedded is not None:
        EmbeddedTarget.from_bytes(request.embedded).check(sketch)
    if request.folds:
        read_folds(sketch, request.folds)
    return sketch.num_label_columns


def without_folds(request: RankingCreate) -> list[TargetSketch]:
    """The target without one fold each; raises InvalidLabels where that is no target any more."""
    if not request.folds:
        return []
    return left_out(read_folds(TargetSketch.from_bytes(request.sketch), request.folds))
