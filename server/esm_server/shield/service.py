"""Handing out source sketches."""

import base64

from esm_client.core.schemas import Page, SourceSketch, SourceSketchQuery
from esm_server.auth.caller import Caller
from esm_server.auth.service import check_still
from esm_server.db import SourceSketchRow
from esm_server.db.database import Database
from esm_server.shield.repository import SourceSketchRepository


class ShieldService:
    """Source sketches of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sketches(self, caller: Caller, query: SourceSketchQuery) -> Page[SourceSketch]:
        """The sketches of these versions, one each; versions without any are left out.

        Raises Unauthorized.
        """
        with self._database.read() as session:
            check_still(session, caller)
            found = SourceSketchRepository(session).find(caller, query.digests)
        one_each = dict(found)
        return Page(items=[_sketch(digest, row) for digest, row in one_each.items()])


def _sketch(digest: str, row: SourceSketchRow) -> SourceSketch:
    return SourceSketch(
        digest=digest,
        rule=row.rule,
        num_rows=row.num_rows,
        num_texts=row.num_texts,
        rows=base64.b64encode(row.rows),
        texts=base64.b64encode(row.texts),
    )
