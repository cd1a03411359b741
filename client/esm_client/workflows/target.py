"""What is ranked for: a task that is embedded here, or ready embeddings with their labels."""

import os
from collections.abc import Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union, cast

from numpy.typing import ArrayLike

from esm_client.core.errors import DimensionMismatch, InvalidInput
from esm_client.core.progress import Progress
from esm_client.core.schemas import Kind, SourceKind
from esm_client.core.scoring.features import as_features
from esm_client.core.scoring.jackknife import fold_sketches
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.spaces import SpaceFingerprint, SpaceIdentity
from esm_client.workflows.arrays import as_kind

if TYPE_CHECKING:
    from esm_client.lab.data.task import TextTask
    from esm_client.lab.embedding import Embedder

Arrays = tuple[ArrayLike, ArrayLike]
"""Embeddings (N, D) and N labels, or labels (N, C) of a regression."""
Target = Union["TextTask", str, "os.PathLike[str]", Arrays, list[ArrayLike]]
"""A task, the path or hub id of one, or embeddings with labels as a tuple or a list of two."""


def read_target(
    target: Target, kind: SourceKind | None, seed: int, progress: Progress
) -> "TextTask | Arrays":
    """A task or arrays; kind, seed: of what is read from a path or a hub id.

    Raises InvalidInput for anything else, and what `load_task` raises.
    """
    from esm_client.lab.data.loading import load_task
    from esm_client.lab.data.task import TextTask

    if isinstance(target, str | os.PathLike):
        step = f"Reading {os.fspath(target)}"
        progress(step, 0, 1)
        task = load_task(os.fspath(target), kind=kind, seed=seed)
        progress(step, 1, 1)
        return task
    if isinstance(target, TextTask):
        return target
    length = _length(target)
    if length == 2:
        embeddings, labels = target
        return embeddings, labels
    size = "" if length is None else f" of {length}"
    raise InvalidInput(
        f"`target` cannot be a {type(target).__name__}{size}.",
        "Pass what `load_task` returns, a path or hub id that it reads, or a pair of embeddings "
        "and labels.",
    )


def _length(target: object) -> int | None:
    """Of a tuple or list; None for anything else."""
    return len(cast("Sized", target)) if isinstance(target, tuple | list) else None


@dataclass(frozen=True)
class EmbeddedQuery:
    """A target in one space: its sketch, the proof of that space, and what it was made from."""

    sketch: TargetSketch
    fingerprint: SpaceFingerprint | None
    embedded: tuple[Any, Any]

    @classmethod
    def of_task(cls, task: "TextTask", embedder: "Embedder", progress: Progress) -> "EmbeddedQuery":
        """Embed a task; raises InvalidInput for kinds without class or number labels."""
        matrix = embedder.embed(task.texts, progress=progress)
        views = embedder.views
        sketch = TargetSketch.from_embeddings(
            matrix, task.labels, kind=task.target_kind, views=views
        )
        return cls(sketch, embedder.fingerprint, (matrix, task.labels))

    @classmethod
    def of_arrays(
        cls, arrays: Arrays, kind: Kind | None, identity: SpaceIdentity | None = None
    ) -> "EmbeddedQuery":
        """Ready embeddings and labels, of whose space nobody can verify more than the width.

        identity: of the space that they are said to be of. Raises InvalidEmbeddings, InvalidLabels,
        DimensionMismatch for embeddings without the views of that space.
        """
        matrix, labels = arrays
        values, found = as_kind(labels, kind)
        views = None
        if identity is not None and identity.views is not None:
            if (width := as_features(matrix).shape[1]) != identity.width:
                raise DimensionMismatch(
                    f"The embeddings have {width} numbers a text, the space has {identity.width}: "
                    f"{identity.dimension}, and {identity.views} behind them.",
                    "Embed the texts with `Embedder(..., views=space.identity.views)`.",
                )
            views = identity.views.of_sketch(identity.dimension)
        sketch = TargetSketch.from_embeddings(matrix, values, kind=found, views=views)
        return cls(sketch, None, (matrix, values))

    def folds(self) -> list[TargetSketch]:
        """Sketches of ten folds of it."""
        sketch = self.sketch
        return fold_sketches(*self.embedded, kind=sketch.kind, views=sketch.views)

    @property
    def described(self) -> str:
        """What it is, in a sentence."""
        sketch = self.sketch
        labels = "classes" if sketch.kind == "classification" else "label columns"
        return (
            f"Target: {sketch.kind}, {sketch.num_rows} rows, {sketch.num_label_columns} {labels}, "
            f"{sketch.dimension} dimensions"
            + (f" and {sketch.views.count} views of an inner layer." if sketch.views else ".")
        )
