"""One label per text, a class or a number, read off the pooled vector.

The head reads the very vector that the embedding space defines, or the map would learn the
effect of another space.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.lab.data.task import TextTask
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.extras import require
from esm_client.lab.pooling import pool
from esm_client.lab.tokens import TokenStore
from esm_client.lab.training.metrics import accuracy, mean_correlation


class ClassHead:
    """Cross entropy over the classes that occur."""

    metric_name = "accuracy"

    def __init__(self, encoder: TextEncoder, task: TextTask, trained: NDArray[np.intp]) -> None:
        del trained
        torch = require("torch")
        classes, numbers = np.unique(task.labels, return_inverse=True)
        self._numbers: NDArray[Any] = numbers
        self._encoder = encoder
        self._tokens = TokenStore.of(encoder.join(task.texts), encoder.tokenise)
        self._labels = torch.tensor(numbers.astype(np.int64), device=encoder.device)
        self.module = torch.nn.Linear(encoder.dimension, len(classes)).to(encoder.device)

    def token_ids(self, row: int) -> list[int]:
        """As Head.token_ids."""
        return self._tokens[row]

    def loss(self, output: Any, mask: Any, rows: list[int]) -> Any:
        """As Head.loss."""
        functional = require("torch.nn.functional")
        return functional.cross_entropy(self._scores(output, mask), self._labels[rows])

    def predict(self, output: Any, mask: Any, rows: list[int]) -> list[Any]:
        """Class numbers, in the sorted order of the classes."""
        del rows
        return self._scores(output, mask).argmax(1).tolist()

    def metric(self, predicted: list[Any], rows: NDArray[np.intp]) -> float:
        """Share of right classes."""
        return accuracy(predicted, self._numbers[rows])

    def _scores(self, output: Any, mask: Any) -> Any:
        return self.module(pool(self._encoder.pooling, output, mask))


class NumberHead:
    """Mean squared error on labels brought to mean 0 and variance 1, so that the learning rate
    means the same on every scale."""

    metric_name = "mean of Pearson and Spearman correlation"

    def __init__(self, encoder: TextEncoder, task: TextTask, trained: NDArray[np.intp]) -> None:
        torch = require("torch")
        spread = float(task.labels[trained].std()) or 1.0
        self._numbers = ((task.labels - task.labels[trained].mean()) / spread).astype(np.float32)
        self._encoder = encoder
        self._tokens = TokenStore.of(encoder.join(task.texts), encoder.tokenise)
        self._labels = torch.tensor(self._numbers, device=encoder.device)
        self.module = torch.nn.Linear(encoder.dimension, 1).to(encoder.device)

    def token_ids(self, row: int) -> list[int]:
        """As Head.token_ids."""
        return self._tokens[row]

    def loss(self, output: Any, mask: Any, rows: list[int]) -> Any:
        """As Head.loss."""
        functional = require("torch.nn.functional")
        return functional.mse_loss(self._scores(output, mask), self._labels[rows])

    def predict(self, output: Any, mask: Any, rows: list[int]) -> list[Any]:
        """Numbers on the standardised scale."""
        del rows
        return self._scores(output, mask).float().tolist()

    def metric(self, predicted: list[Any], rows: NDArray[np.intp]) -> float:
        """Mean of both correlations."""
        return mean_correlation(predicted, self._numbers[rows])

    def _scores(self, output: Any, mask: Any) -> Any:
        return self.module(pool(self._encoder.pooling, output, mask)).squeeze(1)
