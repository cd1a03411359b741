"""Large objects, sent in parts."""

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from esm_server.storage.incoming import other_bytes
from esm_server.storage.s3_client import S3Client

PART_BYTES = 8 * 2**20
PARTS_AT_A_TIME = 3
READ_BYTES = 2**20


class PartsUpload:
    """An object that is sent while its bytes become known: it appears at `complete` alone.

    A few parts are on their way at a time, in threads of its own, and one more is in memory.
    """

    def __init__(self, client: S3Client, key: str) -> None:
        """Nothing is sent before there is a whole part."""
        self._client, self._key = client, key
        self._upload: str | None = None
        self._pool = ThreadPoolExecutor(PARTS_AT_A_TIME)
        self._going = deque[Future[str]]()
        self._etags, self._buffer, self._size = list[str](), bytearray(), 0

    @property
    def begun(self) -> bool:
        """Whether a part was sent."""
        return self._upload is not None

    def add(self, data: bytes) -> None:
        """Take bytes; waits while as many parts as may be are on their way. Raises Unavailable."""
        self._buffer += data
        self._size += len(data)
        if len(self._buffer) >= PART_BYTES:
            self._send()

    def _send(self) -> str:
        if self._upload is None:
            self._upload = self._client.begin_parts(self._key)
        if len(self._going) == PARTS_AT_A_TIME:
            self._etags.append(self._going[0].result())
            self._going.popleft()
        number = len(self._etags) + len(self._going) + 1
        data, self._buffer = bytes(self._buffer), bytearray()
        send = self._client.send_part
        self._going.append(self._pool.submit(send, self._key, self._upload, number, data))
        return self._upload

    def complete(self) -> bool:
        """Send the rest and let the object appear; whether it is new.

        Raises Unavailable, StorageFull; then `abort` is to be called.
        """
        upload = self._send() if self._buffer or self._upload is None else self._upload
        etags = self._etags + [one.result() for one in self._going]
        is_new = self._client.complete_parts(self._key, upload, etags, self._size)
        self._pool.shutdown()
        return is_new

    def abort(self) -> None:
        """Drop it; does not wait for the store."""
        going = [one for one in self._going if not one.cancel()]

        def drop(upload: str) -> None:
            for one in going:  # a part that came after the end would stay
                one.exception()
            self._client.drop_parts(self._key, upload)

        if self._upload is not None:
            self._pool.submit(drop, self._upload)
        self._pool.shutdown(wait=False)


def put_file(client: S3Client, key: str, file: Path, digest: str) -> bool:
    """Store a file unless it is there with as many bytes; whether it is new.

    It is sent in either case, which takes about as long; not exactly, since the store is asked once
    more where it is there. The bytes are hashed as they leave; raises DigestMismatch before the
    object appears, StorageFull, Unavailable.
    """
    size = file.stat().st_size
    if size <= PART_BYTES:
        data = file.read_bytes()
        _check(hashlib.sha256(data).hexdigest(), digest)
        return client.put(key, data)
    parts, hasher = PartsUpload(client, key), hashlib.sha256()
    try:
        with file.open("rb") as opened:
            while data := opened.read(READ_BYTES):
                hasher.update(data)
                parts.add(data)
        _check(hasher.hexdigest(), digest)
        return parts.complete()
    except BaseException:
        parts.abort()
        raise


def _check(hexdigest: str, digest: str) -> None:
    if f"sha256:{hexdigest}" != digest:
        raise other_bytes(f"sha256:{hexdigest}", digest)
