"""Users as admins of the registry handle them: list, disable, enable."""

from esm_client.core.errors import Conflict, Forbidden, NotFound
from esm_client.core.references import check_name
from esm_client.core.schemas import Page, User
from esm_server.audit.record import record
from esm_server.auth.answers import as_user
from esm_server.auth.caller import Caller
from esm_server.auth.lives import TokenLives
from esm_server.auth.repository import TokenRepository
from esm_server.auth.service import check_still
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.pagination import Slice


class UserService:
    """Users of one registry."""

    def __init__(self, database: Database, lives: TokenLives) -> None:
        self._database, self._lives = database, lives

    def list(self, caller: Caller, part: Slice) -> Page[User]:
        """All users by name; raises Forbidden unless an admin of the registry asks."""
        _check_admin(caller)
        with self._database.read() as session:
            rows = TokenRepository(session).users(part.after, part.limit + 1)
        return part.page(rows, lambda row: row.name, as_user)

    def disable(self, caller: Caller, name: str) -> User:
        """Have all tokens of a user refused from now on; rankings and uploads on their way end.

        Tokens stay as they are for when the user is enabled again; what the user has published
        stays, and so do robots of namespaces that they administer. Again is no error.
        Raises Forbidden, InvalidName, NotFound, and Conflict where nobody would be left to
        administer the registry.
        """
        return self._set(caller, name, disabled=True)

    def enable(self, caller: Caller, name: str) -> User:
        """Take that back: tokens that have not ended meanwhile are good again.

        Raises Forbidden, InvalidName, NotFound.
        """
        return self._set(caller, name, disabled=False)

    def _set(self, caller: Caller, name: str, *, disabled: bool) -> User:
        _check_admin(caller)
        check_name(name, "user name")
        with self._database.write() as session:
            check_still(session, caller)
            users = TokenRepository(session)
            user = users.user(name)
            if user is None:
                raise NotFound(f"There is no user named {name!r}.", "List the users there are.")
            if disabled == (user.disabled_at is not None):
                return as_user(user)
            if disabled and user.is_admin and not self._other_admin(users, user.id or 0):
                raise Conflict(
                    f"Besides {name!r} nobody can administer the registry.",
                    "Make a token of the scope admin for somebody else first.",
                )
            user.disabled_at = now() if disabled else None
            user.disabled_by = caller.name if disabled else None
            users.save_user(user)
            record(session, caller, "user.disable" if disabled else "user.enable", name)
            return as_user(user)

    def _other_admin(self, users: TokenRepository, user_id: int) -> bool:
        present = now()
        return users.other_admin(user_id, present, self._lives.used_since(present))


def _check_admin(caller: Caller) -> None:
    if not caller.is_admin:
        raise Forbidden(
            f"{caller.name!r} does not administer the registry with this token.",
            "Ask an admin of the registry, or use an unlimited token of the scope admin.",
        )
