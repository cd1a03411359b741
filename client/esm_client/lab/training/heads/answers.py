"""Where the answer to a question starts and ends in its context (Rajpurkar et al. 2016)."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidLabels
from esm_client.lab.data.task import TextTask
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.extras import require
from esm_client.lab.tokens import TokenStore

IGNORED = -100
"""The label that torch's cross entropy passes over."""


class AnswerHead:
    """Start and end of the answer among the tokens; the first token stands for no answer.

    Question and context are joined as the embedding space joins pairs. Answers that the space's
    maximum length cuts off are not trained on; `cut_off` counts them.
    """

    metric_name = "F1 of the answer's tokens"

    def __init__(self, encoder: TextEncoder, task: TextTask, trained: NDArray[np.intp]) -> None:
        torch = require("torch")
        joined = encoder.join(task.texts)
        spans = np.full((len(task), 2), IGNORED, dtype=np.int64)
        ids: list[list[int]] = []
        for row, text in enumerate(joined):
            (tokens,), (places,) = encoder.tokenise_with_places([text])
            question, _ = cast("tuple[str, str]", task.texts[row])
            shift = len(question) + len(encoder.separator)
            ids.append(tokens)
            start, end = task.labels[row]
            spans[row] = (0, 0) if start < 0 else _tokens_of(places, start + shift, end + shift)
        self.cut_off = int((spans[:, 0] == IGNORED).sum())
        if (spans[trained, 0] == IGNORED).all():
            raise InvalidLabels(
                f"Every answer lies beyond the {encoder.max_length} tokens that are read.",
                "Use a larger `max_length`, or shorter contexts.",
                parameters=("max_length",),
            )
        self._tokens, self._spans = TokenStore(ids), spans
        self._labels = torch.tensor(spans, device=encoder.device)
        self.module = torch.nn.Linear(encoder.dimension, 2).to(encoder.device)

    def token_ids(self, row: int) -> list[int]:
        """As Head.token_ids."""
        return self._tokens[row]

    def loss(self, output: Any, mask: Any, rows: list[int]) -> Any:
        """Mean of the cross entropies of start and end; zero where all answers are cut off."""
        cross_entropy = require("torch.nn.functional").cross_entropy
        scores, labels = self._scores(output, mask), self._labels[rows]
        if bool((labels == IGNORED).all()):
            return scores[0, 0].sum() * 0.0
        ends = (cross_entropy(scores[..., side], labels[:, side]) for side in (0, 1))
        return sum(ends) / 2

    def predict(self, output: Any, mask: Any, rows: list[int]) -> list[Any]:
        """First and last token of each answer, the end chosen at or behind the start."""
        del rows
        scores = self._scores(output, mask)
        starts = scores[..., 0].argmax(1).tolist()
        return [
            (start, start + int(scores[row, start:, 1].argmax()))
            for row, start in enumerate(starts)
        ]

    def metric(self, predicted: list[Any], rows: NDArray[np.intp]) -> float:
        """Mean F1 of predicted and true token spans, over the answers that are not cut off."""
        spans = zip(self._spans[rows].tolist(), predicted, strict=True)
        scores = [span_f1(tuple(truth), guess) for truth, guess in spans if truth[0] != IGNORED]
        return float(np.mean(scores)) if scores else 0.0

    def _scores(self, output: Any, mask: Any) -> Any:
        scores = self.module(output.last_hidden_state).float()
        return scores.masked_fill(mask.unsqueeze(-1) == 0, -1e9)


def span_f1(truth: tuple[int, int], guess: tuple[int, int]) -> float:
    """F1 of two spans of tokens, ends included.

    >>> span_f1((3, 4), (4, 5))
    0.5
    """
    shared = min(truth[1], guess[1]) - max(truth[0], guess[0]) + 1
    if shared <= 0:
        return 0.0
    lengths = (truth[1] - truth[0] + 1) + (guess[1] - guess[0] + 1)
    return 2 * shared / lengths


def _tokens_of(places: list[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    """First and last token that touch the characters; IGNORED where the end is cut off."""
    touching = [token for token, (a, b) in enumerate(places) if a < end and b > start]
    if not touching or max(b for _, b in places) < end:
        return IGNORED, IGNORED
    return touching[0], touching[-1]
