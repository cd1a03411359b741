"""Who may use a data directory: one server or one command that replaces its content at a time."""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from esm_client.core.errors import Unavailable


@contextmanager
def exclusive(data_dir: Path) -> Generator[None]:
    """Own a data directory; raises Unavailable when another server does. A kill releases it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "server.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise Unavailable(
                f"Another esm-server uses {data_dir}.", "Stop it, or name another `data_dir`."
            ) from cause
        yield
