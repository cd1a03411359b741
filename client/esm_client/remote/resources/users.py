"""Users, for admins of the registry."""

from collections.abc import Iterator

from esm_client.core.references import check_name
from esm_client.core.schemas import User, UserUpdate
from esm_client.remote.transport import Transport


class UserResource:
    """`/v1/users`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Iterator[User]:
        """All users by name; raises Forbidden unless you administer the registry."""
        return self._transport.pages("/v1/users", User)

    def disable(self, name: str) -> User:
        """Have all tokens of a user refused from now on; their rankings and uploads end.

        What they have published stays, and so do robots of namespaces. Again is no error.
        Raises Forbidden, NotFound, and Conflict for the last admin of the registry.
        """
        return self._set(name, disabled=True)

    def enable(self, name: str) -> User:
        """Take that back: tokens that have not ended meanwhile are good again.

        Raises Forbidden, NotFound.
        """
        return self._set(name, disabled=False)

    def _set(self, name: str, *, disabled: bool) -> User:
        path = f"/v1/users/{check_name(name, 'user name')}"
        return self._transport.change("PATCH", path, User, UserUpdate(disabled=disabled))
