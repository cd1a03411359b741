"""One run at a time in a folder."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from esm_client.core.disk import disk_errors
from esm_client.core.errors import Conflict


@contextmanager
def alone(output: Path) -> Generator[None]:
    """Keep another run out of a folder, on systems that have locks for that; raises Conflict."""
    with disk_errors(output, "Name a folder that you may write to."):
        output.mkdir(parents=True, exist_ok=True)
        lock = (output / ".lock").open("w")
    with lock:
        try:
            import fcntl
        except ImportError:
            yield
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as cause:
            raise Conflict(
                f"Another run is at work in {output}.", "Wait for it, or name another folder."
            ) from cause
        yield
