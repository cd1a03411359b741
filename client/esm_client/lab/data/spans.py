"""Labels that point into the text: answers in a context, tags of tokens."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidLabels

NO_ANSWER = (-1, -1)


def read_answers(contexts: Sequence[str], values: Sequence[Any], column: str) -> NDArray[Any]:
    """First answers as int64 (N, 2), characters from and to in the context; NO_ANSWER for none.

    Values have the shape of SQuAD, {"text": [...], "answer_start": [...]}. Raises InvalidLabels
    for other shapes, for answers that do not stand where they say, and where nobody answers.
    """
    spans = np.array(
        [
            _span(context, value, column, row)
            for row, (context, value) in enumerate(zip(contexts, values, strict=True))
        ],
        dtype=np.int64,
    ).reshape(-1, 2)
    if (spans < 0).all():
        raise InvalidLabels(
            f"No row of column {column!r} holds an answer.", "Choose another column of answers."
        )
    return spans


def read_tags(
    tokens: Sequence[Any], values: Sequence[Any], column: str
) -> tuple[list[str], NDArray[Any]]:
    """Texts of tokens joined by blanks, and their tags: an object array (N,) of tuples.

    Blanks inside a token are removed, so that the text splits into its tokens again. Raises
    InvalidLabels for rows whose tokens and tags differ in number, and for one tag only.
    """
    texts: list[str] = []
    tags = np.empty(len(values), dtype=object)
    for row, (words, marks) in enumerate(zip(tokens, values, strict=True)):
        if not isinstance(words, list | tuple) or not isinstance(marks, list | tuple):
            raise InvalidLabels(
                f"Row {row} of column {column!r} is no list of tags beside a list of tokens.",
                "Sequence labelling needs one tag for each token.",
            )
        pair = cast("tuple[list[Any], list[Any]]", (words, marks))
        if len(pair[0]) != len(pair[1]):
            raise InvalidLabels(
                f"Row {row} has {len(pair[0])} tokens and {len(pair[1])} tags in {column!r}.",
                "Write one tag for each token.",
            )
        clean = [("".join(str(word).split()), str(mark)) for word, mark in zip(*pair, strict=True)]
        clean = [(word, mark) for word, mark in clean if word]
        texts.append(" ".join(word for word, _ in clean))
        tags[row] = tuple(mark for _, mark in clean)
    if len({mark for row in tags for mark in row}) < 2:
        raise InvalidLabels(
            f"All tags of column {column!r} are the same.", "Choose another column of tags."
        )
    return texts, tags


def _span(context: str, value: Any, column: str, row: int) -> tuple[int, int]:
    try:
        starts, texts = list(value["answer_start"]), list(value["text"])
        if not starts:
            return NO_ANSWER
        start, text = int(starts[0]), str(texts[0])
    except (TypeError, KeyError, IndexError, ValueError) as cause:
        raise InvalidLabels(
            f"Row {row} of column {column!r} is {str(value)[:60]!r}.",
            'Answers have the shape {"text": ["..."], "answer_start": [0]}.',
        ) from cause
    if start < 0 or not text or context[start : start + len(text)] != text:
        raise InvalidLabels(
            f"The answer {text[:40]!r} of row {row} does not stand at {start} of its context.",
            "Count answer_start in characters of the context, from 0.",
        )
    return start, start + len(text)
