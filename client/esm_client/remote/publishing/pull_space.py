"""Pulling a space: what is live there and not held here, in packs of a few hundred ESMs."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from esm_client.core.disk import disk_errors, write_whole
from esm_client.core.document import read_any_version
from esm_client.core.errors import (
    Conflict,
    DigestMismatch,
    InvalidInput,
    RangeNotSatisfiable,
    TooLarge,
)
from esm_client.core.limits import MAX_PULLED_ESMS
from esm_client.core.packs import CONTENT, Entry, blob_digest, read_pack
from esm_client.core.progress import Progress, silent
from esm_client.core.schemas import PackContent
from esm_client.ranking.local.space import STATE, Held, LocalSpace, PulledSpace, read_state
from esm_client.remote.resources.packs import PackResource

PART = ".part"
ROUNDS = 5
"""How often what is live may change while it is pulled."""
_HINT = "Choose a folder you may write to."


def pull_space(
    packs: PackResource, space: str, folder: Path, progress: Progress = silent
) -> LocalSpace:
    """Fetch what a space ranks into a folder, as far as it is not there yet.

    progress: how many ESMs have arrived, of how many that were missing.

    A pull that breaks off goes on where it was; until it ends, the folder stays the space that
    the last one made of it. Raises NotFound, InvalidInput for a folder of another space,
    DigestMismatch for bytes that are not what they should be, Conflict where ESMs that the
    server calls live never arrive.
    """
    with disk_errors(folder, _HINT):
        folder.mkdir(parents=True, exist_ok=True)
    state = read_state(folder)
    if state is not None and state.space.name != space:
        raise InvalidInput(
            f"{folder} holds the space {state.space.name!r}, not {space!r}.",
            "Name another folder.",
        )
    held, lost, done = Held.of(folder), set[str](), 0
    for _ in range(ROUNDS):  # an ESM that is yanked meanwhile comes in no pack
        content = packs.live(space)
        missing = [
            esm
            for esm in content.live
            if (esm.reference, esm.digest) not in held.versions and esm.reference not in lost
        ]
        if not missing:
            _finish(folder, PulledSpace(**dict(content), lost=tuple(sorted(lost))))
            return LocalSpace(folder)
        total = done + len(missing)
        progress(f"Pulling {space}", done, total)
        for start in range(0, len(missing), MAX_PULLED_ESMS):
            keys = [esm.key for esm in missing[start : start + MAX_PULLED_ESMS]]
            pack, told = _fetch(packs, space, keys, folder)
            held.add(pack)
            lost.update(told.lost)
            done += len(keys)
            progress(f"Pulling {space}", done, total)
    raise Conflict(
        f"In {ROUNDS} rounds not all ESMs of {space} arrived: what is live there keeps changing.",
        "Pull again.",
    )


def _finish(folder: Path, content: PulledSpace) -> None:
    with disk_errors(folder, _HINT):
        write_whole(folder / STATE, content.model_dump_json().encode())
        for part in folder.glob(f"*{PART}"):  # of packs that nobody asks for any more
            part.unlink()


def _fetch(
    packs: PackResource, space: str, keys: Sequence[int], folder: Path
) -> tuple[Path, PackContent]:
    """Put a pack of some ESMs into the folder; returns it, and what it says of itself."""
    name = hashlib.sha256(",".join(map(str, keys)).encode()).hexdigest()[:16]
    part = folder / f"{name}{PART}"
    resumed = part.exists()
    while True:
        with suppress(RangeNotSatisfiable):  # all of it is here already
            _download(packs, space, keys, part)
        try:
            content = _verified(part)
            break
        except (InvalidInput, TooLarge):
            part.unlink(missing_ok=True)
            if not resumed:
                raise
            resumed = False  # the space changed since the first part of it came
    with disk_errors(part, _HINT):
        return part.replace(part.with_suffix(".pack")), content


def _download(packs: PackResource, space: str, keys: Sequence[int], part: Path) -> None:
    start = part.stat().st_size if part.exists() else 0
    with (
        packs.pull(space, keys, start) as download,
        disk_errors(part, _HINT),
        part.open("ab" if download.start else "wb") as file,
    ):
        for chunk in download.chunks:
            file.write(chunk)


def _verified(part: Path) -> PackContent:
    """What a pack says of itself; raises what is wrong with it."""
    content: PackContent | None = None
    with disk_errors(part, _HINT), part.open("rb") as stream:
        for entry in read_pack(stream):
            digest = blob_digest(entry.name)
            if entry.name == CONTENT:
                content = _content(entry)
            elif digest is not None and _digest(entry) != digest:
                raise DigestMismatch(f"{entry.name} is not what arrived.", "Pull again.")
    if content is None:
        raise InvalidInput("The pack says nothing of itself.", "Pull again.")
    return content


def _content(entry: Entry) -> PackContent:
    try:
        return read_any_version(PackContent, entry.read())
    except ValidationError as cause:
        raise InvalidInput("What the pack says of itself cannot be read.", "Pull again.") from cause


def _digest(entry: Entry) -> str:
    found = hashlib.sha256()
    while data := entry.read(2**20):
        found.update(data)
    return f"sha256:{found.hexdigest()}"
