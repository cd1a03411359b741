"""Packs: many ESMs in one stream. A plain tar file, whose bytes follow from what is in it.

    pack.json               (pulled ones) what of the pack the server has lost: PackContent
    blobs/sha256-<hex>      a file of one or several ESMs, before the first ESM that needs it
    esms/<number>.json      one ESM: PackedEsm in a pushed pack, EsmVersionDetail in a pulled one

As every byte is known from sizes alone, a pack can be sent from any offset without being written
anywhere first. Every member has one header of 512 bytes (POSIX ustar); archives with the longer
ones of other formats are no packs, so that nothing of unknown size is ever held in memory.
"""

import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO

from esm_client.core.errors import InvalidInput, TooLarge
from esm_client.core.limits import MAX_ARTIFACT_BYTES, MAX_PACKED_ESMS

CONTENT = "pack.json"
_BLOCK, _RECORD = 512, 10_240
_BLOBS, _ESMS = "blobs/sha256-", "esms/"
_BLOB_NAME = re.compile(r"blobs/sha256-([0-9a-f]{64})")
_ESM_NAME = re.compile(r"esms/[0-9]{9}\.json")
_LARGEST_DOCUMENT = 2**24
_LARGEST_COUNT = 20 * MAX_PACKED_ESMS


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a pack: its name, size, and what gives its bytes from an offset on."""

    name: str
    size: int
    read: Callable[[int], Iterable[bytes]]


@dataclass(slots=True)
class Entry:
    """One file of a pack that is being read, and where its bytes begin in the stream.

    Its bytes can be read until the next entry is asked for.
    """

    name: str
    size: int
    offset: int
    _stream: IO[bytes] = field(repr=False)
    _done: int = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes, all that are left by default; raises InvalidInput where they end."""
        left = self.size - self._done
        wanted = left if size < 0 else min(size, left)
        data = self._stream.read(wanted)
        if len(data) < wanted:
            raise _invalid(f"it ends within {self.name!r}")
        self._done += wanted
        return data


def blob_name(digest: str) -> str:
    """The name of a blob in a pack."""
    return _BLOBS + digest.removeprefix("sha256:")


def esm_name(number: int) -> str:
    """The name of an ESM's document in a pack."""
    return f"{_ESMS}{number:09d}.json"


def blob_digest(name: str) -> str | None:
    """The digest of a blob by its name in a pack; None for another member."""
    match = _BLOB_NAME.fullmatch(name)
    return f"sha256:{match[1]}" if match else None


def is_esm(name: str) -> bool:
    """Whether a member is an ESM's document."""
    return _ESM_NAME.fullmatch(name) is not None


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


def read_pack(
    stream: IO[bytes],
    max_blob_bytes: int = MAX_ARTIFACT_BYTES,
    max_entries: int = _LARGEST_COUNT,
) -> Iterator[Entry]:
    """The entries of a pack, one after the other, from a stream that can seek.

    Raises InvalidInput for what is no pack, and entries that no pack holds; TooLarge.
    """
    count, offset = 0, 0
    while (header := _read_header(stream, offset)) is not None:
        name, size = header
        count += 1
        if count > max_entries:
            raise _invalid("it holds too many files")
        is_blob = blob_digest(name) is not None
        if not (is_blob or is_esm(name) or name == CONTENT):
            raise _invalid(f"it holds {name!r}")
        largest = max_blob_bytes if is_blob else _LARGEST_DOCUMENT
        if size > largest:
            raise TooLarge(
                f"{name} in the pack has {size} bytes; at most {largest} are taken.",
                "Store the map in half precision, or ask the server's operator for more.",
            )
        offset += _BLOCK
        yield Entry(name, size, offset, stream)
        offset += _padded(size)


def _read_header(stream: IO[bytes], offset: int) -> tuple[str, int] | None:
    """Name and size of the entry whose header lies there; None at the end of the pack."""
    stream.seek(offset)
    block = stream.read(_BLOCK)
    if len(block) < _BLOCK:
        raise _invalid("it has no end")
    if not any(block):
        return None
    checksum = sum(block[:148]) + sum(block[156:]) + 8 * ord(" ")
    if block[257:263] != b"ustar\0" or _number(block[148:156]) != checksum:
        raise _invalid(f"what stands at byte {offset} begins no file")
    name = block[:100].rstrip(b"\0").decode("ascii", "backslashreplace")
    if block[156:157] not in (b"0", b"\0") or any(block[345:500]):
        raise _invalid(f"{name!r} is no plain file")
    return name, _number(block[124:136])


def _number(field: bytes) -> int:
    text = field.strip(b" \0")
    if not re.fullmatch(rb"[0-7]{1,11}", text):
        raise _invalid(f"{field!r} is no number")
    return int(text, 8)


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
