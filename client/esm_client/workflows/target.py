"""What is ranked for: a task that is embedded here, or ready embeddings with their labels."""

import os
from collections.abc import Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union, cast

from numpy.typing import ArrayLike

from esm_client.core.errors import InvalidInput
from esm_client.core.progress import Progress
from esm_client.core.schemas import Kind, SourceKind
from esm_client.core.scoring.jackknife import fold_sketches
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.spaces import SpaceFingerprint
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
        sketch = TargetSketch.from_embeddings(matrix, task.labels, kind=task.target_kind)
        return cls(sketch, embedder.fingerprint, (matrix, task.labels))

    @classmethod
    def of_arrays(cls, arrays: Arrays, kind: Kind | None) -> "EmbeddedQuery":
        """Ready embeddings and labels, whose space nobody can verify.

        Raises InvalidEmbeddings, InvalidLabels.
        """
        matrix, labels = arrays
        values, found = as_kind(labels, kind)
        sketch = TargetSketch.from_embeddings(matrix, values, kind=found)
        return cls(sketch, None, (matrix, values))

    def folds(self) -> list[TargetSketch]:
        """Sketches of ten folds of it."""
        return fold_sketches(*self.embedded, kind=self.sketch.kind)

    @property
    def described(self) -> str:
        """What it is, in a sentence."""
        sketch = self.sketch
        labels = "classes" if sketch.kind == "classification" else "label columns"
        return (
            f"Target: {sketch.kind}, {sketch.num_rows} rows, {sketch.num_label_columns} {labels}, "
            f"{sketch.dimension} dimensions."
        )
