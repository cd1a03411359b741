"""Fetching one file of a version into the cache: resumed after a break, verified at the end."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from esm_client.core.errors import ConnectionFailed, DigestMismatch, RangeNotSatisfiable
from esm_client.core.references import Reference
from esm_client.core.schemas import FileEntry
from esm_client.remote.cache.blobs import CachedBlobs
from esm_client.remote.files.chunks import OnBytes
from esm_client.remote.files.part_file import PartFile
from esm_client.remote.files.transfer import Download
from esm_client.remote.resources.esms import EsmResource

FRUITLESS_TRIES = 3
OpenAt = Callable[[int], AbstractContextManager[Download]]
"""Opens a download at an offset."""


def fetch(
    esms: EsmResource, blobs: CachedBlobs, version: Reference, filename: str, entry: FileEntry
) -> None:
    """Put a file of a pinned `version` into the cache.

    Raises ConnectionFailed when the connection broke several times without a byte of progress;
    what arrived is kept. Raises DigestMismatch when the bytes are not those of the manifest.
    """

    def open_at(start: int) -> AbstractContextManager[Download]:
        return esms.file(version, filename, start)

    with blobs.partial(entry.sha256) as file, PartFile(file) as part:
        resumed = part.size > 0
        fill(part, entry.size, open_at)
        if part.digest() != entry.sha256 and resumed:  # the old part was damaged
            part.restart()
            fill(part, entry.size, open_at)
        if (found := part.digest()) != entry.sha256:
            part.restart()
            raise DigestMismatch(
                f"{filename} of {version.path} arrived with {found}, not {entry.sha256}.",
                "Something on the way or on the server changed it. Pull again; if it stays so, "
                "tell the registry's operator.",
            )
        blobs.adopt(file, entry.sha256)


def fill(part: PartFile, size: int, open_at: OpenAt, progress: OnBytes | None = None) -> None:
    """Download until `part` holds `size` bytes, going on where a connection broke.

    It may end shorter, when the server sends no more: the digest will tell. Raises
    ConnectionFailed when the connection broke several times without a byte of progress, and when
    none could be opened for as long as the client's patience lasts.
    """
    fruitless = 0
    while (start := part.size) < size:
        broke = None
        try:
            _receive(part, size, open_at, progress)
        except RangeNotSatisfiable:
            part.restart()
        except ConnectionFailed as error:
            if error.facts.get("gave_up"):
                raise
            broke = error
        fruitless = 0 if part.size > start else fruitless + 1
        if fruitless >= FRUITLESS_TRIES:
            if broke is not None:
                raise broke
            return


def _receive(part: PartFile, size: int, open_at: OpenAt, progress: OnBytes | None) -> None:
    with open_at(part.size) as download:
        if download.start != part.size:
            part.restart()
        for chunk in download.chunks:
            part.write(chunk)
            if progress is not None:
                progress(part.size)
            if part.size > size:  # no server may fill the disk
                return
