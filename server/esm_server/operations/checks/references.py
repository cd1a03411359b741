"""Rows that name others which do not exist: no database that enforces its keys has any."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Table, delete, exists, func, select
from sqlmodel import Session

from esm_server.db.columns import metadata
from esm_server.operations.finding import Finding
from esm_server.operations.opening import Registry

MEANINGLESS_ALONE = {
    "aliases", "alias_moves", "card_revisions", "esm_tags", "map_signatures", "members",
    "source_model_files", "source_sketches", "space_digests",
    "text_embeddings", "uploads", "version_files",
}  # fmt: skip
"""Tables whose rows say something about another row alone: without it they can go."""


def check_references(registry: Registry) -> Iterator[Finding]:
    """Every foreign key of every table."""
    with registry.database.read() as session:
        for table, column, named, dangling in _foreign_keys():
            count = session.connection().execute(
                select(func.count()).select_from(table).where(dangling)
            )
            if number := count.scalar_one():
                what = f"{number} rows name {named} that do not exist."
                where = f"{table.name}.{column}"
                yield Finding(
                    "reference-dangling", where, what, table.name in MEANINGLESS_ALONE, where
                )


def remove_dangling(session: Session) -> None:
    """Remove rows that mean nothing without what they name."""
    for table, _, _, dangling in reversed(list(_foreign_keys())):
        if table.name in MEANINGLESS_ALONE:
            session.connection().execute(delete(table).where(dangling))


def _foreign_keys() -> Iterator[tuple[Table, str, str, ColumnElement[bool]]]:
    """Table, column, the table it names, and the condition that what it names is missing."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            for key in column.foreign_keys:
                other = key.column.table.alias()
                found = exists().where(other.c[key.column.name] == column)
                yield table, column.name, key.column.table.name, column.is_not(None) & ~found
