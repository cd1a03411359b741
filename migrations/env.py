"""Alembic's environment: runs on the engine that esm_server.db.migrations hands over."""

from alembic import context
from sqlmodel.sql.sqltypes import AutoString

import esm_server.db  # noqa: F401  (fills the metadata)
from esm_server.db.columns import UtcDateTime, metadata
from esm_server.db.engines import make_engine
from esm_server.settings import Settings


def render_item(kind, value, _autogen_context):
    """Migrations stand alone: they show plain types, not ours."""
    if kind == "type" and isinstance(value, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(value, AutoString):
        return f"sa.String(length={value.length})"
    return False


def include_name(name, kind, _parents):
    """The index of texts is made by hand: SQLite's is a virtual table, which makes several."""
    return kind != "table" or not name.startswith("esm_text")


def run() -> None:
    engine = context.config.attributes.get("engine") or make_engine(Settings().url)
    # As a writer: on PostgreSQL one migration at a time, and no push in the middle of it.
    with engine.connect().execution_options(esm_write=True) as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:  # batch mode rebuilds tables, which others still refer to
            connection.connection.execute("PRAGMA foreign_keys=OFF")
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=is_sqlite,
            transactional_ddl=True,  # our engine begins transactions itself, also on SQLite
            render_item=render_item,
            include_name=include_name,
            compare_type=True,
        )
        with context.begin_transaction():
            if not is_sqlite:
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            context.run_migrations()
            if not is_sqlite:
                sort_by_bytes(connection)
        if is_sqlite:
            connection.connection.execute("PRAGMA foreign_keys=ON")


def sort_by_bytes(connection) -> None:
    """Order texts as SQLite does, whatever the rules of the database: pages count on it."""
    elsewise = connection.exec_driver_sql(
        "SELECT attrelid::regclass, quote_ident(attname), format_type(atttypid, atttypmod) "
        "FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace "
        "AND attnum > 0 AND attcollation NOT IN (0, '\"C\"'::regcollation)"
    )
    for table, column, of_type in elsewise.all():
        connection.exec_driver_sql(
            f'ALTER TABLE {table} ALTER COLUMN {column} TYPE {of_type} COLLATE "C"'
        )


run()
