"""`esm-client push-all` and `esm-client spaces pull`: many ESMs at once."""

from pathlib import Path
from typing import Annotated

import typer

from esm_client.cli.output import counted, print_error, print_line
from esm_client.cli.session import Session


def push_all(
    session: Session,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="ESM directories beside each other.")
    ],
    namespace: Annotated[str, typer.Argument(metavar="NAMESPACE", help="Where to publish them.")],
    space: Annotated[
        str | None, typer.Option(metavar="NAME", help="Their space, if they do not describe one.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Publish what the server would refuse; is recorded.")
    ] = False,
) -> None:
    """Publish all ESM directories in a folder, each under its own name, in few requests.

    What is wrong with one stops no other; the same content again makes no second version.
    """
    from esm_client.core.artifact.directory import MODEL
    from esm_client.remote.push_many import raise_first

    found = {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{MODEL}"))}
    if not found:
        raise typer.BadParameter(f"{folder} holds no directory with an ESM.")
    with session.client() as client, session.output.counting("Pushing") as watch:

        def tell(done: int) -> None:
            watch(done, len(found))

        results = client.packs.push(namespace, found, space=space, force=force, watch=tell)
    new = sum(result.is_new for result in results)
    failed = [result for result in results if result.problem is not None]

    def human() -> None:
        same = len(results) - new - len(failed)
        print_line(f"{counted(new, 'ESM')} published, {same} there already, {len(failed)} refused")

    session.output.result(
        [result.model_dump(mode="json") for result in results],
        names=[f"{namespace}/{r.name}@{r.version}" for r in results if r.version],
        human=human,
    )
    for result in failed[1:]:
        if result.problem is not None:
            print_error(f"error: {result.name}: {result.problem.detail}")
    raise_first(failed)


def pull_space(
    session: Session,
    space: Annotated[str, typer.Argument(metavar="SPACE", help="One that spaces lists.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to keep it.")],
) -> None:
    """Fetch all ESMs of a space, or those that are new since: `rank --pack FOLDER` uses them.

    A pull that breaks off goes on where it was.
    """
    with session.client() as client, session.output.working(f"Pulling {space}"):
        local = client.packs.pull(space, folder)
    count = len(local.versions)
    session.output.result(
        local.content,
        names=[detail.reference for detail in local.versions],
        human=lambda: print_line(f"{counted(count, 'ESM')} of {space} are in {folder}"),
    )
    if lost := local.content.lost:
        print_error(
            f"warning: {counted(len(lost), 'ESM')} could not be pulled, as the server has lost "
            f"files of theirs; {lost[0]} for one. Tell the server's operator."
        )
