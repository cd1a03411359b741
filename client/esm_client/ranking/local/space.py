"""A space on this machine: packs that were pulled, and what of them is live."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.disk import disk_errors
from esm_client.core.document import read_any_version
from esm_client.core.errors import DigestMismatch, EsmError, InvalidInput, NotFound
from esm_client.core.packs import blob_digest, is_esm, read_pack
from esm_client.core.schemas import EsmVersionDetail, LiveEsm, LiveSpace

STATE, PACKS = "space.json", "*.pack"
AGAIN = "Pull the space again: `Client.packs.pull(space, folder)`"
Named = tuple[str, str]
"""Reference and digest: two names may have the same files, and a name may get other ones."""


class PulledSpace(LiveSpace):
    """What a space ranked when it was last pulled."""

    lost: tuple[str, ...] = ()
    """References of those that the server has lost bytes of, so that they cannot be pulled."""

    @property
    def arrived(self) -> set[Named]:
        """What the packs hold of it."""
        return {(e.reference, e.digest) for e in self.live if e.reference not in self.lost}


@dataclass(frozen=True, slots=True)
class _Blob:
    pack: Path
    offset: int
    size: int


@dataclass(frozen=True)
class Held:
    """What the packs in a folder hold, live or not."""

    versions: dict[Named, EsmVersionDetail] = field(default_factory=dict[Named, EsmVersionDetail])
    blobs: dict[str, _Blob] = field(default_factory=dict[str, _Blob])

    @classmethod
    def of(cls, folder: Path) -> "Held":
        """Look through all packs of a folder; raises InvalidInput for a damaged one."""
        held = cls()
        for path in sorted(folder.glob(PACKS)):
            held.add(path)
        return held

    def add(self, pack: Path) -> None:
        """Look through one more pack; raises InvalidInput for a damaged one."""
        try:
            with disk_errors(pack, AGAIN), pack.open("rb") as stream:
                for entry in read_pack(stream):
                    digest = blob_digest(entry.name)
                    if digest is not None:
                        self.blobs[digest] = _Blob(pack, entry.offset, entry.size)
                    elif is_esm(entry.name):
                        detail = read_any_version(EsmVersionDetail, entry.read())
                        self.versions[detail.reference, detail.digest] = detail
        except (EsmError, ValidationError) as cause:
            raise InvalidInput(
                f"{pack} is damaged.", "Remove it, and pull the space into that folder again."
            ) from cause


class LocalSpace:
    """The ESMs that a space ranked when it was last pulled."""

    def __init__(self, folder: Path) -> None:
        """Open a folder that `pull_space` wrote; raises NotFound, InvalidInput.

        The folder holds packs as they came, and one file that says which ESMs are live.
        """
        self.folder = folder
        content = read_state(folder)
        if content is None:
            raise NotFound(
                f"{folder} holds no pulled space.",
                "Pull one with: `Client.packs.pull(space, folder)`",
            )
        self.content = content
        held = Held.of(folder)
        self._blobs = held.blobs
        missing = [
            esm.reference
            for esm in content.live
            if esm.reference not in content.lost
            and (esm.reference, esm.digest) not in held.versions
        ]
        if missing:
            raise InvalidInput(
                f"{folder} lacks {len(missing)} of the {len(content.live)} ESMs of "
                f"{content.space.name}, {missing[0]} for one: a pack was removed.",
                AGAIN,
            )
        self.live: Mapping[Named, LiveEsm] = {(e.reference, e.digest): e for e in content.live}
        self.versions = [
            held.versions[named].model_copy(update={"source": esm.source})
            for named, esm in self.live.items()
            if named in held.versions
        ]

    def artifact(self, detail: EsmVersionDetail) -> EsmArtifact:
        """One of its ESMs, read and validated; raises what is wrong with its files."""
        files = {name: self.blob(entry.sha256) for name, entry in detail.manifest.files.items()}
        return EsmArtifact.from_bytes(
            files, card=detail.card, provenance=detail.provenance, source=detail.source
        )

    def blob(self, digest: str) -> bytes:
        """A file's bytes, verified; raises NotFound, DigestMismatch."""
        place = self._blobs.get(digest)
        if place is None:
            raise NotFound(f"{self.folder} holds no file {digest}.", AGAIN)
        with disk_errors(place.pack, AGAIN), place.pack.open("rb") as file:
            file.seek(place.offset)
            data = file.read(place.size)
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            raise DigestMismatch(
                f"{place.pack} is damaged: its bytes of {digest} changed.",
                "Remove it, and pull the space into that folder again.",
            )
        return data


def read_state(folder: Path) -> PulledSpace | None:
    """What was live when the last pull into a folder ended; raises InvalidInput."""
    path = folder / STATE
    try:
        with disk_errors(path, "Choose a folder you may read."):
            return PulledSpace.model_validate_json(path.read_bytes()) if path.exists() else None
    except ValidationError as cause:
        raise InvalidInput(f"{path} cannot be read.", "Remove it, and pull again.") from cause
