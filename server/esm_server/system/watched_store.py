"""A blob store whose failures are counted and whose reads and writes are spans."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from esm_client.core.errors import StorageFull, Unavailable
from esm_server.storage.base import BlobStore, BlobWriter
from esm_server.telemetry.metrics import Metrics
from esm_server.telemetry.traces import begin


def watched(store: BlobStore, metrics: Metrics) -> BlobStore:
    """The same store, observed. A caller's own fault (no such blob, another digest) counts not."""
    return cast("BlobStore", _WatchedStore(store, metrics))


class _WatchedStore:
    """What moves bytes is observed; all else is the store's own."""

    def __init__(self, store: BlobStore, metrics: Metrics) -> None:
        self._store, self._metrics = store, metrics

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def begin(self, digest: str, owner: str | None = None, offset: int = 0) -> "_WatchedWriter":
        with self.counted("begin"):
            return _WatchedWriter(self, self._store.begin(digest, owner, offset), digest)

    def put_many(self, blobs: Iterable[tuple[str, Iterable[bytes]]]) -> None:
        with self._spanned("write", ""):
            self._store.put_many(blobs)

    def read(self, digest: str, start: int, stop: int) -> Iterator[bytes]:
        with self._spanned("read", digest):
            yield from self._store.read(digest, start, stop)

    @contextmanager
    def local_copy(self, digest: str) -> Generator[Path]:
        with self._spanned("local_copy", digest), self._store.local_copy(digest) as path:
            yield path

    def remove(self, digest: str) -> None:
        with self._spanned("remove", digest):
            self._store.remove(digest)

    def check(self) -> None:
        with self.counted("check"):
            self._store.check()

    @contextmanager
    def counted(self, operation: str) -> Generator[None]:
        try:
            yield
        except (OSError, StorageFull, Unavailable):
            self._metrics.count_blob_error(operation)
            raise

    @contextmanager
    def _spanned(self, operation: str, digest: str) -> Generator[None]:
        # Not made the current span: a stream goes on in one thread after the other.
        span = begin(f"blob {operation}", digest=digest)
        try:
            with self.counted(operation):
                yield
        finally:
            if span is not None:
                span.end()


class _WatchedWriter:
    """An upload, which is a span from its beginning to its end."""

    def __init__(self, store: _WatchedStore, writer: BlobWriter, digest: str) -> None:
        self._store, self._writer = store, writer
        self._span = begin("blob write", digest=digest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def write(self, data: bytes) -> None:
        with self._store.counted("write"):
            self._writer.write(data)

    def verify(self) -> None:
        with self._store.counted("commit"):
            self._writer.verify()

    def commit(self) -> bool:
        with self._store.counted("commit"):
            is_new = self._writer.commit()
        self._end("committed")
        return is_new

    def keep(self) -> None:
        self._writer.keep()
        self._end("kept")

    def abort(self) -> None:
        self._writer.abort()
        self._end("aborted")

    def _end(self, how: str) -> None:
        if self._span is not None:
            self._span.note(end=how)
            self._span.end()
            self._span = None
