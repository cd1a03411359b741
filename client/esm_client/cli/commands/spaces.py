"""`esm-client spaces`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esm_client.cli.commands.packs import pull_space
from esm_client.cli.options.session import Session, command
from esm_client.cli.options.views import InnerLayer, asked_views
from esm_client.cli.output import day, print_line
from esm_client.core.errors import InvalidInput
from esm_client.core.spaces import MAX_LENGTH, Pooling

if TYPE_CHECKING:
    from esm_client.core.schemas import Space, SpaceDetail
    from esm_client.remote.client import Client

app = typer.Typer(help="Embedding spaces, and where their base models lie.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="SPACE")]
Location = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Where the team finds the base model.")
]
Description = Annotated[str | None, typer.Option(metavar="TEXT", help="In one sentence.")]


def list_spaces(session: Session) -> None:
    """List embedding spaces."""
    with session.client() as client, session.output.working("Listing"):
        known = list(client.spaces())

    def human() -> None:
        rows = [
            (
                space.name,
                str(space.num_esms),
                space.identity.base_model,
                space.identity.pooling,
                str(space.identity.max_length),
                str(space.identity.dimension),
                _state(space),
            )
            for space in known
        ]
        columns = ("space", "ESMs", "base model", "pooling", "max length", "dimension", "")
        session.output.table(columns, rows, right=("ESMs", "max length", "dimension"))

    session.output.result(known, names=[space.name for space in known], human=human)


def show(session: Session, name: Name) -> None:
    """Show a space: its base model, its ESMs, and the way to its successor."""
    from esm_client.remote.config.base_models import base_models_file, mapped_folder

    with session.client() as client:
        space = client.space(name)
        mapped = mapped_folder(base_models_file(), client.url, name)
        todo = _not_yet_trained_again(client, space)
    document = {**space.model_dump(mode="json"), "folder": str(mapped) if mapped else None}
    if space.successor:
        document["not_in_successor"] = todo
    session.output.result(
        document, names=[name], human=lambda: _print(session, space, mapped, todo)
    )


def create(
    session: Session,
    name: Name,
    base_model: Annotated[str, typer.Option(metavar="FOLDER", help="Folder of the base model.")],
    base_model_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="As others know it: org/name; else the folder's."),
    ] = None,
    pooling: Annotated[
        Pooling | None, typer.Option(help="Tokens to embedding; else the model's own.")
    ] = None,
    max_length: Annotated[
        int, typer.Option(min=8, metavar="N", help="Tokens per text.")
    ] = MAX_LENGTH,
    inner_layer: InnerLayer = None,
    location: Location = None,
    description: Description = None,
    replaces: Annotated[
        str | None,
        typer.Option(metavar="SPACE", help="Retire this one, with the new one as successor."),
    ] = None,
) -> None:
    """Make a space by hand; else the first push of an ESM makes it."""
    from esm_client.lab.embedding import Embedder

    with session.client() as client:
        if replaces is not None:
            client.space(replaces)
        embedder = Embedder(
            base_model, pooling=pooling, max_length=max_length, name=base_model_name,
            views=asked_views(inner_layer),
        )  # fmt: skip
        facts = {"location": location or "", "description": description or ""}
        space = client.create_space(name, embedder.fingerprint, **facts)
        if replaces is not None:
            client.edit_space(replaces, successor=name, retired=True)
    _done(session, space, f"The space {name} exists.")


def edit(
    session: Session,
    name: Name,
    location: Location = None,
    description: Description = None,
    successor: Annotated[
        str | None, typer.Option(metavar="SPACE", help="The space to use instead; '' for none.")
    ] = None,
    retired: Annotated[
        bool | None,
        typer.Option("--retire/--reopen", help="Whether it is closed for new ESMs."),
    ] = None,
) -> None:
    """Change a space, or close it for new ESMs; rankings and pulls go on."""
    given: dict[str, Any] = {
        "location": location,
        "description": description,
        "successor": successor,
        "retired": retired,
    }
    changes = {key: value for key, value in given.items() if value is not None}
    if not changes:
        raise InvalidInput("Nothing to change was named.", "esm-client spaces edit --help")
    with session.client() as client:
        space = client.edit_space(name, **changes)
    _done(session, space, f"The space {name} is changed.")


def map_space(
    session: Session,
    name: Name,
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="Of its base model; none: forget it.")
    ] = None,
) -> None:
    """Note where a space's base model lies on this machine; rank then needs no --base-model."""
    from esm_client.remote.config.base_models import base_models_file, map_folder

    if folder is not None and not (folder / "config.json").is_file():
        raise InvalidInput(f"{folder} holds no config.json.", "Name the folder of a base model.")
    with session.client() as client:
        space = client.space(name)
        map_folder(base_models_file(), client.url, name, folder)
    where = f"is in {folder}" if folder else "is not noted any more"
    _done(session, space, f"The base model of {name} {where}.")


def _not_yet_trained_again(client: "Client", space: "Space") -> list[str]:
    """ESMs of which the successor has none of the same source task yet."""
    if space.successor is None:
        return []

    def tasks(name: str) -> dict[tuple[str, str | None, str | None], str]:
        return {
            (task.data_set, task.subset, task.label_column): f"{esm.namespace}/{esm.name}"
            for esm in client.list(name)
            if (task := esm.latest.task)
        }

    done = tasks(space.successor)
    return sorted(name for key, name in tasks(space.name).items() if key not in done)


def _state(space: "Space") -> str:
    if space.retired_at is None:
        return ""
    return f"retired, use {space.successor}" if space.successor else "retired"


def _print(session: Session, space: "SpaceDetail", mapped: Path | None, todo: list[str]) -> None:
    identity = space.identity
    session.output.facts(
        {
            "space": space.name,
            "description": space.description,
            "base model": f"{identity.base_model} {identity.revision or ''}",
            "found at": space.location,
            "on this machine": str(mapped or ""),
            "views": f"{identity.views}, an inner one, behind each embedding"
            if identity.views
            else "",
            "embedding": f"{identity.pooling}, {identity.max_length} tokens, "
            f"{identity.dimension} dimensions, separator {identity.separator!r}",
            "canaries": f"{len(space.canaries)} sentences; cosine 0.999 and norm within 2 %",
            "weights seen": ", ".join(digest[:19] for digest in space.weight_digests),
            "ESMs": str(space.num_esms),
            "created": f"{day(space.created_at)} by {space.created_by}",
            "retired": day(space.retired_at),
            "successor": space.successor or "",
        }
    )
    if todo:
        print_line(f"{len(todo)} of {space.num_esms} ESMs are not trained for it yet:")
        for name in todo[:20]:
            print_line(f"  {name}")
        print_line("Train each again with the new base model, and push it under a new name.")


def _done(session: Session, space: "SpaceDetail", text: str) -> None:
    session.output.result(space, names=[space.name], human=lambda: print_line(text))


command(app, None)(list_spaces)
for title, function in {
    "list": list_spaces,
    "show": show,
    "create": create,
    "edit": edit,
    "map": map_space,
    "pull": pull_space,
}.items():
    command(app, title)(function)
