"""Which methods are meant, and whether they can work with what there is."""

from collections.abc import Sequence

from esm_client.core.errors import InvalidInput
from esm_client.core.schemas import SourceKind
from esm_client.lab.selection.baselines import Random
from esm_client.lab.selection.frozen_transfer import FrozenTransfer
from esm_client.lab.selection.leep import Leep
from esm_client.lab.selection.logme import Logme
from esm_client.lab.selection.method import Method
from esm_client.lab.selection.nce import Nce
from esm_client.lab.selection.ranking import METHODS, check_kind, make_methods
from esm_client.lab.selection.task_embedding import TaskEmbedding

ALL = "all"
OF_CLASSIFIERS = frozenset({Nce.name, Leep.name})
"""Methods that need source models of classification tasks."""
OF_MODELS = OF_CLASSIFIERS | {Logme.name, FrozenTransfer.name, TaskEmbedding.name}
"""Methods that need source models."""


def check_methods(names: Sequence[str]) -> None:
    """Raise InvalidInput for a name that is no method, and for none at all."""
    if not names:
        raise InvalidInput("No method is named.", f"Choose from {', '.join((ALL, *METHODS))}.")
    for name in names:
        if name != ALL and name not in METHODS:
            raise InvalidInput(
                f"{name!r} is no selection method.",
                f"Choose from {', '.join((ALL, *METHODS))}.",
            )


def choose_methods(
    names: Sequence[str], kind: SourceKind, *, models: bool, source_rows: bool
) -> list[Method]:
    """The methods of these names, each once; `all` stands for every one that can work.

    kind: of the target. models: whether source models are at hand, without which `all` leaves out
    what needs them. source_rows: whether the rows they were fine-tuned on are, too. The random
    baseline, which would only blur a fused ranking, is chosen by its own name alone, and so is
    task-embedding.

    Raises InvalidInput for a name that is no method, for one that cannot rank for such a target,
    and for task-embedding without source rows.
    """
    check_methods(names)
    chosen: dict[str, None] = {}
    for name in names:
        chosen.update(dict.fromkeys(_all(kind, models=models) if name == ALL else (name,)))
    if TaskEmbedding.name in chosen and not source_rows:
        raise InvalidInput(
            f"{TaskEmbedding.name} needs the source models with their heads, and the rows that "
            "they were fine-tuned on, which no registry holds.",
            "Give both in Python: rank_by_methods(..., source_models={reference: SourceModel}), "
            "each with its task.",
        )
    methods = make_methods(list(chosen))
    for method in methods:
        check_kind(method, kind)
    return methods


def _all(kind: SourceKind, *, models: bool) -> list[str]:
    apart = {Random.name, TaskEmbedding.name}
    return [
        name
        for name, method in METHODS.items()
        if kind in method.kinds and name not in apart and (models or name not in OF_MODELS)
    ]
