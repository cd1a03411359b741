"""A target with rows to train on and rows to measure on."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidDataset
from esm_client.lab.build.plan import DataSet
from esm_client.lab.build.reading import read_data_set
from esm_client.lab.data.task import TextTask
from esm_client.lab.encoder import Text

MIN_EVALUATION_ROWS = 20


@dataclass(frozen=True, eq=False)
class SplitTask:
    """training and evaluation share no row, nor the texts of any."""

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

    Rows whose texts are among those to measure on are not trained on.

    Raises InvalidDataset for too few rows and for a split that is both, and what reading raises.
    """
    if data.evaluation_split is not None:
        training, _ = read_data_set(data.model_copy(update={"limit_rows": rows}))
        if training.source_task.split == data.evaluation_split:
            raise InvalidDataset(
                f"{data.name} would be measured on {data.evaluation_split!r}, the split it is "
                "trained on.",
                "Name another evaluation split, or none: rows are held out then.",
            )
        told = {
            "split": data.evaluation_split, "limit_rows": evaluation_rows, "kind": training.kind,
            "text_columns": training.source_task.text_columns,
            "label_column": training.source_task.label_column,
        }  # fmt: skip
        return _checked(training, read_data_set(data.model_copy(update=told))[0], data)
    both, _ = read_data_set(data.model_copy(update={"limit_rows": rows + evaluation_rows}))
    if len(both) < 2 * MIN_EVALUATION_ROWS:
        least = f"{MIN_EVALUATION_ROWS} to train on and {MIN_EVALUATION_ROWS} to measure on"
        raise InvalidDataset(
            f"{data.name} has {_rows_told(len(both))}; it takes at least "
            f"{2 * MIN_EVALUATION_ROWS}, {least}.",
            "Use a larger data set.",
        )
    held = min(evaluation_rows, max(MIN_EVALUATION_ROWS, len(both) // 4), len(both) - 1)
    order = np.random.default_rng(data.seed).permutation(len(both))
    return _checked(_rows(both, order[held:][:rows]), _rows(both, order[:held]), data)


def _rows(task: TextTask, rows: NDArray[np.intp]) -> TextTask:
    chosen = np.sort(rows)
    texts: list[Text] = [task.texts[row] for row in chosen.tolist()]
    return replace(task, texts=texts, labels=task.labels[chosen])


def _checked(training: TextTask, evaluation: TextTask, data: DataSet) -> SplitTask:
    seen = set(evaluation.texts)
    apart = [row for row, text in enumerate(training.texts) if text not in seen]
    training = _rows(training, np.array(apart, dtype=np.intp))
    if len(evaluation) < MIN_EVALUATION_ROWS or len(training) < MIN_EVALUATION_ROWS:
        raise InvalidDataset(
            f"{data.name} has {_rows_told(len(training))} to train on and {len(evaluation)} to "
            f"measure on; each needs {MIN_EVALUATION_ROWS}. Rows whose texts are measured on are "
            "not trained on.",
            "Use a larger data set.",
        )
    return SplitTask(training, evaluation)


def _rows_told(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"
