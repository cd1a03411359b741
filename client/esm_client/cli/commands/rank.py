"""`esm-client rank`."""

import shlex
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esm_client.cli.commands.ranking import Top, print_ranking
from esm_client.cli.errors import in_command_words
from esm_client.cli.options.data import DATA_HELP, LimitRows, reads_data
from esm_client.cli.options.filters import (
    Domain,
    Exclude,
    Language,
    Licence,
    Namespace,
    Owner,
    Tag,
    given,
)
from esm_client.cli.options.session import Session
from esm_client.cli.progress import ProgressBars
from esm_client.core.errors import EsmError, InvalidInput
from esm_client.core.schemas import EsmFilter
from esm_client.core.schemas.rankings import Mode
from esm_client.lab.data.options import DataOptions
from esm_client.workflows.rank_arguments import (
    ORDINARY,
    RankArguments,
    are_other_methods,
    find_clash,
)

if TYPE_CHECKING:
    from esm_client.lab.data.task import TextTask
    from esm_client.remote.client import Client
    from esm_client.workflows.target import Arrays

METHOD_HELP = (
    "A selection method: esm-logme (the default), text-embedding, vocabulary, size, esm-h-score, "
    "esm-knn, random; with source models logme, nce, leep, frozen-transfer, task-embedding (in "
    "Python only); or all: each of these but random and task-embedding that can rank for such "
    "labels, those of source models only with --source-model. Several side by side: repeat it."
)


@reads_data()
def rank(
    session: Session,
    reading: DataOptions,
    data: Annotated[str | None, typer.Argument(metavar="DATA", help=DATA_HELP)] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="One that esm-client spaces lists; several: repeat it."),
    ] = None,
    pack: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Rank here, what spaces pull wrote; ask no server."),
    ] = None,
    limit_rows: LimitRows = 1000,  # noqa: ARG001 - a part of `reading`
    base_model: Annotated[
        list[str] | None,
        typer.Option(metavar="FOLDER", help="Where the base model lies; of each space in turn."),
    ] = None,
    embeddings: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ready embeddings (.npy) instead of DATA."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Their labels: .npy, .csv or one per line.")
    ] = None,
    method: Annotated[list[str] | None, typer.Option(metavar="NAME", help=METHOD_HELP)] = None,
    source_model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REFERENCE=FOLDER", help="A source's fine-tuned model, for methods; repeat."
        ),
    ] = None,
    scores: Annotated[
        bool, typer.Option("--scores", help="Show the scores of --method beside its ranks.")
    ] = False,
    top: Top = None,
    language: Language = None,
    domain: Domain = None,
    licence: Licence = None,
    namespace: Namespace = None,
    owner: Owner = None,
    tag: Tag = None,
    exclude: Exclude = None,
    keep_copies: Annotated[
        bool, typer.Option("--keep-copies", help="Rank copies of your data too.")
    ] = False,
    mode: Annotated[
        Mode, typer.Option(help="Score all exactly, or estimate first what is costly.")
    ] = "auto",
    uncertainty: Annotated[
        bool,
        typer.Option("--uncertainty", help="Standard errors, from ten sketches instead of one."),
    ] = False,
    send_embeddings: Annotated[
        bool,
        typer.Option(
            "--send-embeddings",
            help="Send the embedding and label of every row, so that MLP maps are scored too.",
        ),
    ] = False,
    no_intercept: Annotated[
        bool, typer.Option("--no-intercept", help="Score without a free intercept.")
    ] = False,
) -> None:
    """Rank source tasks for your own data.

    The data stays on this machine: only a sketch of its embeddings travels, never a text, and no
    single embedding unless you say --send-embeddings. With any --method but esm-logme alone, the
    space's ESMs are pulled (what is missing) and ranked here, and nothing of the data travels;
    methods named that need source models pull those that the registry stores, too.
    """
    wanted = given(
        language=language,
        domain=domain,
        licence=licence,
        namespace=namespace,
        owner=owner,
        tag=tag,
        exclude=exclude,
    )
    arguments: RankArguments = {
        "space": space or (), "pulled": pack, "base_model": base_model or (), "kind": reading.kind,
        "filter": EsmFilter(**wanted), "keep_copies": keep_copies, "intercept": not no_intercept,
        "mode": mode, "uncertainty": uncertainty, "send_embeddings": send_embeddings,
        "methods": method or (ORDINARY,), "source_models": _by_reference(source_model or ()),
        "seed": reading.seed,
    }  # fmt: skip
    _check(arguments, data, embeddings, labels, scores=scores)
    target: TextTask | Arrays
    if data is not None:
        from esm_client.lab.data.loading import read_task

        with session.output.working(f"Reading {data}"):
            target = read_task(data, reading)
    else:
        target = _arrays(embeddings, labels, reading.label_column)
    from esm_client.workflows.rank import rank as rank_for

    with ExitStack() as stack:
        client = _client(session, stack, pack)
        progress = stack.enter_context(ProgressBars(quiet=session.options.quiet))
        try:
            found = rank_for(
                target, **arguments, client=client, progress=progress, on_note=session.output.note
            )
        except InvalidInput as error:
            told = _with_command(error, data, arguments)
            if told is error:
                raise
            raise told from error
    print_ranking(session, found, top, scores=scores, data=data or "DATA")


def _by_reference(texts: Sequence[str]) -> dict[str, Path]:
    """From REFERENCE=FOLDER; raises BadParameter, and InvalidInput for a source named twice."""
    found: dict[str, Path] = {}
    for text in texts:
        reference, _, folder = text.partition("=")
        if not reference or not folder:
            raise typer.BadParameter(f"--source-model takes REFERENCE=FOLDER, not {text!r}.")
        if reference in found:
            raise InvalidInput(f"{reference} is named twice.", "Give one --source-model of each.")
        found[reference] = Path(folder).expanduser()
    return found


def _check(
    arguments: RankArguments, data: str | None, embeddings: Path | None, labels: Path | None, *,
    scores: bool,
) -> None:  # fmt: skip
    """Raise BadParameter for options that do not go together, InvalidInput for no method."""
    clash = find_clash(arguments, ready=embeddings is not None)
    if clash is not None and clash.parameters == ("space", "pulled"):
        raise typer.BadParameter(in_command_words(clash.message))
    if (data is None) == (embeddings is None) or (embeddings is None) != (labels is None):
        raise typer.BadParameter("Give DATA, or --embeddings together with --labels.")
    if clash is not None:
        told = in_command_words(clash.message).replace("give a task", "give DATA")
        raise typer.BadParameter(told)
    if are_other_methods(arguments["methods"]):
        from esm_client.lab.selection.choice import check_methods

        check_methods(arguments["methods"])
    elif scores:
        raise typer.BadParameter(
            f"--scores shows those of --method; the ranking by {ORDINARY} alone shows its own."
        )


def _arrays(embeddings: Path | None, labels: Path | None, label_column: str | None) -> "Arrays":
    from esm_client.workflows.arrays import load_embeddings, load_labels

    assert embeddings is not None  # noqa: S101 - checked before
    assert labels is not None  # noqa: S101
    return load_embeddings(embeddings), load_labels(labels, label_column)


def _client(session: Session, stack: ExitStack, pack: Path | None) -> "Client | None":
    """The registry; None where a pulled space is ranked and no registry is named."""
    if pack is None:
        return stack.enter_context(session.client())
    with suppress(EsmError):
        return stack.enter_context(session.client())
    return None


def _with_command(
    error: InvalidInput, data: str | None, arguments: Mapping[str, Any]
) -> InvalidInput:
    """The same error; where the labels are of no use, with the command that needs none."""
    if error.parameters != ("methods",) or "kind" not in error.facts:
        return error
    pulled, spaces = arguments["pulled"], arguments["space"]
    where = ["--pack", str(pulled)] if pulled else ["--space", *spaces[:1]]
    command = shlex.join(["esm-client", "rank", str(data), *where, "--method", "all"])
    return error.replaced(hint=f"Rank them by the methods that need none: {command}")
