"""`esm-client alias`."""

from typing import TYPE_CHECKING, Annotated

import typer

from esm_client.cli.options.session import Session, command
from esm_client.cli.output import print_line

if TYPE_CHECKING:
    from esm_client.core.schemas import Alias

app = typer.Typer(help="Movable names of versions: namespace/name@alias.", rich_markup_mode=None)

Esm = Annotated[str, typer.Argument(metavar="NAMESPACE/NAME")]
AliasName = Annotated[str, typer.Argument(metavar="ALIAS", help="For instance stable.")]


def list_aliases(session: Session, name: Esm) -> None:
    """List the aliases of an ESM."""
    with session.client() as client:
        found = list(client.aliases.list(name))

    def human() -> None:
        rows = [
            (
                one.name,
                str(one.version),
                "protected" if one.protected else "",
                f"{one.moved_at:%Y-%m-%d %H:%M}",
                one.moved_by,
            )
            for one in found
        ]
        columns = ("alias", "version", "", "moved", "by")
        session.output.table(columns, rows, right=("version",))

    session.output.result(found, names=[f"{name}@{one.name}" for one in found], human=human)


def set_alias(
    session: Session,
    name: Esm,
    alias: AliasName,
    version: Annotated[int, typer.Argument(min=1, metavar="VERSION")],
    protect: Annotated[
        bool | None,
        typer.Option("--protect/--unprotect", help="Whether only maintainers may move it."),
    ] = None,
    expect: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Only if it points to N now (0: does not exist)."),
    ] = None,
) -> None:
    """Point an alias to a version.

    If somebody else moves it between looking and setting, nothing is changed.
    """
    with session.client() as client:
        if expect is None:  # what it points to at this moment
            known = {one.name: one.version for one in client.aliases.list(name)}
            expect = known.get(alias, 0)
        moved = client.aliases.set(name, alias, version, protected=protect, expected=expect)
    _print(session, name, moved)


def remove(session: Session, name: Esm, alias: AliasName) -> None:
    """Remove an alias; its history stays."""
    with session.client() as client:
        client.aliases.delete(name, alias)
    session.output.result(
        {"name": name, "removed": alias},
        names=[f"{name}@{alias}"],
        human=lambda: print_line(f"{name}@{alias} is gone."),
    )


def history(session: Session, name: Esm, alias: AliasName) -> None:
    """Show where an alias has pointed, the last move first."""
    with session.client() as client:
        moves = list(client.aliases.history(name, alias))

    def human() -> None:
        rows = [
            (
                f"{move.at:%Y-%m-%d %H:%M}",
                move.by,
                str(move.from_version or "-"),
                str(move.to_version or "-"),
            )
            for move in moves
        ]
        session.output.table(("moved", "by", "from", "to"), rows, right=("from", "to"))

    names = [str(move.to_version or "-") for move in moves]
    session.output.result(moves, names=names, human=human)


def rollback(session: Session, name: Esm, alias: AliasName) -> None:
    """Point an alias to where it pointed before its last move."""
    with session.client() as client:
        moved = client.aliases.roll_back(name, alias)
    _print(session, name, moved)


def _print(session: Session, name: str, moved: "Alias") -> None:
    protected = " (protected)" if moved.protected else ""
    session.output.result(
        moved,
        names=[f"{name}@{moved.digest}"],
        human=lambda: print_line(
            f"{name}@{moved.name} is version {moved.version} now{protected} ({moved.digest})"
        ),
    )


for title, function in {
    "list": list_aliases,
    "set": set_alias,
    "remove": remove,
    "history": history,
    "rollback": rollback,
}.items():
    command(app, title)(function)
