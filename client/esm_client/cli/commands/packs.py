"""`esm-client push-all` and `esm-client spaces pull`: many ESMs at once."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from esm_client.cli.errors import in_command_words
from esm_client.cli.options.session import Session
from esm_client.cli.output import print_error, print_line
from esm_client.cli.progress import ProgressBars
from esm_client.core.quantities import counted
from esm_client.core.schemas import PackResult

_SHOWN_WARNINGS = 10


def push_all(
    session: Session,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Holds ESM directories, at any depth.")
    ],
    namespace: Annotated[str, typer.Argument(metavar="NAMESPACE", help="Where to publish them.")],
    space: Annotated[
        str | None, typer.Option(metavar="NAME", help="Their space, if they do not describe one.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Publish what the server would refuse; is recorded.")
    ] = False,
) -> None:
    """Publish all ESM directories below a folder, each under its own name, in few requests.

    What is wrong with one stops no other; the same content again makes no second version.
    """
    from esm_client.remote.publishing.esm_folders import find_esms

    found, refused = find_esms(folder)
    with session.client() as client, ProgressBars(quiet=session.options.quiet) as progress:
        results = client.packs.push(namespace, found, space=space, force=force, progress=progress)
    results = [_spoken(result) for result in (*results, *refused)]
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
    _warn(results)
    _print_problems(failed)
    if failed:
        raise typer.Exit(1)


def pull_space(
    session: Session,
    space: Annotated[str, typer.Argument(metavar="SPACE", help="One that spaces lists.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to keep it.")],
) -> None:
    """Fetch all ESMs of a space, or those that are new since: `rank --pack FOLDER` uses them.

    A pull that breaks off goes on where it was.
    """
    from esm_client.ranking.local.space import read_state

    state = read_state(folder)
    before = state.arrived if state else set[tuple[str, str]]()
    with session.client() as client, ProgressBars(quiet=session.options.quiet) as progress:
        local = client.packs.pull(space, folder, progress=progress)
    now = local.content.arrived
    new, gone = sorted(now - before), sorted(before - now)
    changes = [f"{len(some)} {word}" for some, word in ((new, "new"), (gone, "gone")) if some]
    told = ", ".join(changes) or "nothing changed"
    # canaries: thousands of numbers that say nothing of what was pulled
    document = local.content.model_dump(mode="json", exclude={"space": {"canaries"}})
    session.output.result(
        document | {"new": [name for name, _ in new], "gone": [name for name, _ in gone]},
        names=[detail.reference for detail in local.versions],
        human=lambda: print_line(f"{counted(len(now), 'ESM')} of {space} are in {folder}: {told}."),
    )
    if lost := local.content.lost:
        print_error(
            f"warning: {counted(len(lost), 'ESM')} could not be pulled, as the server has lost "
            f"files of theirs; {lost[0]} for one. Tell the server's operator."
        )


def _spoken(result: PackResult) -> PackResult:
    """What became of an ESM, its problem in the words of the command line."""
    if (problem := result.problem) is None:
        return result
    told = {"detail": in_command_words(problem.detail), "hint": in_command_words(problem.hint)}
    return result.model_copy(update={"problem": problem.model_copy(update=told)})


def _warn(results: Sequence[PackResult]) -> None:
    """Say what the admission found, and of how many the data sets cannot be had."""
    found = [
        f"{result.name}: {finding.message}{' (forced)' if finding.forced else ''}"
        for result in results
        for finding in result.findings
    ]
    for text in found[:_SHOWN_WARNINGS]:
        print_error(f"warning: {text}")
    if (more := len(found) - _SHOWN_WARNINGS) > 0:
        print_error(f"... and {more} more; --json gives all")
    if lacking := [result for result in results if result.missing]:
        facts = dict.fromkeys(fact for result in lacking for fact in result.missing)
        print_error(
            f"warning: nobody will know how to get the data set of {counted(len(lacking), 'ESM')}, "
            f"{lacking[0].name} for one ({', '.join(facts)} missing); say it with esm-client edit."
        )


def _print_problems(failed: Sequence[PackResult]) -> None:
    """Each problem, and what to do about it once for all that need the same."""
    by_hint: dict[str, list[str]] = {}
    for result in failed:
        if (problem := result.problem) is not None:
            by_hint.setdefault(problem.hint, []).append(f"{result.name}: {problem.detail}")
    for hint, texts in by_hint.items():
        for text in texts:
            print_error(f"error: {text}")
        if hint:
            sys.stderr.write("  ")
            print_error(hint)
