"""Which schema revision a database has, and bringing it to ours."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import DBAPIError

from esm_client.core.errors import Unavailable


def config(engine: Engine) -> Config:
    """Alembic's configuration for this engine, without an ini file."""
    settings = Config()
    settings.set_main_option("script_location", str(_directory()).replace("%", "%%"))
    settings.attributes["engine"] = engine
    return settings


@contextmanager
def _usable(engine: Engine) -> Generator[None]:
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
    with _usable(engine):
        if _is_current(engine):
            return
        upgrades = _is_fresh(engine) or engine.dialect.name == "sqlite"
    (upgrade if upgrades else check_current)(engine)


def upgrade(engine: Engine) -> None:
    """Bring the database to our revision; raises Unavailable when it is none of ours."""
    with _usable(engine):
        _check_ours(engine)
        command.upgrade(config(engine), "head")


def check_current(engine: Engine) -> None:
    """Raise Unavailable, naming the command to run, unless the schema is ours."""
    with _usable(engine):
        _check_ours(engine)
        if not _is_current(engine):
            raise Unavailable(
                f"The database has revision {_revision(engine)!r}, not the one this version needs.",
                "Run: esm-server migrate",
            )


def _check_ours(engine: Engine) -> None:
    if _is_fresh(engine):
        return
    revision = _revision(engine)  # read last: somebody may be making the tables just now
    scripts = ScriptDirectory.from_config(config(engine))
    if revision is None:
        raise Unavailable(
            "The database holds tables, but none of an ESM registry.",
            "Name an empty database in ESM_SERVER_DATABASE_URL.",
        )
    if revision not in {script.revision for script in scripts.walk_revisions()}:
        raise Unavailable(
            f"The database has revision {revision!r}, which this version does not know.",
            "A newer esm-server wrote it: install that version or a later one.",
        )


def revision_of(engine: Engine) -> str | None:
    """The revision that a database has, if it has one; raises Unavailable."""
    with _usable(engine):
        return _revision(engine)


def schema_problem(engine: Engine) -> str | None:
    """Why this version cannot read the database; None when its schema is ours."""
    revision = revision_of(engine)
    if revision is None:
        return "The database holds no ESM registry."
    scripts = ScriptDirectory.from_config(config(engine))
    if revision == scripts.get_current_head():
        return None
    known = revision in {script.revision for script in scripts.walk_revisions()}
    kind = "is older (esm-server migrate)" if known else "is unknown to this version"
    return f"The database's revision {revision!r} {kind}."


def head_revision(engine: Engine) -> str:
    """The revision of this version's schema."""
    return ScriptDirectory.from_config(config(engine)).get_current_head() or ""


def _is_current(engine: Engine) -> bool:
    head = ScriptDirectory.from_config(config(engine)).get_current_head()
    return _revision(engine) == head


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _is_fresh(engine: Engine) -> bool:
    return not inspect(engine).get_table_names()


def _directory() -> Path:
    """The migrations: inside the installed package, or beside `server/` in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parents[1] / "migrations"
