"""The target sketch: all that any affine map's score needs, without the rows."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import DimensionMismatch, InvalidEmbeddings, InvalidInput, InvalidLabels
from esm_client.core.limits import MAX_DIMENSION, MAX_LABEL_COLUMNS
from esm_client.core.scoring.affine import affine_map
from esm_client.core.scoring.design import TargetDesign
from esm_client.core.scoring.disclosure import (
    SMALL_CLASS_ROWS,
    FewRowsWarning,
    SmallClassWarning,
    warn_few_rows,
    warn_small_classes,
)
from esm_client.core.scoring.factor import TriangularFactor
from esm_client.core.scoring.features import as_features
from esm_client.core.scoring.labels import (
    Kind,
    check_kind,
    check_paired,
    label_columns,
    sorted_class_names,
)
from esm_client.core.scoring.sketch_bytes import MAX_MAGNITUDE, decode_sketch, encode_sketch
from esm_client.core.scoring.sketch_content import SketchContent
from esm_client.core.scoring.views import Views

__all__ = ["FewRowsWarning", "SmallClassWarning", "TargetSketch"]


class TargetSketch:
    """The triangular factor of [1 Z Y] for embeddings Z (N, D) and label columns Y.

    It keeps all inner products of those columns, hence the score of every affine map
    x -> W x + b exactly, in a size that does not grow with N. It holds no texts and
    no single embedding, but it is no formal privacy guarantee: see `small_classes`.

    The constructor makes an empty sketch for `update`. `class_names` declares the
    classes beforehand, so that sketches of parts of one target have the same columns
    and can be merged where the names are unknown; else classes are taken as they come. With
    `views`, Z = [X, U] is wider than D: its last columns are views of an inner layer, which wide
    maps read.

    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(40) % 2
    >>> x = rng.normal(size=(40, 3)) + y[:, np.newaxis]
    >>> sketch = TargetSketch(3, kind="classification")
    >>> sketch.update(x[:15], y[:15])
    >>> sketch.update(x[15:], y[15:])
    >>> sketch
    TargetSketch(kind='classification', num_rows=40, dimension=3, num_label_columns=2)
    >>> round(sketch.identity_log_maximum_evidence(), 6)
    -0.563988
    """

    def __init__(
        self,
        dimension: int,
        *,
        kind: Kind,
        class_names: list[str] | None = None,
        views: Views | None = None,
    ) -> None:
        """An empty sketch. Raises InvalidInput for an impossible kind, dimension or views."""
        check_kind(kind)
        if not 1 <= dimension <= MAX_DIMENSION:
            raise InvalidInput(
                f"A sketch of dimension {dimension} is not possible.",
                f"Use embeddings with 1 to {MAX_DIMENSION} dimensions.",
            )
        if views is not None and not 1 <= views.count <= dimension:
            raise InvalidInput(
                f"{views.count} views beside {dimension} dimensions are not possible.",
                f"Use 1 to {dimension} views.",
            )
        self._declared = None if class_names is None else sorted_class_names(class_names)
        names = self._declared or []
        self._content = SketchContent.of_classes(
            kind, dimension, names, [0] * len(names), None, views
        )

    @classmethod
    def from_embeddings(
        cls,
        embeddings: ArrayLike,
        labels: ArrayLike,
        *,
        kind: Kind,
        class_names: list[str] | None = None,
        views: Views | None = None,
    ) -> "TargetSketch":
        """Sketch of embeddings (N, Z), float16 to float64, and labels as in `label_columns`.

        Without views Z is D; with them their columns are the last.

        Warns (SmallClassWarning, FewRowsWarning) where the sketch reveals single rows.
        Raises what `update` raises. Labels that do not vary still make a sketch, as a
        part of a target may have them; then its score raises.
        """
        matrix = as_features(embeddings)
        width = matrix.shape[1]
        if views is not None and views.count >= width:
            raise DimensionMismatch(
                f"Embeddings of width {width} do not hold {views.count} views and an embedding.",
                "Embed the texts with the space's own base model and views.",
            )
        dimension = width - (views.count if views else 0)
        sketch = cls(dimension, kind=kind, class_names=class_names, views=views)
        sketch.update(matrix, labels)
        sketch._warn()
        return sketch

    @classmethod
    def from_bytes(cls, data: bytes) -> "TargetSketch":
        """Read a sketch; InvalidSketch for bytes that are not one, or contradict themselves.

        The names of classes do not travel: `class_names` is None.
        """
        content = decode_sketch(data)
        sketch = cls(content.dimension, kind=content.kind, views=content.views)
        sketch._content = content
        return sketch

    def to_bytes(self) -> bytes:
        """Safetensors bytes with the factor, the counts and the digest of the label map.

        Warns as `from_embeddings` does. Raises InvalidSketch if the sketch is empty.
        """
        self._content.filled()
        self._warn()
        return encode_sketch(self._content)

    @property
    def kind(self) -> Kind:
        """Classification or regression."""
        return self._content.kind

    @property
    def num_rows(self) -> int:
        """N, the rows seen so far."""
        return self._content.factor.num_rows if self._content.factor else 0

    @property
    def dimension(self) -> int:
        """D, the width of the base model's embeddings."""
        return self._content.dimension

    @property
    def views(self) -> Views | None:
        """What the columns behind the first D are; None where there are none."""
        return self._content.views

    @property
    def width(self) -> int:
        """Z, the columns of the embeddings: D and the views."""
        return self._content.width

    @property
    def num_label_columns(self) -> int:
        """C: the classes that occur, or the regression columns."""
        if self.kind == "classification":
            return sum(count > 0 for count in self._content.class_counts)
        return self._content.label_columns

    @property
    def class_names(self) -> list[str] | None:
        """Names of the classes in column order; empty for regression, None if unknown."""
        names = self._content.class_names
        return None if names is None else list(names)

    @property
    def class_counts(self) -> list[int]:
        """Rows per class in column order; empty for regression."""
        return list(self._content.class_counts)

    @property
    def label_map_digest(self) -> str:
        """Digest of the kind and the class names."""
        return self._content.label_map_digest

    def __repr__(self) -> str:
        return (
            f"TargetSketch(kind={self.kind!r}, num_rows={self.num_rows}, "
            f"dimension={self.dimension}, num_label_columns={self.num_label_columns})"
        )

    def small_classes(self, minimum: int = SMALL_CLASS_ROWS) -> list[tuple[str, int]]:
        """Classes that occur in fewer than `minimum` rows, with their counts.

        Sums of embeddings per class follow from a sketch, so a class of one row reveals
        that row's embedding. Without names a class is called by its column, from "#0".
        """
        counts = self._content.class_counts
        names = self._content.class_names or [f"#{index}" for index in range(len(counts))]
        pairs = zip(names, counts, strict=True)
        return [(name, count) for name, count in pairs if 0 < count < minimum]

    def update(self, embeddings: ArrayLike, labels: ArrayLike) -> None:
        """Add a block of rows: embeddings (n, Z) and n labels. The arrays are not kept.

        Blocks of D rows or more are the fastest. Raises InvalidEmbeddings, InvalidLabels
        or DimensionMismatch, and InvalidSketch if the class names are unknown; the
        sketch then stays as it was.
        """
        matrix = as_features(embeddings)
        if matrix.shape[1] != self.width:
            raise DimensionMismatch(
                f"Embeddings of width {matrix.shape[1]} do not fit a sketch of dimension "
                f"{self.width}.",
                "Embed all rows in the same embedding space.",
            )
        columns = label_columns(labels, kind=self.kind, class_names=self._declared)
        check_paired(len(columns.values), len(matrix))
        rows = _joined(matrix, columns.values)
        block = SketchContent.of_classes(
            self.kind,
            self.dimension,
            columns.class_names,
            columns.class_counts,
            TriangularFactor.from_rows(rows),
            self.views,
        )
        self._content = self._content.merged(block)

    def merge(self, other: "TargetSketch") -> "TargetSketch":
        """The sketch of the rows of both, as a new one; classes are united by name.

        Raises DimensionMismatch for another width, InvalidInput for another kind,
        InvalidSketch if class names are unknown and the label maps differ, InvalidLabels
        if regression columns differ in number or there would be too many classes.
        """
        merged = TargetSketch(self.dimension, kind=self.kind, views=self.views)
        merged._content = self._content.merged(other._content)
        merged._declared = self._declared
        return merged

    def log_maximum_evidence(
        self, weight: ArrayLike, bias: ArrayLike | None = None, *, intercept: bool = True
    ) -> float:
        """Score of the features X W^T + b: `log_maximum_evidence` without the rows.

        weight: (D_out, D), or (D_out, Z) of a map that reads the views too; bias: (D_out,), which
        makes no difference with intercept.
        Source: You et al. 2021 (LogME), section 3; MacKay 1992.
        Raises DimensionMismatch or InvalidInput for a map that does not fit or is not
        finite, InvalidLabels if the labels do not vary, InvalidSketch for an empty
        sketch, InvalidEmbeddings if the features overflow.
        """
        w, b = affine_map(weight, bias, self.dimension, self.width)
        wide = w.shape[1] > self.dimension
        return self.design(intercept=intercept, wide=wide).mean_log_evidence(w, b)

    def identity_log_maximum_evidence(self, *, intercept: bool = True) -> float:
        """Score of the embeddings as they are, without any map; raises as with one."""
        return self.design(intercept=intercept).mean_log_evidence()

    def design(self, *, intercept: bool = True, wide: bool = False) -> TargetDesign:
        """What all scores of this target start from; raises InvalidLabels, InvalidSketch.

        wide: for maps that read the views too.
        """
        return self._content.design(intercept=intercept, wide=wide)

    def check_varied(self, *, intercept: bool = True) -> None:
        """Raise what `design` raises, InvalidLabels or InvalidSketch, without making it."""
        self._content.check_varied(intercept=intercept)

    def _warn(self) -> None:
        warn_small_classes(self.small_classes(), stacklevel=3)
        columns = 1 + self.width + self._content.label_columns
        warn_few_rows(self.num_rows, columns, stacklevel=3)


def _joined(matrix: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """[X Y], if it is within the limits of a sketch."""
    if labels.shape[1] > MAX_LABEL_COLUMNS:
        raise InvalidLabels(
            f"{labels.shape[1]} label columns are more than a sketch holds.",
            f"Use at most {MAX_LABEL_COLUMNS}; merge rare classes.",
        )
    largest = 1e-20 * MAX_MAGNITUDE
    if np.max(np.abs(matrix)) > largest:
        raise InvalidEmbeddings(
            f"Embeddings with magnitudes above {largest:g} do not fit a sketch.",
            "Scale them down; the score does not depend on their scale.",
        )
    if np.max(np.abs(labels)) > largest:
        raise InvalidLabels(
            f"Labels with magnitudes above {largest:g} do not fit a sketch.",
            "Scale them down; the score does not depend on their unit.",
        )
    return np.column_stack([matrix, labels])
