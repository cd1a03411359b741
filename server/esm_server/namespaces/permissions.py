"""Whether a caller may do something in a namespace; every service asks here."""

from sqlmodel import Session

from esm_client.core.errors import Forbidden, NotFound, QuotaExceeded
from esm_client.core.references import check_name, check_new_namespace
from esm_client.core.schemas import Role
from esm_server.audit.record import record
from esm_server.auth.caller import ROLES, Caller
from esm_server.auth.service import check_still
from esm_server.db import NamespaceRow
from esm_server.namespaces.repository import NamespaceRepository

SHOWN_ADMINS = 3


def require_role(session: Session, caller: Caller, namespace: str, role: Role) -> NamespaceRow:
    """The namespace, if the caller acts in this role or a higher one there.

    Raises InvalidName, NotFound (also for a private namespace of others), Forbidden, and
    Unauthorized for a caller whose token ended since the request began.
    """
    check_name(namespace, "namespace")
    _check_limit(caller, namespace)
    check_still(session, caller)
    namespaces = NamespaceRepository(session)
    row = namespaces.find(namespace)
    # not the roles of the request's start: another request of theirs may have changed them
    own = namespaces.role(namespace, caller.user_id)
    actual = None if row is None else caller.acting(namespace, own, private=row.private)
    if row is None or actual is None:
        raise unknown_namespace(namespace)
    if ROLES.index(actual) < ROLES.index(role):
        raise _too_low(namespaces, caller, row, own, actual, role)
    return row


def check_publisher(
    session: Session, caller: Caller, namespace: str, *, may_create: bool
) -> NamespaceRow | None:
    """The namespace to publish into, or None when publishing would create it.

    may_create: whether anybody may create a namespace, or only admins of the registry. In the
    second case one that the caller may not see has the answer of one that does not exist.
    Raises InvalidName, Forbidden, NotFound.
    """
    check_name(namespace, "namespace")
    if NamespaceRepository(session).find(namespace) is not None:
        try:
            return require_role(session, caller, namespace, "writer")
        except NotFound:
            if may_create:
                raise
    check_creator(caller, namespace, may_create=may_create)
    return None


def check_creator(caller: Caller, namespace: str, *, may_create: bool) -> None:
    """Raise InvalidName or Forbidden unless the caller may create this namespace."""
    _check_limit(caller, namespace)
    check_new_namespace(namespace)
    if not (may_create or caller.is_admin):
        raise Forbidden(
            f"There is no namespace {namespace!r}, and only admins create namespaces here.",
            "Ask the registry's admin to create it, or push into one of yours.",
        )


def create_namespace(
    session: Session, caller: Caller, name: str, *, description: str = "", private: bool = False
) -> NamespaceRow:
    """A new namespace with the caller as its admin; raises InvalidName."""
    check_still(session, caller)
    row = NamespaceRow(
        name=check_new_namespace(name),
        description=description,
        private=private,
        created_by=caller.name,
    )
    namespaces = NamespaceRepository(session)
    namespaces.save(row)
    namespaces.set_role(name, caller.user_id, "admin")
    record(session, caller, "namespace.create", name, namespace=name, detail={"private": private})
    return row


def check_quota(session: Session, row: NamespaceRow, *, num_bytes: int, versions: int) -> None:
    """Raise QuotaExceeded unless so much more may be stored in the namespace."""
    if row.quota_bytes is None and row.quota_versions is None:
        return  # counting takes time in a large namespace
    used = NamespaceRepository(session).usage(row.name)
    if row.quota_bytes is not None and used.num_bytes + num_bytes > row.quota_bytes:
        raise over_quota(row.name, row.quota_bytes, used.num_bytes + num_bytes, "bytes")
    if row.quota_versions is not None and used.num_versions + versions > row.quota_versions:
        raise over_quota(row.name, row.quota_versions, used.num_versions + versions, "versions")


def over_quota(namespace: str, quota: int, wanted: int, what: str) -> QuotaExceeded:
    """The error of a full namespace."""
    return QuotaExceeded(
        f"The namespace {namespace!r} may hold {quota} {what}; this would make {wanted} or more.",
        "Delete versions that are not needed, or ask the registry's admin for a larger quota.",
    )


def unknown_namespace(name: str) -> NotFound:
    """The error of a namespace that does not exist, or that the caller may not see."""
    return NotFound(
        f"There is no namespace named {name[:100]!r}.", "List them with: `Client.namespaces.list()`"
    )


def _check_limit(caller: Caller, namespace: str) -> None:
    if not caller.works_in(namespace):
        raise Forbidden(
            f"The token {caller.identity.token!r} works in the namespace "
            f"{caller.only_namespace!r} only, not in {namespace!r}.",
            "Use another token.",
        )


def _too_low(
    namespaces: NamespaceRepository,
    caller: Caller,
    row: NamespaceRow,
    own: Role | None,
    actual: Role,
    role: Role,
) -> Forbidden:
    namespace, own = row.name, "admin" if caller.identity.is_admin else own or "reader"
    if ROLES.index(own) >= ROLES.index(role):
        return Forbidden(
            f"In {namespace!r} this needs the role {role}, and the token "
            f"{caller.identity.token!r} with the scope {caller.identity.scope!r} lets "
            f"{caller.name!r} act as {actual} only.",
            "Use a token with a larger scope.",
        )
    admins = [user.name for member, user in namespaces.members(namespace) if member.role == "admin"]
    shown = ", ".join(admins[:SHOWN_ADMINS]) or "the registry's admin"
    return Forbidden(
        f"In {namespace!r} this needs the role {role}; {caller.name!r} is {own} there.",
        f"Ask {shown} for that role.",
    )
