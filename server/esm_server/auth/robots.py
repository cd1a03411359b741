"""Who answers for whom: people for themselves, admins of a namespace for its robots."""

from sqlmodel import Session

from esm_server.auth.caller import Caller
from esm_server.db import UserRow
from esm_server.namespaces.repository import NamespaceRepository


def answers_for(session: Session, caller: Caller, user: UserRow) -> bool:
    """Whether the caller may decide about what this user has.

    A person for themselves, as far as their token goes; an admin of a namespace for its robots, who
    do not for themselves; an admin of the registry for everybody.
    """
    if caller.is_admin:
        return True
    if user.kind != "robot":
        return user.id == caller.user_id
    return user.namespace is not None and administers(session, caller, user.namespace)


def administers(session: Session, caller: Caller, namespace: str) -> bool:
    """Whether the caller is an admin of the namespace now: not only when the request began."""
    own = NamespaceRepository(session).role(namespace, caller.user_id)
    return caller.acting(namespace, own, private=True) == "admin"
