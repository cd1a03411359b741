"""Namespaces and their members."""

from collections.abc import Iterator
from typing import Any

from esm_client.core.references import check_name
from esm_client.core.schemas import (
    Member,
    MemberUpdate,
    Namespace,
    NamespaceCreate,
    NamespaceUpdate,
    Role,
)
from esm_client.remote.http.requests import checked
from esm_client.remote.transport import Transport


class NamespaceResource:
    """`/v1/namespaces`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Iterator[Namespace]:
        """The namespaces you may see, by name."""
        return self._transport.pages("/v1/namespaces", Namespace)

    def get(self, name: str) -> Namespace:
        """One namespace; raises NotFound."""
        return self._transport.get(_path(name), Namespace)

    def create(self, name: str, *, description: str = "", private: bool = False) -> Namespace:
        """A new namespace, whose admin you become; raises InvalidName, Conflict, Forbidden."""
        given = {"name": name, "description": description, "private": private}
        _path(name)
        body = checked(NamespaceCreate, given)
        return self._transport.post("/v1/namespaces", body, Namespace, idempotent=False)

    def edit(self, name: str, **changes: Any) -> Namespace:
        """Change `description`, `private`, `quota_bytes`, `quota_versions`; None ends a quota.

        Raises NotFound, Forbidden, InvalidInput.
        """
        body = checked(NamespaceUpdate, changes)
        return self._transport.change("PATCH", _path(name), Namespace, body)

    def members(self, name: str) -> Iterator[Member]:
        """The members by name; raises NotFound."""
        return self._transport.pages(f"{_path(name)}/members", Member)

    def set_member(self, name: str, user: str, role: Role) -> Member:
        """Make a user a member, or change their role; raises NotFound, Forbidden, Conflict."""
        body = checked(MemberUpdate, {"role": role})
        return self._transport.change("PUT", _member(name, user), Member, body)

    def remove_member(self, name: str, user: str) -> None:
        """End a membership, your own or as an admin; raises NotFound, Forbidden, Conflict."""
        self._transport.delete(_member(name, user))


def _path(name: str) -> str:
    return f"/v1/namespaces/{check_name(name, 'namespace')}"


def _member(name: str, user: str) -> str:
    return f"{_path(name)}/members/{check_name(user, 'user name')}"
