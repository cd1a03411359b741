"""Writing to the local disk: whole files only, and OS errors as ours."""

import errno
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from esm_client.core.errors import InvalidInput, StorageFull

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def disk_errors(path: Path, hint: str) -> Generator[None]:
    """Turn an OSError about `path` into StorageFull, or InvalidInput with `hint`."""
    try:
        yield
    except OSError as cause:
        if cause.errno in _FULL:
            raise StorageFull(
                f"There is no room left on the disk of {path}.", "Free some space and try again."
            ) from cause
        reason = (cause.strerror or str(cause)).lower()
        raise InvalidInput(f"{path} cannot be used: {reason}.", hint) from cause


def beside(path: Path) -> Path:
    """A new hidden name in the same directory, for what is renamed to `path` once complete."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def write_whole(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a file that readers see complete or not at all; `mode` is narrowed by the umask."""
    staging = beside(path)
    try:
        # O_EXCL: never through a link that somebody else put there
        descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        staging.replace(path)
    except BaseException:
        staging.unlink(missing_ok=True)
        raise
