"""One tag per word of a text, read off the word's first token."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from esm_client.lab.data.task import TextTask
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.extras import require
from esm_client.lab.tokens import TokenStore
from esm_client.lab.training.heads.answers import IGNORED
from esm_client.lab.training.metrics import tag_score


class TagHead:
    """Cross entropy over the tags that occur; words behind the maximum length are passed over."""

    def __init__(self, encoder: TextEncoder, task: TextTask, trained: NDArray[np.intp]) -> None:
        del trained
        torch = require("torch")
        self._tags = sorted({tag for row in task.labels for tag in row})
        self.metric_name = tag_score([self._tags], [self._tags])[0]
        numbers = {tag: number for number, tag in enumerate(self._tags)}
        ids: list[list[int]] = []
        self._places: list[NDArray[np.int32]] = []
        self._numbers: list[list[int]] = []
        for text, tags in zip(encoder.join(task.texts), task.labels, strict=True):
            (tokens,), (places,) = encoder.tokenise_with_places([text])
            ids.append(tokens)
            first = first_tokens(text, places)
            self._places.append(np.array(first, dtype=np.int32))
            self._numbers.append([numbers[tag] for tag in tags[: len(first)]])
        self._tokens = TokenStore(ids)
        self.module = torch.nn.Linear(encoder.dimension, len(self._tags)).to(encoder.device)

    def token_ids(self, row: int) -> list[int]:
        """As Head.token_ids."""
        return self._tokens[row]

    def loss(self, output: Any, mask: Any, rows: list[int]) -> Any:
        """As Head.loss; the mean is over words."""
        torch = require("torch")
        labels = torch.full(mask.shape, IGNORED, dtype=torch.long)
        for place, row in enumerate(rows):
            labels[place, self._places[row]] = torch.tensor(self._numbers[row], dtype=torch.long)
        scores = self.module(output.last_hidden_state).float()
        flat = labels.to(scores.device).flatten()
        return torch.nn.functional.cross_entropy(scores.flatten(0, 1), flat, ignore_index=IGNORED)

    def predict(self, output: Any, mask: Any, rows: list[int]) -> list[Any]:
        """A tag for each word that is not cut off."""
        del mask
        best: NDArray[np.int64] = self.module(output.last_hidden_state).argmax(-1).cpu().numpy()
        return [
            [self._tags[best[place, int(token)]] for token in self._places[row]]
            for place, row in enumerate(rows)
        ]

    def metric(self, predicted: list[Any], rows: NDArray[np.intp]) -> float:
        """F1 of whole spans where tags have the BIO form, else the share of right tags."""
        numbers = [self._numbers[int(row)] for row in rows]
        truth = [[self._tags[number] for number in row] for row in numbers]
        return tag_score(truth, cast("list[list[str]]", predicted))[1]


def first_tokens(text: str, places: list[tuple[int, int]]) -> list[int]:
    """The first token of each word between blanks, as far as there are tokens.

    >>> first_tokens("New York", [(0, 0), (0, 3), (4, 6), (6, 8), (0, 0)])
    [1, 2]
    """
    found: list[int] = []
    start, token = 0, 0
    for word in text.split(" "):
        end = start + len(word)
        while token < len(places) and places[token][1] <= start:
            token += 1
        if token == len(places):
            break
        if places[token][0] < end:
            found.append(token)
        start = end + 1
    return found
