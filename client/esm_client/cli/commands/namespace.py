"""`esm-client namespace`."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from esm_client.cli.options.session import Session, command
from esm_client.cli.output import day, print_line
from esm_client.core.errors import InvalidInput
from esm_client.core.quantities import size

if TYPE_CHECKING:
    from esm_client.core.schemas import Namespace

app = typer.Typer(help="Namespaces: who belongs to them, what lies there.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAMESPACE")]
UserName = Annotated[str, typer.Argument(metavar="USER")]
Description = Annotated[str | None, typer.Option(metavar="TEXT", help="In one sentence.")]
Quota = Annotated[str | None, typer.Option(metavar="N", help="At most so many, or none.")]


def list_namespaces(session: Session) -> None:
    """List the namespaces you may see."""
    with session.client() as client:
        namespaces = list(client.namespaces.list())

    def human() -> None:
        rows = [
            (
                one.name,
                one.role or "",
                "private" if one.private else "",
                str(one.num_esms),
                str(one.num_versions),
                _of(size(one.used_bytes), one.quota_bytes and size(one.quota_bytes)),
                one.description,
            )
            for one in namespaces
        ]
        columns = ("namespace", "your role", "", "ESMs", "versions", "stored", "description")
        session.output.table(columns, rows, right=("ESMs", "versions", "stored"))

    session.output.result(namespaces, names=[one.name for one in namespaces], human=human)


def show(session: Session, name: Name) -> None:
    """Show a namespace: quotas, and your role."""
    with session.client() as client:
        _print(session, client.namespaces.get(name))


def create(
    session: Session,
    name: Name,
    description: Description = None,
    private: Annotated[
        bool, typer.Option("--private", help="Only members see it and its ESMs.")
    ] = False,
) -> None:
    """Make a namespace; you become its admin."""
    with session.client() as client:
        made = client.namespaces.create(name, description=description or "", private=private)
    _print(session, made)


def edit(
    session: Session,
    name: Name,
    description: Description = None,
    private: Annotated[
        bool | None, typer.Option("--private/--open", help="Who may see it and its ESMs.")
    ] = None,
    quota_bytes: Quota = None,
    quota_versions: Quota = None,
) -> None:
    """Change a namespace; quotas need an admin of the registry."""
    changes: dict[str, Any] = {}
    if description is not None:
        changes["description"] = description
    if private is not None:
        changes["private"] = private
    for key, value in (("quota_bytes", quota_bytes), ("quota_versions", quota_versions)):
        if value is not None:
            changes[key] = _quota(key, value)
    if not changes:
        raise InvalidInput("Nothing to change was named.", "esm-client namespace edit --help")
    with session.client() as client:
        _print(session, client.namespaces.edit(name, **changes))


def members(session: Session, name: Name) -> None:
    """List the members of a namespace."""
    with session.client() as client:
        found = list(client.namespaces.members(name))

    def human() -> None:
        rows = [(one.user, one.role, one.kind) for one in found]
        session.output.table(("user", "role", "kind"), rows)

    session.output.result(found, names=[one.user for one in found], human=human)


def add(
    session: Session,
    name: Name,
    user: UserName,
    role: Annotated[
        Literal["reader", "writer", "maintainer", "admin"],
        typer.Option(
            help="writer: push, edit, yank; maintainer: protected aliases; admin: members, delete."
        ),
    ] = "writer",
) -> None:
    """Make a user a member, or change their role."""
    with session.client() as client:
        member = client.namespaces.set_member(name, user, role)
    session.output.result(
        member, names=[user], human=lambda: print_line(f"{user} is {role} of {name} now.")
    )


def remove(session: Session, name: Name, user: UserName) -> None:
    """End a membership: your own, or as an admin anybody's."""
    with session.client() as client:
        client.namespaces.remove_member(name, user)
    session.output.result(
        {"namespace": name, "removed": user},
        names=[user],
        human=lambda: print_line(f"{user} is no member of {name} any more."),
    )


def _quota(key: str, value: str) -> int | None:
    if value == "none":
        return None
    if not (value.isascii() and value.isdigit()):
        option = f"--{key.replace('_', '-')}"
        raise InvalidInput(f"{option} is {value[:40]!r}.", "Write a number, or none.")
    return int(value)


def _of(used: str, quota: object) -> str:
    return f"{used} of {quota}" if quota is not None else used


def _print(session: Session, one: "Namespace") -> None:
    def human() -> None:
        seen = "private: members only" if one.private else "open: everybody reads"
        facts = {
            "namespace": f"{one.name} ({seen})",
            "description": one.description,
            "your role": one.role or "none",
            "ESMs": str(one.num_esms),
            "versions": _of(str(one.num_versions), one.quota_versions),
            "stored": _of(
                size(one.used_bytes), None if one.quota_bytes is None else size(one.quota_bytes)
            ),
            "created": f"{day(one.created_at)} by {one.created_by}",
        }
        session.output.facts(facts)

    session.output.result(one, names=[one.name], human=human)


for title, function in {
    "list": list_namespaces,
    "show": show,
    "create": create,
    "edit": edit,
    "members": members,
    "add": add,
    "remove": remove,
}.items():
    command(app, title)(function)
