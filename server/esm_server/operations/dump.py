"""Tables as JSON lines, the same from and for every database."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, Table, func, insert, select, text
from sqlmodel import Session

from esm_client.core.errors import InvalidInput
from esm_server.db.columns import UtcDateTime, metadata
from esm_server.operations.blob_users import parts

BATCH = 500
_NEVER_AGAIN = "esm_versions"
"""The table whose keys are not given again, not even those of deleted rows."""


def table_names() -> list[str]:
    """All tables, each after those whose rows it names."""
    return [table.name for table in metadata.sorted_tables]


def dumped(session: Session, name: str) -> Iterator[bytes]:
    """The rows of a table by key, a JSON object and a line feed each."""
    table = metadata.tables[name]
    write = {column.name: _writer(column.type) for column in table.columns}
    statement = select(table).order_by(*table.primary_key.columns)
    result = session.connection().execute(statement.execution_options(yield_per=BATCH))
    for row in result.mappings():
        values = {column: write[column](value) for column, value in row.items()}
        yield json.dumps(values, separators=(",", ":")).encode() + b"\n"


def load(session: Session, name: str, lines: Iterable[bytes]) -> int:
    """Insert what `dumped` gave; returns the number of rows. Raises InvalidInput."""
    table, count = metadata.tables[name], 0
    for part in parts(lines, BATCH):
        rows = [_row(table, line) for line in part]
        session.connection().execute(insert(table), rows)
        count += len(rows)
    return count


def next_key(session: Session) -> int:
    """The key that the next version gets, or a lower one that never was given."""
    run = session.connection()
    highest = run.execute(select(func.max(metadata.tables[_NEVER_AGAIN].c.id))).scalar() or 0
    if run.dialect.name == "sqlite":
        found = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        given = run.execute(found, {"name": _NEVER_AGAIN}).scalar() or 0
    else:
        sequence = text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:name, 'id'))")
        given = run.execute(sequence, {"name": _NEVER_AGAIN}).scalar() or 0
    return max(highest, given) + 1


def continue_keys(session: Session, next_version: int) -> None:
    """Have the database give keys beyond those that were inserted."""
    run = session.connection()
    for table in metadata.sorted_tables:
        key = table.autoincrement_column
        if key is None or run.dialect.name == "sqlite":
            continue
        following = (run.execute(select(func.max(key))).scalar() or 0) + 1
        if table.name == _NEVER_AGAIN:
            following = max(following, next_version)
        values = {"table": table.name, "column": key.name, "next": following}
        run.execute(
            text("SELECT setval(pg_get_serial_sequence(:table, :column), :next, false)"), values
        )
    if run.dialect.name == "sqlite":
        values = {"name": _NEVER_AGAIN, "last": next_version - 1}
        run.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
        run.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), values)


def is_empty(session: Session) -> bool:
    """Whether no table has a row."""
    return not any(
        session.connection().execute(select(table).limit(1)).first()
        for table in metadata.sorted_tables
    )


def _row(table: Table, line: bytes) -> dict[str, Any]:
    try:
        document: Mapping[str, Any] = json.loads(line)
        return {
            column.name: _reader(column.type)(document[column.name]) for column in table.columns
        }
    except (ValueError, KeyError, TypeError) as cause:
        raise InvalidInput(
            f"A row of {table.name} in the backup cannot be read: {cause}.",
            "Restore another backup.",
        ) from cause


def _writer(kind: Any) -> Callable[[Any], Any]:
    if isinstance(kind, LargeBinary):
        return lambda value: None if value is None else base64.b64encode(value).decode()
    if isinstance(kind, UtcDateTime):
        return lambda value: None if value is None else value.isoformat()
    return lambda value: value


def _reader(kind: Any) -> Callable[[Any], Any]:
    if isinstance(kind, LargeBinary):
        return lambda value: None if value is None else base64.b64decode(value, validate=True)
    if isinstance(kind, UtcDateTime):
        return lambda value: None if value is None else datetime.fromisoformat(value)
    return lambda value: value
