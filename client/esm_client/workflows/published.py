"""ESMs of the published ecosystem (hf-dataset-selector): taken in, and published here."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from esm_client.core.artifact.published import PublishedEsm, find_published
from esm_client.core.errors import EsmError, InvalidInput
from esm_client.core.schemas import Source
from esm_client.workflows.connection import connected

if TYPE_CHECKING:
    from esm_client.remote.client import Client


@dataclass(frozen=True)
class ImportedEsm:
    """One ESM that was found.

    task: its data set. path: where it lies now. pushed: its reference in the registry. reason:
    why it was not imported, or not pushed.
    """

    name: str
    task: str = ""
    base_model: str = ""
    path: Path | None = None
    pushed: str | None = None
    reason: str = ""

    @property
    def outcome(self) -> str:
        """pushed, imported or failed."""
        return "pushed" if self.pushed else "failed" if self.path is None else "imported"


def import_published(
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    push: str | None = None,
    space: str | None = None,
    force: bool = False,
    client: "Client | Callable[[], Client] | None" = None,
    source: Callable[[Source], Source] = lambda known: known,
) -> list[ImportedEsm]:
    """Write ESMs that hf-dataset-selector wrote or published into `output`/NAME, and publish them.

    One that fails stops no other; one that lies in `output` already is kept.

    Args:
        folder: an ESM, a folder of them, or a hub's cache; nothing is downloaded.
        push: the namespace to publish in. space: their space, which the files do not tell.
        force: publish what the server would refuse; that is recorded.
        client: the registry, where `push` is given, or what opens it, which is called when the
            first ESM is to be published; default: `Client()`. Where none can be opened, the ESMs
            are written all the same.
        source: given what an ESM says of its source, what it shall say.

    Raises InvalidInput where there is no ESM, and for one of push and space without the other.
    """
    if (push is None) != (space is None):
        raise InvalidInput(
            "`push` and `space` belong together.", "Say where to publish, and in which space.",
            parameters=("push", "space"),
        )  # fmt: skip
    found, folder = find_published(Path(folder)), Path(output)
    with ExitStack() as stack:

        @cache
        def registry() -> "Client":
            if callable(client):
                return stack.enter_context(client())
            return stack.enter_context(connected(client))

        def publish(path: Path, name: str) -> str | None:
            if push is None:
                return None
            return registry().push(path, f"{push}/{name}", space=space, force=force).reference

        return [_imported(esm, folder / esm.name, source, publish) for esm in found]


def _imported(
    esm: PublishedEsm,
    target: Path,
    source: Callable[[Source], Source],
    publish: Callable[[Path, str], str | None],
) -> ImportedEsm:
    row = ImportedEsm(esm.name)
    try:
        artifact = esm.read()
        told = source(artifact.source)
        row = replace(
            row, task=artifact.config.task.data_set, base_model=artifact.config.base_model
        )
        if not target.exists():
            replace(artifact, source=told).write(target)
        row = replace(row, path=target)
        return replace(row, pushed=publish(target, esm.name))
    except EsmError as error:
        return replace(row, reason=str(error))
