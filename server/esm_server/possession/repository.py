"""Queries on uploads that ended, and on which files a namespace has."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    delete,
    exists,
    insert,
    or_,
    select,
    tuple_,
)
from sqlmodel import Session

from esm_server.db.columns import metadata, now
from esm_server.storage.incoming import LATELY

MODEL_FILES = metadata.tables["source_model_files"]
FILES = (metadata.tables["version_files"], MODEL_FILES)
_UPLOADS = metadata.tables["uploads"]
_SENT = _UPLOADS.c
SWEPT = 1000
"""Rows that are swept in one transaction, for which other writers wait."""


class UploadRepository:
    """Uploads within one transaction."""

    def __init__(self, session: Session) -> None:
        self._run = session.connection().execute

    def record(self, user_id: int, namespace: str, digests: Collection[str]) -> None:
        """Note that a user has sent a few files into a namespace just now."""
        if not digests:
            return
        self._run(delete(_UPLOADS).where(_of(user_id, namespace, _SENT.digest.in_(digests))))
        row = {"namespace": namespace, "user_id": user_id, "ended_at": now()}
        self._run(insert(_UPLOADS), [{"digest": digest, **row} for digest in digests])

    def held(self, user_id: int, namespace: str, digests: Collection[str]) -> set[str]:
        """Those of a few files that a user may name in a namespace: it has them, or they sent them.

        No row of another namespace is looked at, so that the time tells nothing of them either.
        """
        wanted = list(digests)
        if not wanted:
            return set()
        lately = _SENT.ended_at > now() - LATELY
        may = (
            or_(
                exists().where(_of(user_id, namespace, _SENT.digest == digest), lately),
                *(exists().where(_is(files, namespace, digest)) for files in FILES),
            )
            for digest in wanted
        )
        row = self._run(select(*may)).one()
        return {digest for digest, held in zip(wanted, row, strict=True) if held}

    def forget(self, files: Table, version_id: int | None) -> None:
        """Let uploads of a version's files, which are rows of `files`, show nothing any more."""
        named = select(files.c.digest, files.c.namespace).where(files.c.version_id == version_id)
        sent = tuple_(_SENT.digest, _SENT.namespace).in_(named)
        self._run(delete(_UPLOADS).where(sent))

    def sent_since(self, time: datetime, among: Collection[str] | None = None) -> set[str]:
        """The files that anybody has sent later; of all, or of a few."""
        found = select(_SENT.digest).where(_SENT.ended_at > time)
        if among is not None:
            found = found.where(_SENT.digest.in_(among))
        return set(self._run(found).scalars())

    def sweep(self) -> int:
        """Remove what counts no more, SWEPT rows at most; how many."""
        key = (_SENT.digest, _SENT.namespace, _SENT.user_id)
        over = select(*key).where(_SENT.ended_at <= now() - LATELY).limit(SWEPT)
        return self._run(delete(_UPLOADS).where(tuple_(*key).in_(over))).rowcount


def _of(user_id: int, namespace: str, files: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(files, _SENT.namespace == namespace, _SENT.user_id == user_id)


def _is(files: Table, namespace: str, digest: str) -> ColumnElement[bool]:
    return and_(files.c.digest == digest, files.c.namespace == namespace)
