"""A target row by row, as it travels where maps are to be scored that no sketch is enough for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import InvalidEmbeddings, InvalidInput, InvalidLabels
from esm_client.core.limits import MAX_DIMENSION, MAX_LABEL_COLUMNS
from esm_client.core.scoring.features import as_features
from esm_client.core.scoring.labels import (
    Kind,
    check_kind,
    check_paired,
    class_numbers,
    label_columns,
)
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.tensors import dump_tensors, load_tensors

TOLERANCE = 1e-2
"""Relative distance of the inner products of a sketch and of its rows, in whatever precision."""
BLOCK_NUMBERS = 2**21
"""Of rows and their label columns, worked on at once. In float64 a whole target may take a hundred
times the bytes it travelled in."""
_AGAIN = "It is made of `embeddings` and `labels`: use EmbeddedTarget."


@dataclass(frozen=True)
class EmbeddedTarget:
    """Base embeddings (N, D) of a target and its labels: the rows that a sketch sums up.

    labels: (N,) numbers of classes, in the order of the sketch's columns, or (N, C) for regression.
    Both in the precision they came in.
    """

    embeddings: NDArray[Any]
    labels: NDArray[Any]
    kind: Kind

    @classmethod
    def of(cls, embeddings: ArrayLike, labels: ArrayLike, *, kind: Kind) -> "EmbeddedTarget":
        """From embeddings (N, D), kept in their precision, and labels as `label_columns` takes.

        Raises InvalidEmbeddings, InvalidLabels.
        """
        matrix = _checked(embeddings)
        if kind == "classification":
            numbers = class_numbers(labels).astype(np.float64)
        else:
            numbers = label_columns(labels, kind=kind).values
        check_paired(len(numbers), len(matrix))
        return cls(matrix, numbers, kind)

    def to_bytes(self) -> bytes:
        """Safetensors bytes with the tensors `embeddings` and `labels`."""
        arrays = {"embeddings": self.embeddings, "labels": self.labels}
        return dump_tensors(arrays, {"kind": self.kind})

    @classmethod
    def from_bytes(cls, data: bytes) -> "EmbeddedTarget":
        """Read what `to_bytes` wrote; raises InvalidEmbeddings, InvalidLabels."""
        tensors, metadata = load_tensors(data, "the embedded target", InvalidEmbeddings)
        kind: Any = metadata.get("kind")
        if set(tensors) != {"embeddings", "labels"}:
            raise InvalidEmbeddings(
                f"The embedded target holds the tensors {[n[:80] for n in sorted(tensors)[:6]]}.",
                _AGAIN,
            )
        embeddings, labels = tensors["embeddings"], tensors["labels"]
        _check_shapes(embeddings.shape, labels.shape)
        try:
            check_kind(kind)
            check_paired(len(labels), len(embeddings))
            read = _numbers_of_classes if kind == "classification" else _columns
            return cls(_checked(embeddings), read(labels), kind)
        except InvalidInput as error:
            raise InvalidEmbeddings(
                f"The embedded target: {error.message}",
                error.hint,
                parameters=error.parameters,
                **error.facts,
            ) from error

    @property
    def num_label_columns(self) -> int:
        """C: its classes, or its regression columns."""
        if self.kind == "classification":
            return int(self.labels.max()) + 1
        return self.labels.shape[1]

    def check(self, sketch: TargetSketch) -> None:
        """Raise InvalidEmbeddings unless these are the rows that the sketch was made from."""
        expected = (sketch.kind, sketch.num_rows, sketch.dimension)
        found = (self.kind, *self.embeddings.shape)
        if found == expected:
            if self._adds_up_to(sketch):
                return
            raise InvalidEmbeddings(
                "The embeddings and labels hold other numbers than those of the sketch.",
                "Make both from the same embeddings and labels, in the same order.",
            )
        raise InvalidEmbeddings(
            f"The embeddings ({found[0]}, {found[1]} rows, {found[2]} dimensions) are not those "
            f"of the sketch ({expected[0]}, {expected[1]} rows, {expected[2]} dimensions).",
            "Make both from the same embeddings and labels.",
        )

    def _adds_up_to(self, sketch: TargetSketch) -> bool:
        if self.num_label_columns != sketch.num_label_columns:
            return False
        of_rows, of_sketch = _products(self.sketch()), _products(sketch)
        gap = np.linalg.norm(of_rows - of_sketch)
        return bool(gap <= TOLERANCE * np.linalg.norm(of_sketch))

    def sketch(self, features: Callable[[Any], Any] | None = None) -> TargetSketch:
        """The sketch of the embeddings, or of the `features` (n, D) that a map makes of n of them.

        Some rows after the other, in float64.
        """
        classes = self.num_label_columns if self.kind == "classification" else 0
        names = [str(number) for number in range(classes)] or None
        rows, dimension = self.embeddings.shape
        sketch = TargetSketch(dimension, kind=self.kind, class_names=names)
        width = 1 + dimension + self.num_label_columns
        size = max(width, BLOCK_NUMBERS // width)
        for start in range(0, rows, size):
            block = self.embeddings[start : start + size].astype(np.float64)
            mapped = block if features is None else features(block)
            sketch.update(mapped, self.labels[start : start + size])
        return sketch


def _checked(embeddings: ArrayLike) -> NDArray[Any]:
    """A matrix of floats as it is, looked at some rows after the other; any other as float64."""
    if not isinstance(embeddings, np.ndarray):
        return as_features(embeddings)
    matrix = cast("NDArray[Any]", embeddings)
    if matrix.dtype.kind != "f" or matrix.ndim != 2:
        return as_features(matrix)
    size = max(1, BLOCK_NUMBERS // max(1, matrix.shape[1]))
    for start in range(0, max(1, len(matrix)), size):
        as_features(matrix[start : start + size])
    return matrix


def _check_shapes(embeddings: tuple[int, ...], labels: tuple[int, ...]) -> None:
    """Raise InvalidEmbeddings for what no target can be, before anything is made of it.

    A row of millions of columns would be copied, and shown in errors, at many times its bytes.
    """
    is_matrix = len(embeddings) == 2 and 1 <= embeddings[1] <= MAX_DIMENSION
    are_labels = len(labels) == 1 or (len(labels) == 2 and 1 <= labels[1] <= MAX_LABEL_COLUMNS)
    if not (is_matrix and are_labels):
        raise InvalidEmbeddings(
            f"The embedded target has embeddings of shape {embeddings} and labels of {labels}; it "
            f"may have {MAX_DIMENSION} dimensions and {MAX_LABEL_COLUMNS} label columns.",
            _AGAIN,
        )


def _columns(labels: NDArray[Any]) -> NDArray[Any]:
    """Regression labels (N, C); raises InvalidLabels for NaN or infinity."""
    if not np.isfinite(labels).all():
        raise InvalidLabels(
            "Its regression labels hold NaN or infinity.",
            "Leave rows without a finite label out.",
        )
    return labels.reshape(len(labels), -1)


def _numbers_of_classes(labels: NDArray[Any]) -> NDArray[Any]:
    """Labels that are numbers from 0 without gaps, as `of` makes them; raises InvalidEmbeddings."""
    if labels.ndim == 1 and labels.size and labels.min() >= 0 and labels.max() < MAX_LABEL_COLUMNS:
        occurs = np.zeros(int(labels.max()) + 1, dtype=bool)
        starts = range(0, len(labels), BLOCK_NUMBERS)
        if all(_marked(occurs, labels[at : at + BLOCK_NUMBERS]) for at in starts) and occurs.all():
            return labels
    raise InvalidEmbeddings("Its labels are not numbers of classes, from 0 without gaps.", _AGAIN)


def _marked(occurs: NDArray[np.bool_], labels: NDArray[Any]) -> bool:
    """Note which numbers occur; False where some are not whole."""
    numbers = labels.astype(np.intp)
    occurs[numbers] = True
    return np.array_equal(numbers, labels)


def _products(sketch: TargetSketch) -> NDArray[np.float64]:
    """X^T Y (D, C)."""
    design = sketch.design(intercept=False)
    products = design.features.T @ design.labels[: len(design.features)]
    return products[: sketch.dimension]
