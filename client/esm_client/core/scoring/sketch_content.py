"""What a target sketch consists of: how two add up, and the score of a map."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import (
    DimensionMismatch,
    InvalidInput,
    InvalidLabels,
    InvalidSketch,
)
from esm_client.core.limits import MAX_LABEL_COLUMNS
from esm_client.core.scoring.design import TargetDesign
from esm_client.core.scoring.factor import TriangularFactor
from esm_client.core.scoring.features import CONSTANT_TOLERANCE
from esm_client.core.scoring.labels import (
    Kind,
    label_map_digest,
    nothing_to_explain,
    sorted_class_names,
)
from esm_client.core.scoring.views import Views

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SketchContent:
    """The factor of [1 Z Y] and the meaning of its columns; an empty one has no factor.

    Z is X (N, D), or X and views. `class_names` ascend; they are empty for regression and None
    where they are unknown.
    """

    kind: Kind
    dimension: int
    class_names: list[str] | None
    class_counts: list[int]
    label_map_digest: str
    factor: TriangularFactor | None
    views: Views | None = None

    @staticmethod
    def of_classes(
        kind: Kind,
        dimension: int,
        class_names: list[str],
        class_counts: list[int],
        factor: TriangularFactor | None,
        views: Views | None = None,
    ) -> "SketchContent":
        """Content with known class names, and the digest that follows from them."""
        if len(class_names) > MAX_LABEL_COLUMNS:
            raise _too_many_columns(len(class_names))
        digest = label_map_digest(kind, class_names)
        return SketchContent(kind, dimension, class_names, class_counts, digest, factor, views)

    @property
    def width(self) -> int:
        """The columns of Z."""
        return self.dimension + (self.views.count if self.views else 0)

    @property
    def label_columns(self) -> int:
        """Columns of Y, classes that do not occur included."""
        if self.kind == "classification":
            return len(self.class_counts)
        return 0 if self.factor is None else len(self.factor.mean) - self.width

    def filled(self) -> TriangularFactor:
        """The factor; InvalidSketch if the sketch is empty."""
        if self.factor is None:
            raise InvalidSketch("The sketch is empty.", "Add rows with update first.")
        return self.factor

    def merged(self, other: "SketchContent") -> "SketchContent":
        """Content for the rows of both; see TargetSketch.merge."""
        self._check_mergeable(other)
        if self.factor is None and not self.class_counts:
            return other
        if other.factor is None and not other.class_counts:
            return self
        if self.class_names is not None and other.class_names is not None:
            names = sorted_class_names({*self.class_names, *other.class_names})
            left = self._spread(self.class_names, names)
            right = other._spread(other.class_names, names)
        elif self.label_map_digest == other.label_map_digest:
            names = self.class_names or other.class_names
            left, right = self, other
        else:
            raise InvalidSketch(
                "The two sketches have different label maps, and the names of at least one "
                "are unknown.",
                "Declare the same class_names for both when they are made.",
            )
        if left.factor is None or right.factor is None:
            factor = left.factor or right.factor
        else:
            factor = left.factor.merged(right.factor)
        pairs = zip(left.class_counts, right.class_counts, strict=True)
        return SketchContent(
            self.kind, self.dimension, names, [a + b for a, b in pairs],
            left.label_map_digest, factor, self.views,
        )  # fmt: skip

    def design(self, *, intercept: bool, wide: bool = False) -> TargetDesign:
        """What features and labels are, up to a rotation; raises InvalidLabels, InvalidSketch.

        The features are those of x, or of all of z. As the factor is triangular, both have their
        coordinates in the same basis of the rows: x uses its first ones.
        """
        factor, width = self.filled(), self.width if wide else self.dimension
        labels = self._varying_labels(factor, intercept=intercept)
        features = factor.centred[:width, :width]
        features = np.where(_constant(factor)[:width], 0.0, features)
        if intercept:
            return TargetDesign(self.kind, features, labels, None, factor.num_rows - 1)
        first = np.sqrt(factor.num_rows) * factor.mean[:width]
        features = np.vstack([first, features])
        constant = np.zeros(len(features))
        constant[0] = np.sqrt(factor.num_rows)
        return TargetDesign(self.kind, features, labels, constant, factor.num_rows)

    def check_varied(self, *, intercept: bool) -> None:
        """Raise InvalidLabels where there is nothing to explain; InvalidSketch if it is empty."""
        self._varying_labels(self.filled(), intercept=intercept)

    def _varying_labels(self, factor: TriangularFactor, *, intercept: bool) -> Array:
        """Columns of the labels that count: of classes, those that occur."""
        labels = factor.centred[:, self.width :]
        mean = factor.mean[self.width :]
        if self.kind == "classification":
            occurs = np.asarray(self.class_counts) > 0
            if intercept and np.count_nonzero(occurs) == 1:
                raise nothing_to_explain("only one class occurs")
            labels, mean = labels[:, occurs], mean[occurs]
        else:
            constant = _constant(factor)[self.width :]
            labels = np.where(constant, 0.0, labels)
            flat = np.flatnonzero(constant & (intercept | (mean == 0.0)))
            if flat.size:
                raise nothing_to_explain(f"regression column {flat[0]} is constant")
        if intercept:
            return labels
        return np.vstack([np.sqrt(factor.num_rows) * mean, labels])

    def _spread(self, own: list[str], names: list[str]) -> "SketchContent":
        """The same with the classes `names`, a superset of its `own`."""
        if names == own:
            return self
        position = {name: index for index, name in enumerate(names)}
        positions = [position[name] for name in own]
        counts = [0] * len(names)
        for index, count in zip(positions, self.class_counts, strict=True):
            counts[index] = count
        factor = self.factor
        if factor is not None:
            columns = [*range(self.width), *(self.width + p for p in positions)]
            factor = factor.spread(columns, self.width + len(names))
        return SketchContent.of_classes(
            self.kind, self.dimension, names, counts, factor, self.views
        )

    def _check_mergeable(self, other: "SketchContent") -> None:
        if self.dimension != other.dimension:
            raise DimensionMismatch(
                f"Rows of width {other.dimension} do not fit a sketch of dimension "
                f"{self.dimension}.",
                "Embed all rows in the same embedding space.",
            )
        if self.views != other.views:
            raise InvalidSketch(
                "The two sketches have different views of an inner layer.",
                "Embed all rows in the same embedding space, with its views or without.",
            )
        if self.kind != other.kind:
            raise InvalidInput(
                f"A {other.kind} sketch does not fit a {self.kind} sketch.",
                "Merge sketches of the same target.",
            )
        both = self.factor is not None and other.factor is not None
        regression = self.kind == "regression"
        if both and regression and self.label_columns != other.label_columns:
            raise InvalidLabels(
                f"{other.label_columns} regression columns do not fit {self.label_columns}.",
                "Give every block the same label columns.",
            )


def _constant(factor: TriangularFactor) -> NDArray[np.bool_]:
    """Columns whose deviations from the mean are rounding only."""
    lowest, highest = factor.centred.min(axis=0, initial=0), factor.centred.max(axis=0, initial=0)
    largest = np.maximum(-lowest, highest)  # no second matrix, as the magnitudes would be
    return largest <= CONSTANT_TOLERANCE * np.sqrt(factor.num_rows) * np.abs(factor.mean)


def _too_many_columns(columns: int) -> InvalidLabels:
    return InvalidLabels(
        f"{columns} label columns are more than a sketch holds ({MAX_LABEL_COLUMNS}).",
        'Merge rare classes, or use kind="regression" for numbers.',
    )
