"""Whose a new token is to be: the caller, a robot, or another person."""

from sqlmodel import Session

from esm_client.core.errors import Conflict, Forbidden, InvalidInput
from esm_client.core.references import check_new_user, robot_name
from esm_client.core.schemas import Role, Scope, TokenCreate
from esm_server.audit.record import record
from esm_server.auth.caller import Caller
from esm_server.auth.repository import TokenRepository
from esm_server.auth.robots import answers_for
from esm_server.db import UserRow
from esm_server.namespaces.permissions import require_role
from esm_server.namespaces.repository import NamespaceRepository

_ROBOT_ROLES: dict[Scope, Role] = {"read": "reader", "write": "writer", "admin": "admin"}


def owner_of(session: Session, caller: Caller, request: TokenCreate) -> UserRow:
    """The user that a request names, made if need be; never one of another kind.

    Raises Forbidden, InvalidName, InvalidInput for a robot without a name, NotFound for an unknown
    namespace, Conflict.
    """
    if request.kind == "robot":
        if request.user is None:
            raise InvalidInput("A token for a robot needs the robot's name.", "Name it: `user`")
        if request.namespace is None:
            return _robot_of_the_registry(session, caller, request.user)
        return _robot_of(session, caller, request, request.user, request.namespace)
    user = _person(session, caller, request.user or caller.name)
    if user.kind == "robot" and not caller.is_admin:
        _check_itself(session, caller, user, request.namespace)
    return user


def _robot_of(
    session: Session, caller: Caller, request: TokenCreate, name: str, namespace: str
) -> UserRow:
    """The robot of a namespace, which a new one becomes a member of.

    One that was removed stays so: with the role its older tokens, too, would work again.
    """
    require_role(session, caller, namespace, "admin")
    robot = _known_robot(session, caller, name, namespace)
    if robot is None:
        whole, role = robot_name(namespace, name), _ROBOT_ROLES[request.scope]
        robot = TokenRepository(session).add_user(whole, "robot", namespace=namespace)
        NamespaceRepository(session).set_role(namespace, robot.id or 0, role)
        detail = {"user": whole, "role": role}
        record(session, caller, "member.set", namespace, namespace=namespace, detail=dict(detail))
    elif NamespaceRepository(session).member(namespace, robot.id or 0) is None:
        raise Conflict(
            f"{robot.name!r} is no member of {namespace!r} any more.",
            "Choose another `user`, or make it a member again, and first revoke its older tokens: "
            "they would work again.",
        )
    return robot


def _known_robot(session: Session, caller: Caller, name: str, namespace: str) -> UserRow | None:
    """The robot of a namespace by its name there, or by that of before robots had such names.

    One of another namespace that has this name is none of ours, also for admins of the registry.
    """
    users = TokenRepository(session)
    known = users.user(name)
    if known is not None and known.kind == "robot":
        unowned = known.namespace is None and caller.is_admin
        if unowned or known.namespace == namespace:
            return known
    whole = robot_name(namespace, name)
    known = users.user(whole)
    if known is not None and (known.kind != "robot" or known.namespace != namespace):
        raise Conflict(f"The user name {whole!r} is taken.", "Choose another `user`.")
    return known


def _robot_of_the_registry(session: Session, caller: Caller, name: str) -> UserRow:
    """A robot whose token is not limited: an admin of the registry answers for it."""
    if not caller.is_admin:
        raise _not_for(caller, name)
    users = TokenRepository(session)
    known = users.user(name)
    if known is None:
        return users.add_user(check_new_user(name), "robot")
    if known.kind != "robot":
        raise Conflict(f"{name!r} is a person, not a robot.", "Choose another `user`.")
    return known


def _person(session: Session, caller: Caller, name: str) -> UserRow:
    """The caller, or by an admin of the registry another person."""
    if name != caller.name and not caller.is_admin:
        raise _not_for(caller, name)
    users = TokenRepository(session)
    known = users.user(name)
    if known is None:
        return users.add_user(check_new_user(name), "person")
    if known.kind != "person" and name != caller.name:
        raise Conflict(
            f"{name!r} is a robot, not a person.", "Choose another `user`, or pass `robot=True`."
        )
    return known


def _check_itself(session: Session, caller: Caller, robot: UserRow, namespace: str | None) -> None:
    """Raise Forbidden for a robot that would make itself tokens, unless it is an admin there."""
    if not answers_for(session, caller, robot) or namespace != robot.namespace:
        raise Forbidden(
            f"{caller.name!r} is a robot and cannot make itself a token.",
            "Admins of its namespace can.",
        )


def _not_for(caller: Caller, name: str) -> Forbidden:
    return Forbidden(
        f"{caller.name!r} cannot make a token for {name!r}.",
        "Admins of the registry can; admins of a namespace can make robots for it: "
        "`robot=True, namespace=name`.",
    )
