"""Thin client of the ESM registry: train, push, pull and rank embedding space maps.

The public names load on first use, so that `import esm_client` costs almost nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esm_client.core.artifact.directory import EsmArtifact
    from esm_client.core.errors import EsmError
    from esm_client.core.schemas import EsmFilter
    from esm_client.core.scoring.evidence import log_maximum_evidence
    from esm_client.core.scoring.jackknife import fold_sketches
    from esm_client.core.scoring.sketch import TargetSketch
    from esm_client.lab.embedding import Embedder
    from esm_client.ranking.method_ranking import MethodRanking
    from esm_client.ranking.ranking import Ranking
    from esm_client.remote.client import Client
    from esm_client.workflows.methods import rank_by_methods
    from esm_client.workflows.rank import rank

_HOMES = {
    "Client": "esm_client.remote.client",
    "Embedder": "esm_client.lab.embedding",
    "EsmArtifact": "esm_client.core.artifact.directory",
    "EsmError": "esm_client.core.errors",
    "EsmFilter": "esm_client.core.schemas",
    "MethodRanking": "esm_client.ranking.method_ranking",
    "Ranking": "esm_client.ranking.ranking",
    "TargetSketch": "esm_client.core.scoring.sketch",
    "fold_sketches": "esm_client.core.scoring.jackknife",
    "log_maximum_evidence": "esm_client.core.scoring.evidence",
    "rank": "esm_client.workflows.rank",
    "rank_by_methods": "esm_client.workflows.methods",
}

__all__ = [
    "Client",
    "Embedder",
    "EsmArtifact",
    "EsmError",
    "EsmFilter",
    "MethodRanking",
    "Ranking",
    "TargetSketch",
    "__version__",
    "fold_sketches",
    "log_maximum_evidence",
    "rank",
    "rank_by_methods",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
