"""What is ranked for: a data set that is embedded here, or ready embeddings."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from esm_client.cli.options.session import Session
from esm_client.core.schemas import SourceKind, SpaceDetail
from esm_client.core.scoring.jackknife import fold_sketches
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.spaces import SpaceFingerprint
from esm_client.workflows.arrays import as_kind, load_embeddings, load_labels
from esm_client.workflows.base_models import space_embedder

if TYPE_CHECKING:
    from esm_client.lab.data.task import TextTask


@dataclass(frozen=True)
class Target:
    """A target in one space: its sketch, the proof of that space, and what it was made from."""

    sketch: TargetSketch
    fingerprint: SpaceFingerprint | None
    embedded: tuple[Any, Any]

    def folds(self) -> list[TargetSketch]:
        """Sketches of ten folds of it."""
        return fold_sketches(*self.embedded, kind=self.sketch.kind)


@dataclass(frozen=True)
class Source:
    """Where targets come from: a task, or files of embeddings and labels."""

    task: "TextTask | None"
    embeddings: Path | None
    labels: Path | None
    label_column: str | None
    kind: SourceKind | None
    sent: str = "Only its sketch is sent."
    """What is said of where it goes."""

    def target(
        self, session: Session, url: str, space: SpaceDetail, base_model: str | None
    ) -> Target:
        """The target in a space; raises SpaceMismatch for embeddings of another base model."""
        made = self._embedded(url, space, base_model) if self.task else self._ready()
        session.output.note(f"{_described(made.sketch)} {self.sent}")
        return made

    def _embedded(self, url: str, space: SpaceDetail, base_model: str | None) -> Target:
        task = self.task
        assert task is not None  # noqa: S101 - the only caller has looked
        embedder = space_embedder(url, space, base_model)
        matrix = embedder.embed(task.texts)
        sketch = TargetSketch.from_embeddings(matrix, task.labels, kind=task.target_kind)
        return Target(sketch, embedder.fingerprint, (matrix, task.labels))

    def _ready(self) -> Target:
        if self.embeddings is None or self.labels is None:
            raise typer.BadParameter("Give DATA, or --embeddings together with --labels.")
        matrix = load_embeddings(self.embeddings)
        kind: Any = self.kind
        values, found = as_kind(load_labels(self.labels, self.label_column), kind)
        return Target(
            TargetSketch.from_embeddings(matrix, values, kind=found), None, (matrix, values)
        )


def _described(sketch: TargetSketch) -> str:
    labels = "classes" if sketch.kind == "classification" else "label columns"
    return (
        f"Target: {sketch.kind}, {sketch.num_rows} rows, {sketch.num_label_columns} {labels}, "
        f"{sketch.dimension} dimensions."
    )
