"""Revisions of the schema: which exist, and which one a database has. Alembic is not asked.

Every start and every command wants to know; only a migration is worth importing Alembic for.
"""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, inspect, text

_STATED = re.compile(r'^(revision|down_revision) = (?:"(\w+)"|None)$', re.MULTILINE)


def directory() -> Path:
    """The migrations: inside the installed package, or beside `server/` in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parents[1] / "migrations"


@cache
def known() -> dict[str, str]:
    """Each revision of this version and the one before it; the first has an empty one before it."""
    stated = [dict(_STATED.findall(path.read_text())) for path in _scripts()]
    return {each["revision"]: each["down_revision"] for each in stated}


def head() -> str:
    """The revision of this version's schema: the one that no other follows."""
    (last,) = known().keys() - set(known().values())
    return last


def stored(engine: Engine) -> str | None:
    """The revision that a database has, if it has one."""
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.scalar(text("SELECT version_num FROM alembic_version"))


def _scripts() -> list[Path]:
    return sorted((directory() / "versions").glob("*.py"))
