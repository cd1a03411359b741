"""A target row by row, as it travels where maps are to be scored that no sketch is enough for."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import InvalidEmbeddings, InvalidInput
from esm_client.core.scoring.disclosure import DisclosureWarning
from esm_client.core.scoring.features import as_features
from esm_client.core.scoring.labels import Kind, check_paired, label_columns
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.tensors import dump_tensors, load_tensors

TOLERANCE = 1e-2
"""Relative distance of the inner products of a sketch and of its rows, in whatever precision."""


@dataclass(frozen=True)
class EmbeddedTarget:
    """Base embeddings (N, D) of a target and its labels: the rows that a sketch sums up.

    labels: (N,) numbers of classes, in the order of the sketch's columns, or (N, C) for regression.
    """

    embeddings: NDArray[Any]
    labels: NDArray[np.float64]
    kind: Kind

    @classmethod
    def of(cls, embeddings: ArrayLike, labels: ArrayLike, *, kind: Kind) -> "EmbeddedTarget":
        """From embeddings (N, D), kept in their precision, and labels as `label_columns` takes.

        Raises InvalidEmbeddings, InvalidLabels.
        """
        checked, given = as_features(embeddings), np.asarray(embeddings)
        columns = label_columns(labels, kind=kind).values
        check_paired(len(columns), len(checked))
        matrix = given if given.dtype.kind == "f" else checked
        if kind == "classification":
            return cls(matrix, columns.argmax(axis=1).astype(np.float64), kind)
        return cls(matrix, columns, kind)

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
                "It is made of `embeddings` and `labels`: use EmbeddedTarget.",
            )
        try:
            return cls.of(tensors["embeddings"], tensors["labels"], kind=kind)
        except InvalidInput as error:
            raise InvalidEmbeddings(
                f"The embedded target: {error.message}",
                error.hint,
                parameters=error.parameters,
                **error.facts,
            ) from error

    def check(self, sketch: TargetSketch) -> None:
        """Raise InvalidEmbeddings unless these are the rows that the sketch was made from."""
        expected = (sketch.kind, sketch.num_rows, sketch.dimension)
        found = (self.kind, *self.embeddings.shape)
        if found == expected:
            of_rows, of_sketch = _products(self.sketch(self.embeddings)), _products(sketch)
            if of_rows.shape == of_sketch.shape:
                gap = np.linalg.norm(of_rows - of_sketch)
                if gap <= TOLERANCE * np.linalg.norm(of_sketch):
                    return
        if found == expected:
            raise InvalidEmbeddings(
                "The embeddings and labels hold other numbers than those of the sketch.",
                "Make both from the same embeddings and labels, in the same order.",
            )
        raise InvalidEmbeddings(
            f"The embeddings ({found[0]}, {found[1]} rows, {found[2]} dimensions) are not those "
            f"of the sketch ({expected[0]}, {expected[1]} rows, {expected[2]} dimensions).",
            "Make both from the same embeddings and labels.",
        )

    def sketch(self, features: ArrayLike) -> TargetSketch:
        """The sketch of other features (N, D) of the same rows, such as a map makes."""
        with warnings.catch_warnings():  # the rows are here anyway
            warnings.simplefilter("ignore", DisclosureWarning)
            return TargetSketch.from_embeddings(features, self.labels, kind=self.kind)


def _products(sketch: TargetSketch) -> NDArray[np.float64]:
    """X^T Y (D, C)."""
    design = sketch.design(intercept=False)
    return design.features.T @ design.labels[: len(design.features)]
