"""Fetching one file of a version into the cache: resumed after a break, verified at the end."""

from typing import BinaryIO

from esm_client.core.errors import ConnectionFailed, DigestMismatch, RangeNotSatisfiable
from esm_client.core.references import Reference
from esm_client.core.schemas import FileEntry
from esm_client.remote.cached_blobs import CachedBlobs
from esm_client.remote.resources.esms import EsmResource

FRUITLESS_TRIES = 3


def fetch(
    esms: EsmResource, blobs: CachedBlobs, version: Reference, filename: str, entry: FileEntry
) -> None:
    """Put a file of a pinned `version` into the cache.

    Raises ConnectionFailed when the connection broke several times without a byte of progress;
    what arrived is kept. Raises DigestMismatch when the bytes are not those of the manifest.
    """
    with blobs.partial(entry.sha256) as part:
        resumed = part.tell() > 0
        _fill(esms, part, version, filename, entry.size)
        found = blobs.adopt(part, entry.sha256)
        if found != entry.sha256 and resumed:  # the old part was damaged
            part.truncate(0)
            _fill(esms, part, version, filename, entry.size)
            found = blobs.adopt(part, entry.sha256)
        if found != entry.sha256:
            part.truncate(0)
            raise DigestMismatch(
                f"{filename} of {version.path} arrived with {found}, not {entry.sha256}.",
                "Something on the way or on the server changed it. Pull again; if it stays so, "
                "tell the registry's operator.",
            )


def _fill(esms: EsmResource, part: BinaryIO, version: Reference, filename: str, size: int) -> None:
    """Download until `part` holds `size` bytes, going on where a connection broke."""
    fruitless = 0
    while (start := part.seek(0, 2)) < size:
        try:
            _receive(esms, part, version, filename, size)
        except RangeNotSatisfiable:
            part.truncate(0)
        except ConnectionFailed:
            if fruitless + 1 >= FRUITLESS_TRIES:
                raise
        fruitless = 0 if part.tell() > start else fruitless + 1
        if fruitless >= FRUITLESS_TRIES:
            return  # shorter than announced: the digest will tell


def _receive(
    esms: EsmResource, part: BinaryIO, version: Reference, filename: str, size: int
) -> None:
    with esms.file(version, filename, part.tell()) as download:
        if download.start != part.tell():
            part.truncate(0)
            part.seek(0)
        for chunk in download.chunks:
            part.write(chunk)
            if part.tell() > size:  # no server may fill the disk
                return
