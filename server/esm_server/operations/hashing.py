"""Reading blobs to see whether they still are what their digests say."""

import hashlib
import time
from dataclasses import dataclass, field

from esm_client.core.errors import EsmError, NotFound, Unavailable
from esm_server.storage.base import BlobStore, DamagedBlob


@dataclass(slots=True)
class Pace:
    """Slows reading down to a number of bytes a second, counted from its first byte."""

    bytes_per_second: float | None = None
    _started: float = 0.0
    _read: int = field(default=0)

    def read(self, size: int) -> None:
        """Wait until so many more bytes may have been read."""
        if self.bytes_per_second is None:
            return
        if not self._read:
            self._started = time.monotonic()
        self._read += size
        ahead = self._read / self.bytes_per_second - (time.monotonic() - self._started)
        if ahead > 0:
            time.sleep(ahead)


def fault_of(store: BlobStore, digest: str, pace: Pace | None = None) -> str | None:
    """What is wrong with a stored blob, in a few words; None when it is whole and sound."""
    try:
        return damage_of(store, digest, pace)
    except EsmError as error:
        return f"cannot be read ({error.message})"


def damage_of(store: BlobStore, digest: str, pace: Pace | None = None) -> str | None:
    """The same, but raises Unavailable for a blob that cannot be read: it may well be sound."""
    size = store.size(digest)
    if size is None:
        return "is missing"
    hashed = hashlib.sha256()
    try:
        for chunk in store.read(digest, 0, size):
            hashed.update(chunk)
            if pace is not None:
                pace.read(len(chunk))
    except NotFound:
        return "is missing"
    except DamagedBlob:  # a store that looks for itself
        return "has other bytes than its digest says"
    except OSError as error:
        raise Unavailable(
            f"{digest} cannot be read: {error}.",
            "See that its disk is there; a file of a backup that stays unreadable may be removed, "
            "backup --verify copies it again.",
        ) from error
    actual = f"sha256:{hashed.hexdigest()}"
    return None if actual == digest else f"has the bytes of {actual}"
