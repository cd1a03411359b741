"""A file on its way here, written and hashed while the next bytes are received."""

import hashlib
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from filelock import lock_descriptor

from esm_client.core.artifact.manifest import digest_file

BATCH_BYTES = 2**20
BATCHES_AHEAD = 4


def locked(file: BinaryIO, path: Path) -> bool | None:
    """Whether we alone hold `file`, and it still is what lies at `path`.

    False: somebody else is at it, or has just finished. None: there are no locks here.
    """
    if os.name == "nt":  # there a lock keeps everybody from reading too
        return None
    try:
        alone = lock_descriptor(file.fileno(), blocking=False)
        return alone and os.fstat(file.fileno()).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
    except OSError:
        return None


class PartFile:
    """Adds to the end of a file; what an interrupted download left there is hashed first.

    Writing happens behind the caller, a few megabytes at most; all of it is there at the exit,
    also of a download that breaks. Every method may raise the OSError of an earlier write.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)
        """Bytes it has, or will have."""
        self._hash = hashlib.sha256()
        if self.size:
            with Path(file.name).open("rb") as left:
                self._hash = hashlib.file_digest(left, "sha256")
        self._batch = bytearray()
        self._going = deque[Future[None]]()
        self._pool: ThreadPoolExecutor | None = None
        self._failed: OSError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.flush()
        finally:
            if self._pool is not None:
                self._pool.shutdown()

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        self._batch += chunk
        self.size += len(chunk)
        if len(self._batch) >= BATCH_BYTES:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1)
            if len(self._going) == BATCHES_AHEAD:
                self._going.popleft().result()
            self._going.append(self._pool.submit(self._write, self._batch))
            self._batch = bytearray()

    def _write(self, batch: bytearray) -> None:
        if self._failed is not None:  # nothing may follow what is not there
            raise self._failed
        try:
            self._file.write(batch)
        except OSError as error:
            self._failed = error
            raise
        self._hash.update(batch)

    def flush(self) -> None:
        """Wait until all bytes are in the file."""
        while self._going:
            self._going.popleft().result()
        batch, self._batch = self._batch, bytearray()
        self._write(batch)
        self._file.flush()

    def restart(self) -> None:
        """Forget all bytes."""
        self.flush()
        self._file.truncate(0)
        self._hash, self.size = hashlib.sha256(), 0

    def digest(self) -> str:
        """`sha256:...` of all bytes."""
        self.flush()
        if os.fstat(self._file.fileno()).st_size != self.size:  # somebody else wrote there too
            return digest_file(Path(self._file.name))
        return f"sha256:{self._hash.hexdigest()}"
