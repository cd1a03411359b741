"""`esm-client token`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esm_client.cli.options.session import Session, command
from esm_client.cli.output import day, print_line
from esm_client.core.errors import NotFound

if TYPE_CHECKING:
    from esm_client.core.schemas import NewToken, Token
    from esm_client.remote.client import Client

app = typer.Typer(help="Access tokens, for yourself and for robots.", rich_markup_mode=None)

Which = Annotated[str, typer.Argument(metavar="TOKEN", help="Its number, or the name of yours.")]
User = Annotated[
    str | None,
    typer.Option("--user", metavar="NAME", help="Whose: a robot's, or for admins anybody's."),
]


def list_tokens(session: Session, user: User = None) -> None:
    """List tokens: never their secrets."""
    with session.client() as client:
        tokens = list(client.tokens.list(user))

    def human() -> None:
        columns = (
            "id",
            "user",
            "name",
            "scope",
            "namespace",
            "expires",
            "last used",
            "made with",
            "state",
        )
        session.output.table(columns, [_cells(token) for token in tokens], right=("id",))

    session.output.result(tokens, names=[str(token.id) for token in tokens], human=human)


def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="For instance laptop or ci.")],
    scope: Annotated[
        Literal["read", "write", "admin"],
        typer.Option(help="read; write: publish and edit too; admin: members and deletion too."),
    ] = "read",
    namespace: Annotated[
        str | None, typer.Option(metavar="NAME", help="The only one it works in; else all yours.")
    ] = None,
    expires_days: Annotated[
        int | None,
        typer.Option(
            min=0, max=36500, metavar="N", help="Days it lives; else what is usual there."
        ),
    ] = None,
    user: User = None,
    robot: Annotated[
        bool, typer.Option("--robot", help="--user names a robot of --namespace, made if need be.")
    ] = False,
) -> None:
    """Make a token and print its secret, which nobody can show again."""
    with session.client() as client:
        token = client.tokens.create(
            name,
            scope,
            user=user,
            robot=robot,
            namespace=namespace,
            expires_in_days=expires_days,
        )
    _print_secret(session, token)


def rotate(session: Session, token: Which) -> None:
    """Give a token a new secret and print it; the old one ends at once."""
    with session.client() as client:
        changed = client.tokens.rotate(_number(client, token))
    _print_secret(session, changed)


def revoke(
    session: Session,
    token: Which,
    with_made: Annotated[
        bool, typer.Option("--with-made", help="And all tokens that were made with it.")
    ] = False,
) -> None:
    """End a token at once, for ever."""
    with session.client() as client:
        revoked = client.tokens.revoke(_number(client, token), with_made=with_made)
    rest = "revoked, and so is all that was made with it" if with_made else "revoked"
    session.output.result(
        revoked,
        names=[str(revoked.id)],
        human=lambda: print_line(
            f"The token {revoked.name} (number {revoked.id}) of {revoked.user} is {rest}."
        ),
    )


def _number(client: "Client", token: str) -> int:
    """The number of a token that may be named by its name; raises NotFound."""
    if token.isascii() and token.isdigit():
        return int(token)
    own = client.whoami().name
    for known in client.tokens.list(own):
        if known.name == token:
            return known.id
    raise NotFound(f"You have no token named {token[:100]!r}.", "List them: esm-client token list")


def _print_secret(session: Session, token: "NewToken") -> None:
    def human() -> None:
        print_line(token.secret)
        where = f" in {token.namespace}" if token.namespace else ""
        until = f"until {day(token.expires_at)}" if token.expires_at else "no end"
        session.output.note(
            f"{token.name} of {token.user} ({token.scope}{where}, {until}). Keep it now: it is not "
            "shown again."
        )

    session.output.result(token, names=[token.secret], human=human)


def _cells(token: "Token") -> tuple[str, ...]:
    return (
        str(token.id),
        token.user if token.kind == "person" else f"{token.user} (robot)",
        token.name,
        token.scope,
        token.namespace or "",
        day(token.expires_at) or "never",
        f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never",
        str(token.made_with or ""),
        f"revoked {day(token.revoked_at)}" if token.revoked_at else "",
    )


command(app, "list")(list_tokens)
command(app, "create")(create)
command(app, "rotate")(rotate)
command(app, "revoke")(revoke)
