"""Copying blobs between stores, each hashed on its way."""

from collections import deque
from collections.abc import Iterator, Sequence

from esm_client.core.errors import DigestMismatch, NotFound, Unavailable
from esm_server.operations.hashing import damage_of
from esm_server.operations.opening import Watch
from esm_server.storage.base import BlobStore, DamagedBlob

BATCH = 64
"""Blobs that are made durable together."""


def copy_blobs(
    source: BlobStore,
    target: BlobStore,
    blobs: Sequence[tuple[str, int]],
    watch: Watch,
    *,
    verify: bool = False,
) -> list[str]:
    """Copy blobs, given as digest and size, that the target does not hold in that size.

    verify: read what the target holds, and copy it again where it is damaged. Returns those that
    the source has lost or has damaged; the others are all durable. Raises StorageFull, and
    Unavailable also where the source does not answer or what the target holds cannot be read.
    """
    total, done = sum(size for _, size in blobs), 0
    faulty: list[str] = []
    for start in range(0, len(blobs), BATCH):
        batch = blobs[start : start + BATCH]
        for digest, size in batch:
            there = target.size(digest)
            if there is not None and (there != size or (verify and damage_of(target, digest))):
                target.remove(digest)
        rest = deque(batch)
        while rest:
            sending = _Sending(source, rest)
            try:
                target.put_many(sending)
            except (DigestMismatch, DamagedBlob, NotFound, OSError) as error:
                if not (sending.reading or isinstance(error, DigestMismatch)):
                    raise  # the target's fault
                faulty.append(sending.digest)
        _check_all_there(target, batch, faulty)
        done += sum(size for _, size in batch)
        watch(done, total)
    return faulty


def _check_all_there(
    target: BlobStore, batch: Sequence[tuple[str, int]], faulty: Sequence[str]
) -> None:
    for digest, size in batch:
        if digest not in faulty and target.size(digest) != size:
            raise Unavailable(f"{digest} was copied and is not there.", "Copy again.")


class _Sending:
    """Takes blobs from a queue as they are asked for, and knows at which one it is."""

    def __init__(self, source: BlobStore, rest: deque[tuple[str, int]]) -> None:
        self._source, self._rest = source, rest
        self.digest = ""
        self.reading = False

    def __iter__(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        while self._rest:
            self.digest, size = self._rest.popleft()
            yield self.digest, self._chunks(size)

    def _chunks(self, size: int) -> Iterator[bytes]:
        self.reading = True
        for chunk in self._source.read(self.digest, 0, size):
            self.reading = False
            yield chunk
            self.reading = True
        self.reading = False
