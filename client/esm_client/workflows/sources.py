"""How to get the source tasks of a ranking: a folder, the registry's model, or data."""

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.errors import EsmError, InvalidInput
from esm_client.core.progress import Progress
from esm_client.core.references import Reference
from esm_client.core.shield.source import SourceSketches, TargetHashes
from esm_client.core.warnings import EsmWarning
from esm_client.ranking.rows import percent

if TYPE_CHECKING:
    from esm_client.core.schemas import EsmVersionDetail
    from esm_client.lab.evaluation.intermediate import IntermediateTask, ReadyModel, SourceData
    from esm_client.remote.client import Client


Places = Mapping[str, str | os.PathLike[str]]
"""Folders, paths or hub ids by source task: `namespace/name`, with a version or without."""


@dataclass(frozen=True)
class Wanted:
    """A source task by the name it has in the ranking; pinned: with the digest."""

    name: str
    pinned: str
    rank: int | None = None

    @classmethod
    def of(cls, name: str, digest: str, rank: int | None = None) -> "Wanted":
        """With the digest, which can mean no other version."""
        return cls(name, f"{name.partition('@')[0]}@{digest}", rank)


@dataclass(frozen=True)
class Given:
    """What the user has at hand: models and data by source task."""

    models: Mapping[str, str]
    data: Mapping[str, str]

    @classmethod
    def of(cls, models: "Places | None", data: "Places | None") -> "Given":
        """By references in any form; raises InvalidName."""
        return cls(_by_reference(models), _by_reference(data))

    def check(self, wanted: Sequence[Wanted]) -> None:
        """Raise InvalidInput for what is given for a source task that is not tried."""
        for parameter, names in (("source_models", self.models), ("source_data", self.data)):
            for name in names:
                if not any(name in _names(one) for one in wanted):
                    tried = ", ".join(one.name for one in wanted) or "none"
                    raise InvalidInput(
                        f"`{parameter}` names {name}, which is none of the source tasks to try.",
                        f"These are {tried}.",
                        parameters=(parameter,),
                    )


def find_sources(
    client: "Client", wanted: Sequence[Wanted], given: Given, rows: TargetHashes
) -> "list[IntermediateTask]":
    """What there is of each source task.

    Warns of those that hold rows of the target, and of those of which nobody can tell.
    """
    given.check(wanted)
    return [_find(client, one, given, rows) for one in wanted]


def _find(client: "Client", wanted: Wanted, given: Given, rows: TargetHashes) -> "IntermediateTask":
    from esm_client.lab.evaluation.intermediate import IntermediateTask

    model, path = (_own(table, wanted) for table in (given.models, given.data))
    ready = None if model is None else _folder(model)
    remedy = (
        f'Name its data with `source_data={{"{wanted.name}": path}}`, or its fine-tuned model with '
        f'`source_models={{"{wanted.name}": folder}}`.'
    )
    try:
        detail, artifact = _published(client, wanted)
    except EsmError as error:
        missing = f"{wanted.name} cannot be had from the registry: {error.message}"
        if ready is not None:
            _warn_of_overlap(wanted.name, None, rows)
        return IntermediateTask(wanted.name, wanted.rank, ready, missing=missing, remedy=remedy)
    _warn_of_overlap(wanted.name, artifact.source_sketches, rows)
    ready = ready or _stored(client, wanted, detail)
    data = _data(detail, artifact, path)
    return IntermediateTask(
        wanted.name, wanted.rank, ready, data, path is not None, _missing(wanted.name, detail),
        remedy,
    )  # fmt: skip


def _published(client: "Client", wanted: Wanted) -> "tuple[EsmVersionDetail, EsmArtifact]":
    with TemporaryDirectory() as folder:
        pulled = client.pull(wanted.pinned, Path(folder) / "esm")
        return client.show(wanted.pinned), EsmArtifact.read(pulled)


def _folder(folder: str) -> "ReadyModel":
    """Raises what find_base_model raises."""
    from esm_client.lab.base_model import find_base_model
    from esm_client.lab.evaluation.intermediate import ReadyModel

    if not Path(folder).is_dir():
        raise InvalidInput(
            f"There is no folder {folder}.", "Name a fine-tuned model's folder.",
            parameters=("source_models",),
        )  # fmt: skip
    files = find_base_model(folder)
    return ReadyModel(f"folder {folder}", files.weight_digest or folder, lambda _, __: files.folder)


def _stored(client: "Client", wanted: Wanted, detail: "EsmVersionDetail") -> "ReadyModel | None":
    from esm_client.lab.evaluation.intermediate import ReadyModel
    from esm_client.lab.progress import labelled

    if detail.source_model is None:
        return None
    files = detail.source_model.files
    digests = ",".join(f"{name}={files[name].sha256}" for name in sorted(files))

    def fetch(folder: Path, progress: Progress) -> Path:
        return client.pull_source_model(wanted.pinned, folder, labelled(progress, "Pulling"))

    return ReadyModel("registry", digests, fetch)


def _data(
    detail: "EsmVersionDetail", artifact: EsmArtifact, path: str | None
) -> "SourceData | None":
    """Where the user says, or else where the publisher says, as far as that can be opened."""
    from esm_client.lab.evaluation.intermediate import SourceData

    place, source = path or detail.source.location, detail.source
    if place is None or "://" in place:
        return None
    own = path is not None
    return SourceData.of(
        artifact.config, place, whole=own and Path(place).exists(),
        revision=None if own else source.revision, seed=artifact.provenance.get("seed"),
    )  # fmt: skip


def _missing(name: str, detail: "EsmVersionDetail") -> str:
    """Why there is no data, in a sentence."""
    source = detail.source
    model = f"lies at {source.source_model}" if source.source_model else "is not stored"
    whom = source.contact or detail.created_by
    data = (
        f"its data lies at {source.location}"
        if source.location
        else f"the place of its data is not stated (ask {whom})"
    )
    return f"The source model of {name} {model}, and {data}."


def _warn_of_overlap(name: str, sketches: SourceSketches | None, rows: TargetHashes) -> None:
    found = None if sketches is None else sketches.overlap(rows)
    if found is not None and found.is_shared:
        told = f"{name} holds {percent(found)} of your rows; its result flatters it."
    elif found is None or not found.is_telling:
        told = f"whether {name} is a copy of your data is not known: it could not be compared."
    else:
        return
    warnings.warn(told, EsmWarning, stacklevel=2)


def _by_reference(places: Places | None) -> dict[str, str]:
    return {str(Reference.parse(name)): os.fspath(place) for name, place in (places or {}).items()}


def _names(wanted: Wanted) -> tuple[str, str]:
    """What a user may call a source task: with its version, or without."""
    return wanted.name, wanted.name.partition("@")[0]


def _own(table: Mapping[str, str], wanted: Wanted) -> str | None:
    return next((table[name] for name in _names(wanted) if name in table), None)
