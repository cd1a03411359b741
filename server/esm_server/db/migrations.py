"""Which schema revision a database has, and bringing it to ours."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect
from sqlalchemy.exc import DBAPIError

from esm_client.core.errors import Unavailable
from esm_server.db import revisions

if TYPE_CHECKING:
    from alembic.config import Config


def config(engine: Engine) -> "Config":
    """Alembic's configuration for this engine, without an ini file."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(revisions.directory()).replace("%", "%%"))
    settings.attributes["engine"] = engine
    return settings


@contextmanager
def usable(engine: Engine) -> Generator[None]:
    """Tell the operator why the database cannot be used; raises Unavailable."""
    try:
        yield
    except DBAPIError as cause:
        if getattr(cause.orig, "sqlstate", None) == "55P03":
            raise Unavailable(
                "Others kept the database's tables for too long; nothing was changed.",
                "Run it again; while it runs, requests wait.",
            ) from cause
        reason = str(cause.orig).strip().splitlines()[0].rstrip(".")
        raise Unavailable(
            f"The database {engine.url.database!r} cannot be used: {reason}.",
            "Start the database, or correct ESM_SERVER_DATABASE_URL.",
        ) from cause


def prepare(engine: Engine) -> None:
    """Migrate a fresh database, and an older SQLite one; raises Unavailable for any other.

    A shared PostgreSQL is upgraded by its operator, not by whoever starts a server.
    """
    with usable(engine):
        if _is_current(engine):
            return
        upgrades = _is_fresh(engine) or engine.dialect.name == "sqlite"
    (upgrade if upgrades else check_current)(engine)


def upgrade(engine: Engine) -> None:
    """Bring the database to our revision; raises Unavailable when it is none of ours."""
    with usable(engine):
        _check_ours(engine)
        from alembic import command

        command.upgrade(config(engine), "head")


def check_current(engine: Engine) -> None:
    """Raise Unavailable, naming the command to run, unless the schema is ours."""
    with usable(engine):
        _check_ours(engine)
        revision = revisions.stored(engine)
        if revision != revisions.head():
            raise Unavailable(
                f"The database has revision {revision!r}, not the one this version needs.",
                "Run: esm-server migrate",
            )


def _check_ours(engine: Engine) -> None:
    if _is_fresh(engine):
        return
    revision = revisions.stored(engine)  # read last: tables may be being made just now
    if revision is None:
        raise Unavailable(
            "The database holds tables, but none of an ESM registry.",
            "Name an empty database in ESM_SERVER_DATABASE_URL.",
        )
    if revision not in revisions.known():
        raise Unavailable(
            f"The database has revision {revision!r}, which this version does not know.",
            "A newer esm-server wrote it: install that version or a later one.",
        )


def revision_of(engine: Engine) -> str | None:
    """The revision that a database has, if it has one; raises Unavailable."""
    with usable(engine):
        return revisions.stored(engine)


def schema_problem(engine: Engine) -> str | None:
    """Why this version cannot read the database; None when its schema is ours."""
    revision = revision_of(engine)
    if revision is None:
        return "The database holds no ESM registry."
    if revision == revisions.head():
        return None
    is_older = revision in revisions.known()
    kind = "is older (esm-server migrate)" if is_older else "is unknown to this version"
    return f"The database's revision {revision!r} {kind}."


def _is_current(engine: Engine) -> bool:
    return revisions.stored(engine) == revisions.head()


def _is_fresh(engine: Engine) -> bool:
    return not inspect(engine).get_table_names()
