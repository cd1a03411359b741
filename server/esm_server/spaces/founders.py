"""Who founded a space, as far as a caller may know."""

from collections.abc import Iterable

from sqlmodel import Session

from esm_server.auth.caller import Caller
from esm_server.auth.repository import TokenRepository

A_ROBOT = "a robot"


def founders(session: Session, caller: Caller, names: Iterable[str]) -> dict[str, str]:
    """What to call some founders: by their names, but not robots of what the caller may not read.

    The name of a robot holds that of its namespace, and every token reads spaces.
    """
    hidden = TokenRepository(session).hidden_robots(caller, set(names) - {caller.name})
    return {name: A_ROBOT if name in hidden else name for name in names}


def founder(session: Session, caller: Caller, name: str) -> str:
    """What to call one of them."""
    return founders(session, caller, [name])[name]
