"""GET /v1/whoami, /v1/tokens and /v1/users."""

from typing import Annotated

from litestar import Controller, delete, get, patch, post
from litestar.params import Parameter

from esm_client.core.schemas import Identity, NewToken, Page, Token, TokenCreate, User, UserUpdate
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.auth.tokens import TokenService
from esm_server.auth.users import UserService
from esm_server.pagination import DEFAULT_LIMIT, After, Limit, Slice
from esm_server.problems import problems

TokenId = Annotated[int, Parameter(ge=1, le=2**31 - 1)]


class AuthController(Controller):
    """The caller's own token."""

    path = "/v1"
    tags = ("auth",)

    @get("/whoami", guards=[requires("read")], responses=problems(), sync_to_thread=False)
    def whoami(self, caller: Caller) -> Identity:
        """Who this token belongs to, and what it may do."""
        return caller.identity


class TokenController(Controller):
    """Tokens; their secrets are shown once, when they are made or rotated."""

    path = "/v1/tokens"
    tags = ("auth",)
    guards = (requires("read"),)

    @get("/", responses=problems(), sync_to_thread=True)
    def list_tokens(
        self,
        tokens: TokenService,
        caller: Caller,
        user: Annotated[str | None, Parameter(max_length=96)] = None,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[Token]:
        """The caller's tokens, or a robot's of a namespace they administer.

        For admins of the registry everybody's, or those of one user.
        """
        return tokens.list(caller, user, Slice(after, limit))

    @post("/", responses=problems(404, 409, 507), sync_to_thread=True)
    def create_token(self, tokens: TokenService, caller: Caller, data: TokenCreate) -> NewToken:
        """A new token with its secret, no stronger than the one it is made with."""
        return tokens.create(caller, data)

    @post(
        "/{token_id:int}/rotate",
        responses=problems(404, 409, 507),
        status_code=200,
        sync_to_thread=True,
    )
    def rotate_token(self, tokens: TokenService, caller: Caller, token_id: TokenId) -> NewToken:
        """A new secret for a token; the old one ends at once, the token when it would have."""
        return tokens.rotate(caller, token_id)

    @delete("/{token_id:int}", responses=problems(404, 507), status_code=200, sync_to_thread=True)
    def revoke_token(
        self, tokens: TokenService, caller: Caller, token_id: TokenId, with_made: bool = False
    ) -> Token:
        """End a token at once; `with_made`: and all that was made with it, or with such."""
        return tokens.revoke(caller, token_id, with_made=with_made)


class UserController(Controller):
    """Users, for admins of the registry."""

    path = "/v1/users"
    tags = ("auth",)
    guards = (requires("admin"),)

    @get("/", responses=problems(), sync_to_thread=True)
    def list_users(
        self,
        users: UserService,
        caller: Caller,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[User]:
        """All users by name."""
        return users.list(caller, Slice(after, limit))

    @patch("/{user:str}", responses=problems(404, 409, 507), sync_to_thread=True)
    def update_user(self, users: UserService, caller: Caller, user: str, data: UserUpdate) -> User:
        """Refuse all tokens of a user from now on, or take that back."""
        return (users.disable if data.disabled else users.enable)(caller, user)
