"""What a blob store must offer."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol


class BlobWriter(Protocol):
    """One upload; exactly one of `commit` and `abort` ends it."""

    def write(self, data: bytes) -> None:
        """Append bytes; raises StorageFull."""
        ...

    def commit(self) -> bool:
        """Make the blob visible and durable; False when it was there already.

        Raises DigestMismatch for other bytes than announced, StorageFull.
        """
        ...

    def abort(self) -> None:
        """Leave nothing behind; allowed after a failed write or commit."""
        ...


class BlobStore(Protocol):
    """Content-addressed storage. Digests read `sha256:<hex>` and are checked by the caller."""

    def size(self, digest: str) -> int | None:
        """The blob's size in bytes, or None when it is not there."""
        ...

    def begin(self, digest: str) -> BlobWriter:
        """Start an upload of the bytes with this digest."""
        ...

    def read(self, digest: str, start: int, stop: int) -> Iterator[bytes]:
        """Bytes from `start` up to `stop`, in chunks; raises NotFound."""
        ...

    def local_copy(self, digest: str) -> AbstractContextManager[Path]:
        """A local file with the blob's bytes, for as long as the block runs; raises NotFound."""
        ...

    def remove(self, digest: str) -> None:
        """Forget a blob; nothing happens when it is not there."""
        ...

    def check(self) -> None:
        """Raise StorageFull or Unavailable when uploads would fail just now."""
        ...
