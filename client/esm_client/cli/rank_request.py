"""What `esm-client rank` was asked for, and whether it can be."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from esm_client.core.errors import InvalidInput
from esm_client.core.schemas import EsmFilter, SourceKind
from esm_client.core.schemas.rankings import Mode

if TYPE_CHECKING:
    from esm_client.lab.data.task import TextTask

ORDINARY = "esm-logme"
"""The method of a ranking without --method."""


@dataclass(frozen=True)
class RankRequest:
    """The options of one run; those that only say how DATA is read are left out."""

    data: str | None
    spaces: Sequence[str]
    pack: Path | None
    base_models: Sequence[str]
    embeddings: Path | None
    labels: Path | None
    label_column: str | None
    kind: SourceKind | None
    filter: EsmFilter
    keep_copies: bool
    mode: Mode
    uncertainty: bool
    send_embeddings: bool
    intercept: bool
    seed: int
    top: int | None
    methods: Sequence[str]
    source_models: Sequence[str]
    scores: bool

    @property
    def by_methods(self) -> bool:
        """Whether any other method than the ordinary one is wanted."""
        return bool(set(self.methods) - {ORDINARY})

    @property
    def sent(self) -> str:
        """What is said of where the target goes."""
        if self.pack is not None:
            return "Nothing is sent."
        if self.send_embeddings:
            return "The embedding and label of every row are sent."
        if self.uncertainty:
            return "Only its sketch and those of ten folds are sent."
        return "Only its sketch is sent."

    def base_model(self, number: int = 0) -> str | None:
        """The folder that was named for the base model of a space, by the space's number."""
        return self.base_models[number] if self.base_models else None

    def check(self) -> None:
        """Raise BadParameter for options that do not go together, InvalidInput for no method."""
        if bool(self.spaces) == bool(self.pack):
            raise typer.BadParameter("Give --space, or --pack with a pulled one.")
        if (self.data is None) == (self.embeddings is None) or (self.embeddings is None) != (
            self.labels is None
        ):
            raise typer.BadParameter("Give DATA, or --embeddings together with --labels.")
        if len(set(self.spaces)) < len(self.spaces):
            raise typer.BadParameter("Give every --space once.")
        if len(self.base_models) not in (0, max(1, len(self.spaces))):
            raise typer.BadParameter("Give --base-model for every space, or for none.")
        if self.embeddings is not None and len(self.spaces) > 1:
            raise typer.BadParameter("Embeddings are of one space; give DATA to rank in several.")
        if self.embeddings is not None and self.kind not in (None, "classification", "regression"):
            raise typer.BadParameter(f"--kind {self.kind} is of texts; give DATA.")
        if self.methods:
            _check_names(self.methods)
        _check_source_models(self.methods, self.source_models)
        if self.by_methods:
            self._check_methods()
        else:
            self._check_ordinary()

    def check_task(self, task: "TextTask") -> None:
        """Raise InvalidInput where the ordinary ranking cannot work with the labels of DATA."""
        if task.kind in ("classification", "regression"):
            return
        where = ["--pack", str(self.pack)] if self.pack else ["--space", *self.spaces[:1]]
        command = shlex.join(["esm-client", "rank", str(self.data), *where, "--method", "all"])
        raise InvalidInput(
            f"{task.source_task.data_set} is a {task.kind} data set, for which sources cannot be "
            "ranked by its labels.",
            f"Rank them by the methods that need none: {command}",
        )

    def _check_ordinary(self) -> None:
        if self.scores:
            raise typer.BadParameter(
                f"--scores shows those of --method; the ranking by {ORDINARY} alone shows its own."
            )
        if self.pack is None:
            return
        if self.mode in ("screened", "prefiltered"):
            raise typer.BadParameter(
                f"--mode {self.mode} is a server's; with --pack everything is scored exactly: "
                "leave it out."
            )
        if self.send_embeddings:
            raise typer.BadParameter(
                "With --pack nothing is sent, and MLP maps are scored all the same: leave "
                "--send-embeddings out."
            )

    def _check_methods(self) -> None:
        if self.embeddings is not None:
            raise typer.BadParameter("--method reads texts; give DATA instead of --embeddings.")
        if len(self.spaces) > 1:
            raise typer.BadParameter(
                "What methods measure compares within one space only: give one --space."
            )
        ordinary = {
            "--uncertainty": self.uncertainty,
            "--send-embeddings": self.send_embeddings,
            "--no-intercept": not self.intercept,
            f"--mode {self.mode}": self.mode != "auto",
        }
        for option, is_given in ordinary.items():
            if is_given:
                raise typer.BadParameter(
                    f"{option} is of the ranking by {ORDINARY} alone: leave it out, or --method."
                )


def _check_names(methods: Sequence[str]) -> None:
    from esm_client.lab.selection.choice import check_methods

    check_methods(methods)


def _check_source_models(methods: Sequence[str], source_models: Sequence[str]) -> None:
    if not source_models:
        return
    from esm_client.lab.selection.choice import ALL, OF_MODELS

    if not {ALL, *OF_MODELS} & set(methods):
        raise typer.BadParameter(
            "--source-model is for methods that use source models: add --method logme, nce, leep "
            "or frozen-transfer."
        )
    for text in source_models:
        if not all(text.partition("=")):
            raise typer.BadParameter(f"--source-model takes REFERENCE=FOLDER, not {text!r}.")
