"""Alembic's environment: runs on the engine that esm_server.db.migrations hands over."""

from alembic import context
from sqlalchemy import create_engine, pool
from sqlmodel.sql.sqltypes import AutoString

import esm_server.db  # noqa: F401  (fills the metadata)
from esm_server.db.columns import UtcDateTime, metadata
from esm_server.settings import Settings


def render_item(kind, value, _autogen_context):
    """Migrations stand alone: they show plain types, not ours."""
    if kind == "type" and isinstance(value, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(value, AutoString):
        return f"sa.String(length={value.length})"
    return False


def run() -> None:
    engine = context.config.attributes.get("engine") or create_engine(
        Settings().url, poolclass=pool.NullPool
    )
    with engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:  # batch mode rebuilds tables, which others still refer to
            connection.connection.execute("PRAGMA foreign_keys=OFF")
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=is_sqlite,
            transactional_ddl=True,  # our engine begins transactions itself, also on SQLite
            render_item=render_item,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        if is_sqlite:
            connection.connection.execute("PRAGMA foreign_keys=ON")


run()
