"""Namespaces: creating, changing, and who belongs to them."""

from typing import cast

from sqlmodel import Session

from esm_client.core.errors import Conflict, Forbidden, NotFound
from esm_client.core.references import check_name
from esm_client.core.schemas import (
    Member,
    MemberUpdate,
    Namespace,
    NamespaceCreate,
    NamespaceUpdate,
    Page,
    Role,
    UserKind,
)
from esm_server.audit.record import record
from esm_server.auth.caller import Caller
from esm_server.auth.repository import TokenRepository
from esm_server.db import NamespaceRow, UserRow
from esm_server.db.database import Database
from esm_server.namespaces.permissions import check_creator, create_namespace, require_role
from esm_server.namespaces.repository import NamespaceRepository
from esm_server.pagination import Slice

QUOTAS = {"quota_bytes", "quota_versions"}


class NamespaceService:
    """Namespaces of one registry."""

    def __init__(self, database: Database, *, open_namespaces: bool) -> None:
        self._database = database
        self._open_namespaces = open_namespaces

    def list(self, caller: Caller, part: Slice) -> Page[Namespace]:
        """The namespaces the caller may see, by name."""
        with self._database.read() as session:
            rows = NamespaceRepository(session).list(caller, part.after, part.limit + 1)
            return part.page(
                rows, lambda row: row.name, lambda row: _namespace(session, caller, row)
            )

    def get(self, caller: Caller, name: str) -> Namespace:
        """One namespace; raises NotFound, InvalidName, Forbidden."""
        with self._database.read() as session:
            return _namespace(session, caller, require_role(session, caller, name, "reader"))

    def create(self, caller: Caller, request: NamespaceCreate) -> Namespace:
        """A new namespace, whose admin the caller becomes; raises InvalidName, Conflict."""
        check_creator(caller, request.name, may_create=self._open_namespaces)
        with self._database.write() as session:
            if NamespaceRepository(session).find(request.name) is not None:
                raise Conflict(
                    f"The namespace {request.name!r} exists already.",
                    "Choose another name, or ask its admin to make you a member.",
                )
            row = create_namespace(
                session,
                caller,
                request.name,
                description=request.description,
                private=request.private,
            )
            return _namespace(session, caller, row)

    def update(self, caller: Caller, name: str, update: NamespaceUpdate) -> Namespace:
        """Change description, privacy or quotas; raises NotFound, InvalidName, Forbidden."""
        changed = update.model_dump(exclude_unset=True)
        if QUOTAS & changed.keys() and not caller.is_admin:
            raise Forbidden(
                "Quotas are set by admins of the registry.", "Ask one of them for a larger one."
            )
        with self._database.write() as session:
            row = require_role(session, caller, name, "admin")
            for field, value in changed.items():
                if value is not None or field in QUOTAS:
                    setattr(row, field, value)
            NamespaceRepository(session).save(row)
            record(session, caller, "namespace.edit", name, namespace=name, detail=changed)
            return _namespace(session, caller, row)

    def members(self, caller: Caller, name: str) -> Page[Member]:
        """The members by name; raises NotFound, InvalidName, Forbidden."""
        with self._database.read() as session:
            require_role(session, caller, name, "reader")
            found = NamespaceRepository(session).members(name)
        return Page(items=[_member(user, cast("Role", member.role)) for member, user in found])

    def set_member(self, caller: Caller, name: str, user_name: str, update: MemberUpdate) -> Member:
        """Make a user a member, or change their role.

        Raises NotFound (also for a robot of another namespace, unless the caller administers the
        registry), InvalidName, Forbidden, and Conflict when no admin would be left.
        """
        with self._database.write() as session:
            require_role(session, caller, name, "admin")
            user = _candidate(session, caller, name, user_name)
            namespaces = NamespaceRepository(session)
            if update.role != "admin":
                _check_admin_left(namespaces, name, user)
            namespaces.set_role(name, user.id or 0, update.role)
            detail = {"user": user_name, "role": update.role}
            record(session, caller, "member.set", name, namespace=name, detail=dict(detail))
            return _member(user, update.role)

    def remove_member(self, caller: Caller, name: str, user_name: str) -> None:
        """End a membership; members may end their own.

        Raises NotFound, InvalidName, Forbidden, and Conflict when no admin would be left.
        """
        with self._database.write() as session:
            own = user_name == caller.name
            require_role(session, caller, name, "reader" if own else "admin")
            check_name(user_name, "user name")
            user = TokenRepository(session).user(user_name)
            namespaces = NamespaceRepository(session)
            member = user and namespaces.member(name, user.id or 0)
            if user is None or member is None:  # one answer: it tells nobody who there is
                raise NotFound(
                    f"{user_name!r} is no member of {name!r}.",
                    f'List the members: `Client.namespaces.members("{name}")`',
                )
            _check_admin_left(namespaces, name, user)
            namespaces.remove_member(member)
            detail = {"user": user_name}
            record(session, caller, "member.remove", name, namespace=name, detail=dict(detail))


def _candidate(session: Session, caller: Caller, namespace: str, name: str) -> UserRow:
    """The user who may become a member; raises NotFound, InvalidName, Conflict."""
    check_name(name, "user name")
    user = TokenRepository(session).user(name)
    elsewhere = user is not None and user.namespace not in (None, namespace)
    if user is None or (elsewhere and not caller.is_admin):  # a robot's name tells its namespace
        raise NotFound(
            f"There is no user named {name!r}.",
            "A user exists once an admin of the registry has made a token for them.",
        )
    if elsewhere:
        raise Conflict(
            f"{name!r} is a robot of another namespace.", "Make a token for a robot of this one."
        )
    return user


def _check_admin_left(namespaces: NamespaceRepository, name: str, user: UserRow) -> None:
    admins = [
        who.id
        for member, who in namespaces.members(name)
        if member.role == "admin" and who.disabled_at is None
    ]
    if admins == [user.id]:
        raise Conflict(
            f"{user.name!r} is the only admin of {name!r}.", "Make another member an admin first."
        )


def _namespace(session: Session, caller: Caller, row: NamespaceRow) -> Namespace:
    namespaces = NamespaceRepository(session)
    used, own = namespaces.usage(row.name), namespaces.role(row.name, caller.user_id)
    return Namespace(
        name=row.name,
        description=row.description,
        private=row.private,
        role=caller.acting(row.name, own, private=row.private),
        num_esms=used.num_esms,
        num_versions=used.num_versions,
        used_bytes=used.num_bytes,
        quota_bytes=row.quota_bytes,
        quota_versions=row.quota_versions,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _member(user: UserRow, role: Role) -> Member:
    return Member(user=user.name, kind=cast("UserKind", user.kind), role=role)
