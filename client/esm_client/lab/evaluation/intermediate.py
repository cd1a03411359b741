"""Source tasks as intermediate tasks: what there is of each, a model or data."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esm_client.core.artifact.config import EsmConfig
from esm_client.core.progress import Progress
from esm_client.lab.build.plan import DataSet
from esm_client.lab.training.recipe import FineTuneRecipe

DEFAULT_SEED = 42


@dataclass(frozen=True)
class ReadyModel:
    """A model that is fine-tuned on the source task already.

    place: where it comes from, for people. digest: of its weights. fetch: gives the folder it
    lies in, given one that it may make; it tells its progress.
    """

    place: str
    digest: str
    fetch: Callable[[Path, Progress], Path]


@dataclass(frozen=True)
class SourceData:
    """Data to fine-tune on, and how.

    recipe, seed: of the ESM's own fine-tuning. rows_digest: of the rows it was trained on, where
    that is known.
    """

    data: DataSet
    recipe: FineTuneRecipe
    seed: int = DEFAULT_SEED
    rows_digest: str | None = None

    @classmethod
    def of(
        cls,
        config: EsmConfig,
        place: str,
        *,
        whole: bool = False,
        revision: str | None = None,
        seed: object = None,
    ) -> "SourceData":
        """The data of an ESM's source task, which lies at `place`: a path or a hub id.

        Columns, number of rows and recipe are those of the ESM, as far as it tells them.
        whole: the place holds these rows and no others, so subset and split do not matter.
        revision: of a hub id. seed: of the ESM's fine-tuning.
        """
        task, recipe = config.task, config.recipe
        part: dict[str, Any] = {} if whole else {"subset": task.subset, "split": task.split}
        standard = FineTuneRecipe()
        data = DataSet(
            data=place, name=task.data_set, text_columns=task.text_columns, kind=task.kind,
            label_column=task.label_column, limit_rows=task.num_rows or None,
            seed=DEFAULT_SEED if task.seed is None else task.seed, language=task.language,
            data_revision=revision, **part,
        )  # fmt: skip
        return cls(
            data,
            FineTuneRecipe(
                round(recipe.lm_num_epochs or standard.epochs),
                recipe.lm_learning_rate or standard.learning_rate,
                recipe.lm_batch_size or standard.batch_size,
                standard.weight_decay if recipe.lm_weight_decay is None else recipe.lm_weight_decay,
            ),
            seed if isinstance(seed, int) else data.seed,
            task.rows_digest,
        )


@dataclass(frozen=True)
class IntermediateTask:
    """A source task to fine-tune on before the target.

    name: as it stands in the ranking, for instance team/x@1. rank: there, if there is one.
    is_named: whether the user named the data, which must then be usable. missing: why there is no
    data. remedy: what to do about that.
    """

    name: str
    rank: int | None = None
    model: ReadyModel | None = None
    data: SourceData | None = None
    is_named: bool = False
    missing: str = ""
    remedy: str = ""


Chain = tuple[IntermediateTask, ...]
"""Source tasks in the order they are fine-tuned on; none of them is the baseline."""


def chain_name(chain: Chain) -> str | None:
    """`team/x@1`, or `team/x@1 > team/y@2` for several; None for the baseline."""
    return " > ".join(one.name for one in chain) or None
