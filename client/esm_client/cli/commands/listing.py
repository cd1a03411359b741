"""`esm-client list` and `esm-client search`."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from esm_client.cli.options.filters import (
    Architecture,
    Domain,
    Exclude,
    Language,
    Licence,
    Namespace,
    OfKind,
    Owner,
    Tag,
    Task,
    given,
)
from esm_client.cli.options.session import Session
from esm_client.cli.output import day, print_line

if TYPE_CHECKING:
    from esm_client.core.schemas import Esm, Facets

Space = Annotated[str | None, typer.Option(metavar="NAME", help="Only of this space.")]
Yanked = Annotated[bool, typer.Option("--yanked", help="Only those that are yanked.")]
Sorted = Annotated[
    Literal["name", "newest", "relevance"] | None, typer.Option("--sort", help="What comes first.")
]
Most = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many.")]
Counts = Annotated[
    bool, typer.Option("--facets", help="Count languages, licences, tags and so on instead.")
]


def list_esms(
    session: Session,
    space: Space = None,
    task: Task = None,
    kind: OfKind = None,
    language: Language = None,
    domain: Domain = None,
    licence: Licence = None,
    architecture: Architecture = None,
    namespace: Namespace = None,
    owner: Owner = None,
    tag: Tag = None,
    exclude: Exclude = None,
    yanked: Yanked = False,
    sort: Sorted = None,
    limit: Most = 50,
    facets: Counts = False,
) -> None:
    """List ESMs with their latest versions."""
    wanted = {name: value for name, value in locals().items() if name not in _OWN}
    _find(session, given(**wanted), limit, facets)


def search(
    session: Session,
    text: Annotated[
        str, typer.Argument(metavar="WORDS", help="In name, task, tags, description or card.")
    ],
    space: Space = None,
    task: Task = None,
    kind: OfKind = None,
    language: Language = None,
    domain: Domain = None,
    licence: Licence = None,
    architecture: Architecture = None,
    namespace: Namespace = None,
    owner: Owner = None,
    tag: Tag = None,
    exclude: Exclude = None,
    yanked: Yanked = False,
    sort: Sorted = None,
    limit: Most = 50,
    facets: Counts = False,
) -> None:
    """Search ESMs by words, the best match first."""
    wanted = {name: value for name, value in locals().items() if name not in _OWN}
    _find(session, given(**wanted), limit, facets)


_OWN = {"session", "limit", "facets"}


def _find(session: Session, wanted: dict[str, Any], limit: int, count: bool) -> None:
    text = wanted.pop("text", None)
    with session.client() as client, session.output.working("Listing"):
        if count:
            _print_facets(session, client.facets(text, **wanted))
            return
        found = client.list(**wanted) if text is None else client.search(text, **wanted)
        esms = list(islice(found, limit + 1))
    _print_esms(session, esms[:limit], more=len(esms) > limit, narrowed=bool(wanted or text))


def _print_esms(session: Session, esms: "list[Esm]", *, more: bool, narrowed: bool) -> None:
    from esm_client.ranking.rows import task_name

    def human() -> None:
        if not esms and narrowed:
            print_line("No ESM is like that; --facets without filters shows what there is.")
            return
        if not esms:
            print_line("No ESMs yet; publish one with: esm-client push DIRECTORY NAMESPACE/NAME")
            return
        rows = [
            (
                f"{esm.namespace}/{esm.name}",
                str(esm.latest.version),
                task_name(esm.latest.task),
                "" if esm.latest.task.num_rows is None else str(esm.latest.task.num_rows),
                esm.latest.task.language or "?",
                esm.latest.source.licence or "?",
                esm.latest.space,
                day(esm.latest.created_at),
                ", ".join([*esm.tags, *_marks(esm)]),
            )
            for esm in esms
        ]
        columns = (
            "reference", "latest", "task", "rows", "language", "licence", "space", "pushed", "tags",
        )  # fmt: skip
        session.output.table(columns, rows, right=("latest", "rows"))
        if more:
            print_line(f"... and more: --limit N shows more than {len(esms)}")

    names = [f"{esm.namespace}/{esm.name}" for esm in esms]
    session.output.result(esms, names=names, human=human)


def _marks(esm: "Esm") -> list[str]:
    yanked = ["(yanked)"] if esm.latest.yank else []
    return [*yanked, *([f"(use {esm.superseded_by})"] if esm.superseded_by else [])]


def _print_facets(session: Session, facets: "Facets") -> None:
    def human() -> None:
        print_line(f"{facets.num_esms} ESMs")
        for field, values in facets.fields.items():
            if values:
                print_line()
                rows = [(one.value, str(one.count)) for one in values]
                session.output.table((field, "ESMs"), rows, right=("ESMs",))

    names = [f"{field}:{one.value}" for field, values in facets.fields.items() for one in values]
    session.output.result(facets, names=names, human=human)
