"""Blobs in an S3 bucket; uploads are collected and verified on the local disk first."""

import hashlib
import re
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import BoundedSemaphore

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, IncompleteRead

from esm_client.core.errors import EsmError, NotFound
from esm_server.storage.base import StoredBlob, damaged
from esm_server.storage.blob_cache import BlobCache
from esm_server.storage.incoming import Incoming, PartFile
from esm_server.storage.local import CHUNK_BYTES, not_stored
from esm_server.storage.s3_client import S3Client
from esm_server.storage.s3_errors import as_ours
from esm_server.storage.s3_parts import PartsUpload, put_file
from esm_server.storage.s3_sent import SentObjects

_NAME = re.compile(r"[0-9a-f]{64}")
_ROOM = BoundedSemaphore(4)
"""Uploads that go on to the bucket while they arrive; each has up to 32 MB in memory."""
PUTS_AT_A_TIME = 8
"""Small objects that are sent at a time."""
PAUSE = 0.1
"""Seconds, before a download that broke goes on."""


class S3BlobStore:
    """`<prefix>blobs/ab/abcdef...`; an object appears only after its bytes were verified."""

    def __init__(
        self, client: S3Client, prefix: str, root: Path, cache_dir: Path, cache_bytes: int
    ) -> None:
        self._client = client
        self._hasty = S3Client(replace(client.place, timeout=3.0, patience=0.0))
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._incoming = Incoming(root / "incoming")
        self._cache = BlobCache(cache_dir, cache_bytes)
        self.sent = SentObjects(client, self._prefix, self.key)

    @property
    def spool(self) -> Path:
        """Beside the uploads: `prepare` sweeps it."""
        return self._incoming.directory

    def prepare(self) -> None:
        """Check the bucket, create local directories, sweep what broken uploads left.

        Raises Unavailable when the bucket is not there or does not open: it is never created.
        """
        self._incoming.prepare()
        self._cache.prepare()
        self._client.check_bucket()
        self._client.sweep(f"{self._prefix}blobs/")
        self.sent.sweep()

    def sweep(self) -> None:
        """Remove what interrupted uploads left too long ago; raises Unavailable."""
        self._incoming.sweep()
        self._client.sweep(f"{self._prefix}blobs/")
        self.sent.sweep()

    def size(self, digest: str) -> int | None:
        """The blob's size in bytes, or None when it is not there; raises Unavailable."""
        return self._client.size(self.key(digest))

    def state(self, digest: str) -> str | None:
        """Names what is stored, and changes when it is stored anew; None when nothing is."""
        return self._client.state(self.key(digest))

    def stored(self) -> Iterator[StoredBlob]:
        """All whole blobs, in no order; raises Unavailable."""
        for found in self._client.listed(f"{self._prefix}blobs/"):
            name = (found.object_name or "").rpartition("/")[2]
            if _NAME.fullmatch(name) and found.object_name == self.key(name):
                changed = found.last_modified or datetime.now(UTC)
                yield StoredBlob(f"sha256:{name}", found.size or 0, changed)

    def begin(self, digest: str, owner: str | None = None, offset: int = 0) -> "S3BlobWriter":
        """Start an upload, or go on with one; raises StorageFull, Conflict."""
        part = self._incoming.path(digest, owner)
        return S3BlobWriter(digest, part, offset, self._client, self.key(digest))

    def put_many(self, blobs: Iterable[tuple[str, Iterable[bytes]]]) -> None:
        """Store blobs that are not there yet.

        Raises DigestMismatch, StorageFull, Unavailable; those before the one at fault stay.
        """
        going = deque[Future[bool]]()
        with ThreadPoolExecutor(PUTS_AT_A_TIME) as pool:
            try:
                for digest, chunks in blobs:
                    if self.size(digest) is not None:
                        continue
                    if len(going) == PUTS_AT_A_TIME:
                        going.popleft().result()
                    going.append(pool.submit(self._collected(digest, chunks).send))
            finally:
                for one in going:
                    one.result()

    def _collected(self, digest: str, chunks: Iterable[bytes]) -> "S3BlobWriter":
        writer = self.begin(digest)
        try:
            for data in chunks:
                writer.write(data)
            writer.verify()
        except BaseException:
            writer.abort()
            raise
        return writer

    def kept(self, digest: str, owner: str) -> int:
        """Bytes that an interrupted upload of this owner has left."""
        return self._incoming.kept(digest, owner)

    def read(self, digest: str, start: int, stop: int) -> Iterator[bytes]:
        """Bytes from `start` up to `stop`, in chunks; raises NotFound, DamagedBlob, Unavailable.

        Of a whole blob, the last chunk comes only when the digest of all is right.
        """
        if stop <= start:
            if self.size(digest) is None:
                raise not_stored(digest)
            return
        hasher, held, whole = hashlib.sha256(), b"", False
        for chunk, total in self._chunks(digest, start, stop):
            whole = start == 0 and stop >= total
            if held:
                yield held
            hasher.update(chunk)
            held = chunk
        if whole and f"sha256:{hasher.hexdigest()}" != digest:
            raise damaged(digest)
        if held:
            yield held

    def _chunks(self, digest: str, start: int, stop: int) -> Iterator[tuple[bytes, int]]:
        """Chunks, each with the blob's size; a connection that breaks is opened again."""
        place = self._client.place
        deadline = time.monotonic() + place.patience
        while True:
            try:
                answer = self._client.open(self.key(digest), start, stop - start)
            except NotFound as cause:
                raise not_stored(digest) from cause
            total = _size_of(answer)
            broke: Exception = IncompleteRead(start, total - start)
            try:
                for chunk in answer.stream(CHUNK_BYTES):
                    start += len(chunk)
                    deadline = time.monotonic() + place.patience
                    yield chunk, total
            except HTTPError as error:
                broke = error
            finally:
                answer.close()
            if start >= min(stop, total):
                return
            if time.monotonic() > deadline:
                raise as_ours(broke, place.bucket, place.endpoint) from broke
            time.sleep(PAUSE)

    @contextmanager
    def local_copy(self, digest: str) -> Generator[Path]:
        """A verified copy in the cache; raises NotFound, Unavailable, StorageFull."""
        with self._cache.open(digest, lambda: self._whole(digest)) as path:
            yield path

    def _whole(self, digest: str) -> Iterator[bytes]:
        size = self.size(digest)
        if size is None:
            raise not_stored(digest)
        return self.read(digest, 0, size)

    def remove(self, digest: str) -> None:
        """Forget a blob; nothing happens when it is not there."""
        self._client.remove(self.key(digest))
        self._cache.forget(digest)

    def reach(self) -> None:
        """Ask for the bucket; raises Unavailable."""
        self._client.check_bucket()

    def check(self) -> None:
        """Write a small file here, ask for the bucket once and not for long.

        Raises StorageFull or Unavailable.
        """
        self._incoming.check()
        self._hasty.check_bucket()

    def key(self, digest: str) -> str:
        """The name of a blob's object."""
        name = digest.removeprefix("sha256:")
        return f"{self._prefix}blobs/{name[:2]}/{name}"


class S3BlobWriter(PartFile):
    """One upload: a local file, whose bytes go on to the bucket while they arrive.

    Where that fails, or too many do it, they are sent from the file at the end.
    """

    def __init__(self, digest: str, part: Path, offset: int, client: S3Client, key: str) -> None:
        super().__init__(digest, part, offset)
        self._client, self._key = client, key
        early = offset == 0 and _ROOM.acquire(blocking=False)
        self._early = PartsUpload(client, key) if early else None

    def write(self, data: bytes) -> None:
        """Append bytes; raises StorageFull."""
        super().write(data)
        if self._early is not None:
            try:
                self._early.add(data)
            except EsmError:
                self._end_early()

    def commit(self) -> bool:
        """Let the object appear; raises DigestMismatch, StorageFull, Unavailable."""
        self.verify()
        return self._appear()

    def send(self) -> bool:
        """The same for bytes that were verified; on an error nothing stays."""
        try:
            return self._appear()
        except BaseException:
            self.abort()
            raise

    def _appear(self) -> bool:
        is_new = self._complete_early()
        if is_new is None:
            is_new = put_file(self._client, self._key, self.path, self.digest)
        self.abort()  # the part has served
        return is_new

    def _complete_early(self) -> bool | None:
        """Whether the object is new; None when its bytes were not sent while they arrived."""
        early = self._early
        if early is None or not early.begun:
            return None
        try:
            is_new = early.complete()
        except EsmError:
            self._end_early()
            return None
        self._early = None
        _ROOM.release()
        return is_new

    def keep(self) -> None:
        """Leave the part where it is."""
        self._end_early()
        super().keep()

    def _end_early(self) -> None:
        if self._early is not None:
            self._early.abort()
            self._early = None
            _ROOM.release()


def _size_of(answer: BaseHTTPResponse) -> int:
    """The size of the whole object that an answer is a part of."""
    whole = answer.headers.get("Content-Range", "").rpartition("/")[2]
    return int(whole if whole.isdigit() else answer.headers.get("Content-Length", "0"))
