"""Packs: many ESMs in one stream. A plain tar file, whose bytes follow from what is in it.

    pack.json               (pulled ones) the space, and which ESMs are live: PackContent
    blobs/sha256-<hex>      a file of one or several ESMs, before the first ESM that needs it
    esms/<number>.json      one ESM: PackedEsm in a pushed pack, EsmVersionDetail in a pulled one

As every byte is known from sizes alone, a pack can be sent from any offset without being written
anywhere first.
"""

import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from esm_client.core.errors import InvalidInput
from esm_client.core.limits import MAX_ARTIFACT_BYTES, MAX_PACKED_ESMS

CONTENT = "pack.json"
_BLOCK, _RECORD = 512, 10_240
_BLOBS, _ESMS = "blobs/sha256-", "esms/"
_LARGEST_DOCUMENT = 2**30  # pack.json of a large space


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a pack: its name, size, and what gives its bytes from an offset on."""

    name: str
    size: int
    read: Callable[[int], Iterable[bytes]]


def blob_name(digest: str) -> str:
    """The name of a blob in a pack."""
    return _BLOBS + digest.removeprefix("sha256:")


def esm_name(number: int) -> str:
    """The name of an ESM's document in a pack."""
    return f"{_ESMS}{number:09d}.json"


def blob_digest(name: str) -> str | None:
    """The digest of a blob by its name in a pack; None for another member."""
    return f"sha256:{name.removeprefix(_BLOBS)}" if name.startswith(_BLOBS) else None


def is_esm(name: str) -> bool:
    """Whether a member is an ESM's document."""
    return name.startswith(_ESMS)


def document(name: str, data: bytes) -> Member:
    """A member whose bytes are at hand."""
    return Member(name, len(data), lambda start: [data[start:]])


def pack_size(members: Iterable[Member]) -> int:
    """Bytes of the pack of these members."""
    inner = sum(_BLOCK + _padded(member.size) for member in members)
    return -(-(inner + 2 * _BLOCK) // _RECORD) * _RECORD


def pack_bytes(members: Iterable[Member], start: int = 0) -> Iterator[bytes]:
    """The pack from byte `start` on."""
    at = 0
    for member in members:
        header = _header(member)
        yield from _from(start - at, header)
        at += _BLOCK
        if start < at + member.size:
            yield from member.read(max(0, start - at))
        at += member.size
        yield from _from(start - at, bytes(_padded(member.size) - member.size))
        at += _padded(member.size) - member.size
    end = -(-(at + 2 * _BLOCK) // _RECORD) * _RECORD - at
    yield from _from(start - at, bytes(end))


def read_pack(stream: IO[bytes]) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Names, sizes and contents of a pack's members, one after the other.

    Raises InvalidInput for what is no pack, and members that no pack holds.
    """
    count = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for info in archive:
                count += 1
                content = archive.extractfile(info) if info.isfile() else None
                known = info.name == CONTENT or is_esm(info.name) or blob_digest(info.name)
                if content is None or not known or info.issparse():
                    raise _invalid(f"it holds {info.name[:100]!r}")
                if info.size > (
                    MAX_ARTIFACT_BYTES if blob_digest(info.name) else _LARGEST_DOCUMENT
                ):
                    raise _invalid(f"{info.name[:100]!r} has {info.size} bytes")
                if count > 20 * MAX_PACKED_ESMS:
                    raise _invalid("it holds too many files")
                yield info.name, info.size, content
    except (tarfile.TarError, EOFError, OSError, ValueError) as cause:
        if isinstance(cause, InvalidInput):
            raise
        raise _invalid(str(cause)) from cause


def _invalid(reason: str) -> InvalidInput:
    return InvalidInput(
        f"This is no usable pack of ESMs: {reason[:200]}.", "Send it again, unchanged."
    )


def _header(member: Member) -> bytes:
    info = tarfile.TarInfo(member.name)
    info.size, info.mode = member.size, 0o644
    return info.tobuf(format=tarfile.USTAR_FORMAT)


def _from(skip: int, data: bytes) -> Iterator[bytes]:
    rest = data[max(0, skip) :]
    if rest:
        yield rest


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
