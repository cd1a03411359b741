"""A target with rows to train on and rows to measure on."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidDataset
from esm_client.lab.data.task import TextTask
from esm_client.lab.encoder import Text
from esm_client.lab.factory.plan import DataSet
from esm_client.lab.factory.reading import read_data_set

MIN_EVALUATION_ROWS = 20


@dataclass(frozen=True, eq=False)
class SplitTask:
    """training and evaluation share no row."""

    training: TextTask
    evaluation: TextTask

    @cached_property
    def joined(self) -> TextTask:
        """Training rows, then evaluation rows."""
        labels = np.concatenate([self.training.labels, self.evaluation.labels])
        texts: list[Text] = [*self.training.texts, *self.evaluation.texts]
        return replace(self.training, texts=texts, labels=labels)

    @property
    def held_out(self) -> NDArray[np.intp]:
        """Where the evaluation rows stand in `joined`."""
        return np.arange(len(self.training), len(self.joined))


def read_target(data: DataSet, rows: int, evaluation_rows: int) -> SplitTask:
    """Read a target: from its `evaluation_split`, or else from the same rows, held out.

    Raises InvalidDataset for too few rows, and what reading raises.
    """
    if data.evaluation_split is not None:
        training, _ = read_data_set(data.model_copy(update={"limit_rows": rows}))
        told = {"split": data.evaluation_split, "limit_rows": evaluation_rows}
        return _checked(training, read_data_set(data.model_copy(update=told))[0], data)
    both, _ = read_data_set(data.model_copy(update={"limit_rows": rows + evaluation_rows}))
    held = min(evaluation_rows, max(MIN_EVALUATION_ROWS, len(both) // 4), len(both) - 1)
    order = np.random.default_rng(data.seed).permutation(len(both))
    return _checked(_rows(both, order[held:][:rows]), _rows(both, order[:held]), data)


def _rows(task: TextTask, rows: NDArray[np.intp]) -> TextTask:
    chosen = np.sort(rows)
    texts: list[Text] = [task.texts[row] for row in chosen.tolist()]
    return replace(task, texts=texts, labels=task.labels[chosen])


def _checked(training: TextTask, evaluation: TextTask, data: DataSet) -> SplitTask:
    if len(evaluation) < MIN_EVALUATION_ROWS or len(training) < MIN_EVALUATION_ROWS:
        raise InvalidDataset(
            f"{data.name} has {len(training)} rows to train on and {len(evaluation)} to measure "
            f"on; each needs {MIN_EVALUATION_ROWS}.",
            "Use a larger data set.",
        )
    return SplitTask(training, evaluation)
