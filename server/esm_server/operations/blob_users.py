"""Queries on which blobs the database names, and for what."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select

from esm_server.db import EsmRow, EsmVersionRow, SourceModelFileRow, VersionFileRow

PART = 500
"""Digests in one statement."""
_TABLES: tuple[Any, ...] = (VersionFileRow, SourceModelFileRow)
_ESM: Any = (EsmRow.namespace, EsmRow.name)
_VERSION: Any = (EsmVersionRow.version,)
Item = TypeVar("Item")


def parts(items: Iterable[Item], size: int = PART) -> Iterator[list[Item]]:
    """The items in lists of at most `size`."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def named_blobs(session: Session) -> dict[str, int]:
    """All blobs that versions or source models need: size by digest."""
    found: dict[str, int] = {}
    for table in _TABLES:
        found |= dict(session.exec(select(table.digest, table.size).distinct()).all())
    return found


def still_named(session: Session, digests: Sequence[str]) -> set[str]:
    """Those of some blobs that the database names."""
    found: set[str] = set()
    for part in parts(digests):
        for table in _TABLES:
            found |= set(session.exec(select(table.digest).where(table.digest.in_(part))).all())
    return found


def users_of(session: Session, digests: Sequence[str]) -> dict[str, list[str]]:
    """What needs each of some blobs, for instance `team/reviews@3 model.safetensors`."""
    found: dict[str, list[str]] = {}
    for part in parts(digests):
        for table, kind in zip(_TABLES, ("", "source model's "), strict=True):
            statement = (
                select(EsmRow, EsmVersionRow, table)
                .join(EsmVersionRow, col(EsmVersionRow.esm_id) == col(EsmRow.id))
                .join(table, table.version_id == EsmVersionRow.id)
                .options(load_only(*_ESM), load_only(*_VERSION))
                .where(table.digest.in_(part))
                .order_by(col(EsmVersionRow.id), table.name)
            )
            for esm, version, file in session.exec(statement).all():
                user = f"{esm.namespace}/{esm.name}@{version.version} {kind}{file.name}"
                found.setdefault(file.digest, []).append(user)
    return found


def shown(users: Sequence[str], most: int = 3) -> str:
    """A few users of a blob in words."""
    if not users:
        return "nothing"
    more = f" and {len(users) - most} more" if len(users) > most else ""
    return f"{', '.join(users[:most])}{more}"
