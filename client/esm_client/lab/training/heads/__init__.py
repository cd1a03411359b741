"""What is trained on top of a base model, by the kind of the source task (Vu et al. 2020)."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from esm_client.core.schemas import SourceKind
from esm_client.lab.data.task import TextTask
from esm_client.lab.encoder import TextEncoder


class Head(Protocol):
    """One linear layer, its loss and its metric.

    module: the layer. metric_name: higher is better.
    """

    module: Any
    metric_name: str

    def token_ids(self, row: int) -> list[int]:
        """The tokens of one row."""
        ...

    def loss(self, output: Any, mask: Any, rows: list[int]) -> Any:
        """The mean loss of a batch, a scalar tensor, from the model's output for its rows."""
        ...

    def predict(self, output: Any, mask: Any, rows: list[int]) -> list[Any]:
        """One prediction per row."""
        ...

    def metric(self, predicted: list[Any], rows: NDArray[np.intp]) -> float:
        """How good the predictions of some rows are."""
        ...


def make_head(encoder: TextEncoder, task: TextTask, trained: NDArray[np.intp]) -> Head:
    """The head for a task, with fresh weights on the encoder's device; `trained` rows give it
    the scale of the labels. Raises InvalidInput, InvalidLabels."""
    from esm_client.lab.training.heads.answers import AnswerHead
    from esm_client.lab.training.heads.labels import ClassHead, NumberHead
    from esm_client.lab.training.heads.tags import TagHead

    kinds: dict[SourceKind, Callable[..., Head]] = {
        "classification": ClassHead,
        "regression": NumberHead,
        "question-answering": AnswerHead,
        "sequence-labelling": TagHead,
    }
    return kinds[task.kind](encoder, task, trained)
