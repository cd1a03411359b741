"""What a blob store must offer."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from esm_client.core.errors import Unavailable


class DamagedBlob(Unavailable):
    """A store holds other bytes under a digest than those it names."""


def damaged(digest: str) -> DamagedBlob:
    """What is said of such a blob."""
    return DamagedBlob(
        f"The server's store holds other bytes than those of {digest}.",
        "Tell the server's operator; pushing the same content again may restore them.",
    )


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What a store says of one blob, without reading it."""

    digest: str
    size: int
    """In bytes."""
    modified_at: datetime
    """When it was stored, by the store's own clock; with a time zone."""


class BlobWriter(Protocol):
    """One upload; exactly one of `commit`, `keep` and `abort` ends it."""

    def write(self, data: bytes) -> None:
        """Append bytes; raises StorageFull."""
        ...

    def verify(self) -> None:
        """Raise DigestMismatch for other bytes than announced; `commit` then hashes none again."""
        ...

    def commit(self) -> bool:
        """Make the blob visible and durable; False when it was there already.

        Raises DigestMismatch for other bytes than announced, StorageFull.
        """
        ...

    def keep(self) -> None:
        """Stop for now: the bytes stay, for an upload that goes on from here."""
        ...

    def abort(self) -> None:
        """Leave nothing behind; allowed after a failed write or commit."""
        ...


class BlobStore(Protocol):
    """Content-addressed storage. Digests read `sha256:<hex>` and are checked by the caller."""

    def prepare(self) -> None:
        """Make the store ready before the first request; sweeps what broken uploads left."""
        ...

    def sweep(self) -> None:
        """Remove what interrupted uploads left too long ago; beside a running server."""
        ...

    def size(self, digest: str) -> int | None:
        """The blob's size in bytes, or None when it is not there."""
        ...

    def state(self, digest: str) -> str | None:
        """Names what is stored, and changes when it is stored anew; None when nothing is."""
        ...

    def stored(self) -> Iterator[StoredBlob]:
        """All whole blobs, in no order; what comes or goes meanwhile may be among them or not."""
        ...

    def begin(self, digest: str, owner: str | None = None, offset: int = 0) -> BlobWriter:
        """Start an upload of the bytes with this digest, or go on with one of this owner.

        Without an owner it cannot be kept. Raises Conflict when `offset` is not where it
        stopped, or while it is going on.
        """
        ...

    def put_many(self, blobs: Iterable[tuple[str, Iterable[bytes]]]) -> None:
        """Store blobs by digest that are not there yet; all are durable when it returns.

        Raises DigestMismatch, StorageFull; those before the one at fault stay.
        """
        ...

    def kept(self, digest: str, owner: str) -> int:
        """Bytes that an interrupted upload of this owner has left."""
        ...

    def read(self, digest: str, start: int, stop: int) -> Iterator[bytes]:
        """Bytes from `start` up to `stop`, in chunks; raises NotFound, DamagedBlob."""
        ...

    def local_copy(self, digest: str) -> AbstractContextManager[Path]:
        """A local file with the blob's bytes, for as long as the block runs.

        Raises NotFound, and DamagedBlob where the store verifies what it copies.
        """
        ...

    def remove(self, digest: str) -> None:
        """Forget a blob; nothing happens when it is not there."""
        ...

    @property
    def spool(self) -> Path:
        """A local directory for files on their way in; what a kill leaves there is swept."""
        ...

    def reach(self) -> None:
        """Raise Unavailable when the store cannot be reached; changes nothing."""
        ...

    def check(self) -> None:
        """Raise StorageFull or Unavailable when uploads cannot even begin; not for long."""
        ...
