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
    from esm_client.lab.data.loading import load_task
    from esm_client.lab.data.options import DataOptions
    from esm_client.lab.data.task import TextTask
    from esm_client.lab.embedding import Embedder
    from esm_client.lab.probes import ProbeRecipe
    from esm_client.lab.training.fit.recipe import FitRecipe
    from esm_client.lab.training.recipe import FineTuneRecipe
    from esm_client.lab.training.train import train_esm
    from esm_client.ranking.method_ranking import MethodRanking
    from esm_client.ranking.ranking import Ranking
    from esm_client.remote.client import Client
    from esm_client.workflows.build import build
    from esm_client.workflows.evaluate import evaluate
    from esm_client.workflows.methods import rank_by_methods
    from esm_client.workflows.rank import rank
    from esm_client.workflows.transfer import transfer

_HOMES = {
    "Client": "esm_client.remote.client",
    "DataOptions": "esm_client.lab.data.options",
    "Embedder": "esm_client.lab.embedding",
    "EsmArtifact": "esm_client.core.artifact.directory",
    "EsmError": "esm_client.core.errors",
    "EsmFilter": "esm_client.core.schemas",
    "FineTuneRecipe": "esm_client.lab.training.recipe",
    "FitRecipe": "esm_client.lab.training.fit.recipe",
    "MethodRanking": "esm_client.ranking.method_ranking",
    "ProbeRecipe": "esm_client.lab.probes",
    "Ranking": "esm_client.ranking.ranking",
    "TargetSketch": "esm_client.core.scoring.sketch",
    "TextTask": "esm_client.lab.data.task",
    "build": "esm_client.workflows.build",
    "evaluate": "esm_client.workflows.evaluate",
    "fold_sketches": "esm_client.core.scoring.jackknife",
    "load_task": "esm_client.lab.data.loading",
    "log_maximum_evidence": "esm_client.core.scoring.evidence",
    "rank": "esm_client.workflows.rank",
    "rank_by_methods": "esm_client.workflows.methods",
    "train_esm": "esm_client.lab.training.train",
    "transfer": "esm_client.workflows.transfer",
}

__all__ = [
    "Client",
    "DataOptions",
    "Embedder",
    "EsmArtifact",
    "EsmError",
    "EsmFilter",
    "FineTuneRecipe",
    "FitRecipe",
    "MethodRanking",
    "ProbeRecipe",
    "Ranking",
    "TargetSketch",
    "TextTask",
    "__version__",
    "build",
    "evaluate",
    "fold_sketches",
    "load_task",
    "log_maximum_evidence",
    "rank",
    "rank_by_methods",
    "train_esm",
    "transfer",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
