"""Where records of rankings lie: a small file each, which only their owner may read."""

import hashlib
import json
import re
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock
from pydantic import TypeAdapter

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.disk import disk_errors, write_whole
from esm_client.core.errors import EsmError, InvalidInput, TooLarge
from esm_client.core.quantities import size
from esm_client.remote.verdicts.record import VERSION, Record, Verdict, Waiting

FOLDER = "verdicts"
MAX_RECORDS = 1000
MAX_BYTES = 64 * 2**20
"""Of all records; beyond one of these bounds the oldest go."""
MAX_RECORD_BYTES = 8 * 2**20
MAX_WAITING_SECONDS = 7 * 24 * 3600
"""After which the hashes of a target are dropped, should its ranking never have been looked at."""
LOCK_SECONDS = 30.0
HINT = "Set XDG_DATA_HOME to a directory you may write to."

_RECORD: TypeAdapter[Verdict | Waiting] = TypeAdapter(Record)
_SEALED = re.compile(rb'\{"sha256":"(sha256:[0-9a-f]{64})",(.*)', re.DOTALL)
_KEPT, _WAITING = ".json", ".waiting"
_LOCK = ".lock"


class Verdicts:
    """The records of one registry's rankings, in a folder that they share with others'.

    They cannot be made again: the registry never learns what they say.
    """

    def __init__(self, directory: Path, registry: str) -> None:
        self.folder = directory / FOLDER
        self.registry = registry

    def find(self, ranking: str) -> Verdict | Waiting | None:
        """The record of a ranking, None where there is none; raises InvalidInput if damaged."""
        with suppress(EsmError):
            self._drop_forgotten()
        for suffix in (_KEPT, _WAITING, _KEPT):  # the one takes the place of the other at any time
            path = self._path(ranking, suffix)
            data = _read(path)
            if data is not None:
                return self._parsed(path, data, ranking)
        return None

    def keep(self, record: Verdict | Waiting) -> None:
        """Write a record in place of an earlier one; raises InvalidInput, TooLarge, StorageFull."""
        is_waiting = isinstance(record, Waiting)
        path = self._path(record.ranking, _WAITING if is_waiting else _KEPT)
        data = sealed(record.model_dump_json().encode())
        if len(data) > MAX_RECORD_BYTES:
            raise TooLarge(f"It takes {size(len(data))}.", f"{size(MAX_RECORD_BYTES)} are allowed.")
        with disk_errors(self.folder, HINT), self._writing():
            write_whole(path, data, mode=0o600)
            if not is_waiting:
                path.with_suffix(_WAITING).unlink(missing_ok=True)
            self._drop_old()

    def forget(self, ranking: str) -> None:
        """Drop what was kept for a ranking on its way; raises InvalidInput."""
        with disk_errors(self.folder, HINT):
            self._path(ranking, _WAITING).unlink(missing_ok=True)

    def _path(self, ranking: str, suffix: str) -> Path:
        """A name that no id can steer."""
        named = f"{self.registry}\n{ranking}".encode(errors="backslashreplace")
        key = hashlib.sha256(named).hexdigest()
        return self.folder / f"{key}{suffix}"

    def _parsed(self, path: Path, data: bytes, ranking: str) -> Verdict | Waiting:
        try:
            if len(data) > MAX_RECORD_BYTES:
                raise ValueError(f"more than {MAX_RECORD_BYTES} bytes")
            record = _RECORD.validate_json(_unsealed(data))
            if (record.registry, record.ranking) != (self.registry, ranking):
                raise ValueError("the record of another ranking")
        except ValueError as cause:  # pydantic's too
            if _is_later(data):
                raise InvalidInput(
                    f"{path} was written by a later version of esm-client.", "Use that version."
                ) from cause
            raise InvalidInput(f"{path} is damaged.", "Remove it.") from cause
        return record

    @contextmanager
    def _writing(self) -> Generator[None]:
        """The folder, while no other process writes to it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        with FileLock(self.folder / _LOCK, timeout=LOCK_SECONDS, mode=0o600):
            yield

    def _drop_forgotten(self) -> None:
        """Drop hashes of targets whose rankings nobody has looked at."""
        long_ago = time.time() - MAX_WAITING_SECONDS
        with disk_errors(self.folder, HINT):
            for path, modified, _ in self._records(_WAITING):
                if modified < long_ago:
                    path.unlink(missing_ok=True)

    def _drop_old(self) -> None:
        self._drop_forgotten()
        total = 0
        newest_first = sorted(
            self._records(_KEPT, _WAITING), key=lambda found: found[1], reverse=True
        )
        for number, (path, _, own_size) in enumerate(newest_first):
            total += own_size
            if number >= MAX_RECORDS or total > MAX_BYTES:
                path.unlink(missing_ok=True)
        for path in self.folder.glob(".*.*.*"):  # left by writers that were killed
            path.unlink(missing_ok=True)

    def _records(self, *suffixes: str) -> Iterator[tuple[Path, float, int]]:
        """Files with their times and sizes, but for those that just go."""
        for suffix in suffixes:
            for path in self.folder.glob(f"*{suffix}"):
                with suppress(FileNotFoundError):
                    status = path.stat()
                    yield path, status.st_mtime, status.st_size


def sealed(record: bytes) -> bytes:
    """A record, a JSON object, with its digest first: one character less may hide a copy."""
    return b'{"sha256":"%s",%s' % (digest_bytes(record).encode(), record[1:])


def _unsealed(data: bytes) -> bytes:
    """Raises ValueError for a record that is not as it was written."""
    found = _SEALED.fullmatch(data)
    body = b"{" + found[2] if found else b""
    if found is None or digest_bytes(body).encode() != found[1]:
        raise ValueError("not as it was written")
    return body


def _is_later(data: bytes) -> bool:
    """Whether it is the record of a version that this one does not know."""
    try:
        version = json.loads(data)["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return isinstance(version, int) and version > VERSION


def _read(path: Path) -> bytes | None:
    """A file's bytes, a few more than it may have at most; None where there is none."""
    with disk_errors(path, HINT):
        try:
            with path.open("rb") as file:
                return file.read(MAX_RECORD_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
