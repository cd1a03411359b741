"""Access tokens."""

from collections.abc import Iterator

from esm_client.core.errors import Conflict
from esm_client.core.schemas import NewToken, Scope, Token, TokenCreate
from esm_client.remote.http.requests import checked
from esm_client.remote.transport import Transport


class TokenResource:
    """`/v1/tokens`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, user: str | None = None) -> Iterator[Token]:
        """Your tokens, or those of `user`, a robot of a namespace that you administer.

        As an admin of the registry everybody's, or those of any user.
        """
        params = {} if user is None else {"user": user}
        return self._transport.pages("/v1/tokens", Token, params)

    def create(
        self,
        name: str,
        scope: Scope,
        *,
        user: str | None = None,
        robot: bool = False,
        namespace: str | None = None,
        expires_in_days: int | None = None,
    ) -> NewToken:
        """A new token; its `secret` is shown this once. For yourself, unless `user` is named.

        A robot belongs to the `namespace`: `user` is its name there, and the answer's `user` is
        `robot.NAMESPACE.NAME`. It lives no longer than the token you use, and than the registry
        allows: see its `expires_at`.
        Raises Forbidden, NotFound for an unknown namespace, InvalidName, Conflict for a name that
        is taken or a user who is disabled or of the other kind.
        """
        body = checked(
            TokenCreate,
            {
                "name": name,
                "scope": scope,
                "user": user,
                "kind": "robot" if robot else "person",
                "namespace": namespace,
                "expires_in_days": expires_in_days,
            },
        )
        return self._transport.post("/v1/tokens", body, NewToken, idempotent=False)

    def rotate(self, token_id: int) -> NewToken:
        """A new secret for a token; the old one ends at once, the token when it would have ended.

        Raises NotFound, Conflict, Forbidden for one that is stronger or lives longer than yours.
        """
        return self._transport.act(f"/v1/tokens/{token_id}/rotate", NewToken)

    def revoke(self, token_id: int, *, with_made: bool = False) -> Token:
        """End a token at once, for ever; `with_made`: and all tokens that were made with it.

        Those made with such ones, too: when it has leaked. Raises NotFound, Forbidden for a
        stronger one, and where one that was made with it is not yours to end; Conflict where the
        registry knows nothing of that and ended the token alone.
        """
        query = "?with_made=true" if with_made else ""
        revoked = self._transport.change("DELETE", f"/v1/tokens/{token_id}{query}", Token)
        if with_made and "made_with" not in revoked.model_fields_set:  # it has not read the query
            raise Conflict(
                f"The registry is too old to end what was made with a token: {token_id} alone is "
                "revoked.",
                "Revoke the others by their numbers: `Client.tokens.list()`",
            )
        return revoked
