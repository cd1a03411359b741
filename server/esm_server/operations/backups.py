"""Backups: blobs by digest, shared by all points in time, and a document per point.

blobs/ab/abcdef...          files of versions, and dumps of tables, once each
points/20261126T081729.json what a point in time consists of: a Point and its sha256
rights/20261126T081729.json who may do what at that time: Rights and their sha256, the newest few

All of them are one registry's.
"""

import fcntl
import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Protocol, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.errors import Conflict, EsmError, InvalidInput, NotFound, Unavailable
from esm_client.core.references import DIGEST_PATTERN
from esm_server.db.columns import now
from esm_server.operations.hashing import damage_of
from esm_server.operations.rights import TABLES, Rights, rights_in
from esm_server.storage.base import BlobStore

KEPT_RIGHTS = 10
"""The newest counts; the others are there in case it is damaged."""
CLOCKS = timedelta(minutes=5)
"""How far clocks may differ: a name of later than that was given by one that was ahead."""
Digest = Annotated[str, Field(pattern=f"^{DIGEST_PATTERN}$")]


class StoredPart(BaseModel):
    """Bytes of a backup that lie among its blobs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: Digest
    size: int
    count: int
    """Lines."""


class Point(BaseModel):
    """One registry at one moment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = 1
    created_at: str
    server_version: str
    revision: str
    """Of the database's schema."""
    next_version_key: int
    tables: dict[str, StoredPart]
    blobs: StoredPart
    """The list of all blobs: digest, space, size in bytes, a line each."""
    blob_bytes: int
    lost: list[Digest] = []
    """Blobs that versions need, and that the registry itself had lost or has damaged."""


class Documents(Protocol):
    """A few small files by name, each there whole or not at all."""

    def names(self) -> list[str]:
        """All of them, in no order; raises Unavailable."""
        ...

    def read(self, name: str) -> bytes:
        """One of them; raises Unavailable."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Add one; raises StorageFull, Unavailable."""
        ...

    def remove(self, name: str) -> None:
        """Forget one; nothing happens when it is not there; raises Unavailable."""
        ...


class _OtherVersion(ValueError):
    """A list that is sound, but of a version that it names, and that has other ones."""


class Backups:
    """The backups in one place."""

    def __init__(
        self, place: str, store: BlobStore, points: Documents, rights: Documents, workplace: Path
    ) -> None:
        """`workplace` is a local folder that only one backup at a time writes to."""
        self._place, self._points, self._workplace = place, points, workplace
        self._rights, self.store = rights, store

    @contextmanager
    def written(self) -> Generator[None]:
        """Own the place while a backup is written; raises Unavailable when another one is."""
        self._workplace.mkdir(parents=True, exist_ok=True)
        with (self._workplace / "backup.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as cause:
                raise Unavailable(
                    f"Another backup is being written from {self._workplace}.",
                    "Wait until it ends.",
                ) from cause
            self.store.prepare()
            yield

    def names(self) -> list[str]:
        """All points, the oldest first."""
        return _in_order(self._points)

    def write(self, name: str, point: Point) -> None:
        """Add a point, whole or not at all."""
        self._points.write(name, _sealed("point", point))

    def remove(self, name: str) -> None:
        """Forget a point; its files stay."""
        self._points.remove(name)

    def write_rights(self, name: str, rights: Rights) -> None:
        """Add a list of who may do what, also while a backup is written; the oldest ones go."""
        self._rights.write(name, _sealed("rights", rights))
        # those of a clock that was ahead would stand in the place of the new ones
        lists = [one for one in _in_order(self._rights) if one <= _latest_name()]
        for old in lists[:-KEPT_RIGHTS]:
            if old != name:
                with suppress(EsmError, OSError):  # one too many does no harm; no list does
                    self._rights.remove(old)

    def check_takes(self, rights: Rights) -> None:
        """Raise Conflict for an empty registry, or another one than the place is of.

        Its lists would soon be the only ones, and a restore would obey them. What cannot be read
        is no reason: whoever restores is told of it.
        """
        if not rights.users:
            raise Conflict(
                "The registry is empty: it has no user, so there is nothing to back up.",
                "Wait until it is restored, or name the registry that is in use.",
            )
        words = [word for word in self._words() if word[0] <= _latest_name()]
        with suppress(ValueError, KeyError, TypeError):
            if words and self._read_word(*words[-1]).registry != rights.registry:
                raise Conflict(
                    f"{self._place} holds the backups of another registry.",
                    "Name another place for those of this one.",
                )

    def newest_rights(self, then: Rights | None = None) -> Rights:
        """The newest word on who may do what: a list, or a point where no list is as new.

        then: those of the registry that it has to be of. Raises NotFound for a place without any,
        Unavailable, and InvalidInput for one that does not count, whatever the reason.
        """
        words = self._words()
        if not words:
            raise NotFound(f"{self._place} holds no backup.", "Name the place of a backup.")
        name, kind = words[-1]
        document = f"{kind}/{name}.json of {self._place}"
        if name > _latest_name():
            raise _unknown(f"{document} is of a time to come", "If a clock was ahead, remove it")
        try:
            found = self._read_word(name, kind)
        except _OtherVersion as cause:
            raise _unknown(
                f"{document} is of esm-server {cause}, whose lists this version does not know",
                "Use that version, or remove it",
            ) from cause
        except (ValueError, KeyError, TypeError) as cause:  # InvalidInput is a ValueError too
            raise _unknown(f"{document} is damaged, {_line(cause)}", "Remove it") from cause
        if then is not None and then.registry != found.registry:
            raise _unknown(f"{document} is of another registry than the backup", "Remove it")
        return found

    def _words(self) -> list[tuple[str, str]]:
        """Names and kinds of all that tells of rights, the newest last; lists after points."""
        found = [(name, "points") for name in self.names()]
        return sorted([*found, *((name, "rights") for name in _in_order(self._rights))])

    def _read_word(self, name: str, kind: str) -> Rights:
        if kind == "points":
            return self.rights_of(self.read(name))
        body = _unsealed(kind, self._rights.read(name))
        try:
            return Rights.model_validate(body)
        except ValidationError as cause:  # not damaged, as its seal is whole
            raise _OtherVersion(_version_in(body)) from cause

    def rights_of(self, point: Point) -> Rights:
        """Who could do what at a point; raises InvalidInput, Unavailable."""
        for table, part in point.tables.items():
            if table in TABLES and (fault := damage_of(self.store, part.digest)) is not None:
                raise spoiled(f"{table} {fault}")
        as_of = datetime.fromisoformat(point.created_at)
        try:
            lines = {table: self.lines(point.tables[table]) for table in TABLES}
            return rights_in(lines.__getitem__, as_of, point.server_version)
        except (ValueError, KeyError, TypeError) as cause:
            raise spoiled(f"its users cannot be read, {_line(cause)}") from cause

    def blobs(self, point: Point) -> list[tuple[str, int]]:
        """Digest and size of what a point holds besides tables; raises InvalidInput, Unavailable.

        What its registry had lost is left out.
        """
        if (fault := damage_of(self.store, point.blobs.digest)) is not None:
            raise spoiled(f"the list of files {fault}")
        lost = set(point.lost)
        listed = (line.decode().split() for line in self.lines(point.blobs))
        return [(digest, int(size)) for digest, size in listed if digest not in lost]

    def lines(self, part: StoredPart) -> Iterator[bytes]:
        """The lines of a dump; raises NotFound."""
        rest = b""
        for chunk in self.store.read(part.digest, 0, part.size):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
        if rest:
            yield rest

    def read(self, name: str | None) -> Point:
        """A point, the newest unless one is named; raises NotFound, InvalidInput."""
        names = self.names()
        if not names or name not in (None, *names):
            raise NotFound(
                f"{self._place} holds no backup{f' {name!r}' if name else ''}.",
                f"It holds: {', '.join(names[-5:])}." if names else "Name the place of a backup.",
            )
        name = name or names[-1]
        try:
            return Point.model_validate(_unsealed("point", self._points.read(name)))
        except (ValueError, KeyError, TypeError) as cause:
            raise InvalidInput(
                f"The backup {name} in {self._place} is damaged: {_line(cause)}.",
                f"Remove its document, or restore another one with --at: {', '.join(names[-5:])}.",
            ) from cause


def spoiled(reason: str) -> InvalidInput:
    """What is said of a backup whose files are damaged."""
    return InvalidInput(
        f"The backup is damaged: {reason}.",
        "Where the registry still has it, backup --verify mends it; or restore another, --at.",
    )


def name_at(time: datetime) -> str:
    """What a backup or a list of this time is called; names sort as their times do."""
    return f"{time:%Y%m%dT%H%M%S%f}"


def _latest_name() -> str:
    return name_at(now() + CLOCKS)


def _unknown(reason: str, remedy: str) -> InvalidInput:
    """What is said where the newest word on rights does not count."""
    return InvalidInput(
        f"What was revoked lately cannot be known: {reason}.",
        f"{remedy}, so that the one before it counts; or let all that was revoked come back: "
        "--as-it-was.",
    )


def _in_order(documents: Documents) -> list[str]:
    return sorted(name for name in documents.names() if name[:1].isdigit())


def _sealed(kind: str, content: BaseModel) -> bytes:
    body = content.model_dump(mode="json")
    return json.dumps({kind: body, "sha256": _digest(body)}, indent=1).encode()


def _unsealed(kind: str, document: bytes) -> object:
    """What was sealed; raises ValueError, KeyError, TypeError for anything else."""
    found = json.loads(document)
    if found["sha256"] != _digest(found[kind]):
        raise ValueError("its sha256 is another")
    return found[kind]


def _version_in(body: object) -> object:
    if not isinstance(body, dict):
        return "(unknown)"
    return cast("dict[str, object]", body).get("server_version", "(unknown)")


def _line(cause: Exception) -> str:
    said = cause.message if isinstance(cause, InvalidInput) else str(cause)
    return said.splitlines()[0].rstrip(".")


def _digest(body: object) -> str:
    return digest_bytes(json.dumps(body, sort_keys=True).encode())
