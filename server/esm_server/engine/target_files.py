"""Targets as files, from which worker processes read them."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from esm_client.core.errors import StorageFull


class TargetFiles:
    """A folder whose files are there only while a ranking needs them."""

    def __init__(self, folder: Path) -> None:
        """Empties the folder: what lies there, a killed process has left."""
        self._folder = folder
        self._users: Counter[Path] = Counter()
        self._lock = Lock()
        shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def holding(self, data: bytes, suffix: str) -> Generator[Path]:
        """A file with these bytes; raises StorageFull."""
        path = self._folder / f"{hashlib.sha256(data).hexdigest()}.{suffix}"
        with self._lock:
            if not self._users[path]:
                self._write(path, data)
            self._users[path] += 1
        try:
            yield path
        finally:
            with self._lock:
                self._users[path] -= 1
                if not self._users[path]:
                    del self._users[path]
                    path.unlink(missing_ok=True)

    def _write(self, path: Path, data: bytes) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as cause:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            raise StorageFull(
                f"The server cannot write the target down: {cause.strerror}.",
                "Tell the server's operator; the ranking can be asked for again.",
            ) from cause
