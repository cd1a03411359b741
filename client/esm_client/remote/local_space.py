"""A space on this machine: packs that were pulled, and what of them is live."""

import hashlib
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from esm_client.core.disk import disk_errors
from esm_client.core.errors import DigestMismatch, InvalidInput, NotFound
from esm_client.core.packs import CONTENT, blob_digest, is_esm, read_pack
from esm_client.core.schemas import EsmVersionDetail, PackContent
from esm_client.remote.resources.packs import PackResource

STATE = "space.json"
_HINT = "Choose a folder you may write to."


@dataclass(frozen=True, slots=True)
class _Blob:
    pack: Path
    offset: int
    size: int


class LocalSpace:
    """The ESMs that a space ranked when it was last pulled.

    The folder holds packs as they came and one file that says which ESMs are live; so that a
    later pull fetches only what is new.
    """

    def __init__(self, folder: Path) -> None:
        """Open a folder that `pull_space` wrote; raises NotFound, InvalidInput."""
        self.folder = folder
        state = _read_state(folder)
        if state is None:
            raise NotFound(
                f"{folder} holds no pulled space.",
                "Pull one with: esm-client spaces pull SPACE FOLDER",
            )
        self.content = state
        self._blobs: dict[str, _Blob] = {}
        self.versions: list[EsmVersionDetail] = []
        self._index({esm.digest: esm.reference for esm in state.live})

    def blob(self, digest: str) -> bytes:
        """A file's bytes, verified; raises DigestMismatch."""
        place = self._blobs[digest]
        with disk_errors(self.folder, "Pull the space again."), place.pack.open("rb") as file:
            file.seek(place.offset)
            data = file.read(place.size)
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            raise DigestMismatch(
                f"{place.pack} is damaged: its bytes of {digest} changed.",
                f"Remove {self.folder} and pull the space again.",
            )
        return data

    def _index(self, live: dict[str, str]) -> None:
        found: dict[str, EsmVersionDetail] = {}
        for path in sorted(self.folder.glob("*.pack")):
            with disk_errors(path, "Pull the space again."), tarfile.open(path) as archive:
                for info in archive:
                    digest = blob_digest(info.name)
                    if digest is not None:
                        self._blobs[digest] = _Blob(path, info.offset_data, info.size)
                    elif is_esm(info.name) and (stream := archive.extractfile(info)) is not None:
                        detail = EsmVersionDetail.model_validate_json(stream.read(), extra="ignore")
                        found[detail.digest] = detail
        self.versions = [found[digest] for digest in live if digest in found]


def pull_space(packs: PackResource, space: str, folder: Path) -> LocalSpace:
    """Fetch what a space ranks into a folder, or what is new since it was pulled last.

    A pack that breaks off goes on where it was. Raises NotFound, InvalidInput for a folder of
    another space, DigestMismatch for bytes that are not what they should be.
    """
    with disk_errors(folder, _HINT):
        folder.mkdir(parents=True, exist_ok=True)
    state = _read_state(folder)
    if state is not None and state.space.name != space:
        raise InvalidInput(
            f"{folder} holds the space {state.space.name!r}, not {space!r}.",
            "Name another folder.",
        )
    cursor = state.cursor if state is not None else 0
    while True:
        content = _fetch(packs, space, cursor, folder)
        cursor = content.cursor
        if content.is_last:
            with disk_errors(folder, _HINT):
                (folder / STATE).write_text(content.model_dump_json(), encoding="utf-8")
            return LocalSpace(folder)


def _fetch(packs: PackResource, space: str, since: int, folder: Path) -> PackContent:
    part = folder / f"{since:012d}.part"
    resumed = part.exists() and part.stat().st_size > 0
    try:
        _download(packs, space, since, part)
        content, holds_esms = _verified(part)
    except (DigestMismatch, InvalidInput):
        part.unlink(missing_ok=True)
        if not resumed:
            raise
        # the space changed since the first part of it came
        _download(packs, space, since, part)
        content, holds_esms = _verified(part)
    if holds_esms:
        part.replace(folder / f"{since:012d}.pack")
    else:
        part.unlink()
    return content


def _download(packs: PackResource, space: str, since: int, part: Path) -> None:
    start = part.stat().st_size if part.exists() else 0
    with (
        packs.pull(space, since, start) as download,
        disk_errors(part, _HINT),
        part.open("ab" if download.start else "wb") as file,
    ):
        for chunk in download.chunks:
            file.write(chunk)


def _verified(part: Path) -> tuple[PackContent, bool]:
    content: PackContent | None = None
    count = 0
    with part.open("rb") as stream:
        for name, _, file in read_pack(stream):
            digest = blob_digest(name)
            if name == CONTENT:
                content = PackContent.model_validate_json(file.read(), extra="ignore")
            elif digest is None:
                count += 1
            elif _digest(file) != digest:
                raise DigestMismatch(f"{name} is not what arrived.", "Pull again.")
    if content is None:
        raise InvalidInput("The pack says nothing of its space.", "Pull again.")
    return content, count > 0


def _digest(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    while data := file.read(2**20):
        found.update(data)
    return f"sha256:{found.hexdigest()}"


def _read_state(folder: Path) -> PackContent | None:
    try:
        return PackContent.model_validate_json((folder / STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, json.JSONDecodeError) as cause:
        raise InvalidInput(
            f"{folder / STATE} cannot be read.", f"Remove {folder} and pull the space again."
        ) from cause
