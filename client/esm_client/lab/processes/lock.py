"""One run at a time in a folder."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from esm_client.core.disk import disk_errors
from esm_client.core.errors import Conflict


@contextmanager
def alone(output: Path) -> Generator[None]:
    """Keep another run out of a folder; raises Conflict."""
    lock = FileLock(output / ".lock", blocking=False)
    with disk_errors(output, "Name a folder that you may write to."):
        output.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as cause:
            raise Conflict(
                f"Another run is at work in {output}.", "Wait for it, or name another folder."
            ) from cause
    try:
        yield
    finally:
        lock.release()
