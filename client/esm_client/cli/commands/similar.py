"""`esm-client similar`."""

from typing import TYPE_CHECKING, Annotated

import typer

from esm_client.cli.options.data import DATA_HELP, LimitRows, TextColumns
from esm_client.cli.options.session import Session
from esm_client.cli.progress import ProgressBars
from esm_client.core.schemas import SimilarEsm
from esm_client.ranking.rows import task_name
from esm_client.workflows.base_models import space_embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from esm_client.remote.client import Client

COLUMNS = ("reference", "task", "near by", "cosine")


def similar(
    session: Session,
    reference: Annotated[
        str | None, typer.Argument(metavar="REFERENCE", help="An ESM: namespace/name[@version].")
    ] = None,
    texts: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help=f"Texts instead of an ESM, no labels: .txt with one text per line, or {DATA_HELP}",
        ),
    ] = None,
    space: Annotated[str | None, typer.Option(metavar="NAME", help="Their space.")] = None,
    text_column: TextColumns = None,
    limit_rows: LimitRows = 1000,
    base_model: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where the space's base model lies.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many of either kind.")] = 10,
) -> None:
    """Find ESMs that are near to one, by what they do and by their texts; or near to texts."""
    if (reference is None) == (texts is None) or (texts is None) != (space is None):
        raise typer.BadParameter("Give REFERENCE, or --texts together with --space.")
    with session.client() as client:
        if reference is not None:
            rows = client.similar.to_version(reference, limit)
        else:
            embeddings = _embedded(
                session, client, texts or "", space or "", text_column, limit_rows, base_model
            )
            rows = client.similar.to_texts(embeddings, space or "", limit)
    session.output.result(
        [row.model_dump(mode="json") for row in rows],
        names=[row.reference for row in rows],
        human=lambda: _print(session, rows),
    )


def _embedded(
    session: Session, client: "Client", texts: str, space: str, text_column: list[str] | None,
    limit_rows: int, base_model: str | None,
) -> "NDArray[np.float32]":  # fmt: skip
    from esm_client.lab.data.texts import load_texts

    detail = client.space(space)
    with session.output.working(f"Reading {texts}"):
        rows = load_texts(texts, text_columns=text_column or (), limit_rows=limit_rows)
    with ProgressBars(quiet=session.options.quiet) as progress:
        embedder = space_embedder(client, detail, base_model, progress=progress)
        embedded = embedder.embed(rows, progress=progress)
        return embedded[:, : embedder.identity.dimension]  # sources keep no views of their texts


def _print(session: Session, rows: list[SimilarEsm]) -> None:
    if not rows:
        session.output.note("Nothing to compare with: no other ESM of this space tells enough.")
        return
    cells = [(r.reference, task_name(r.task), r.by, f"{r.cosine:.3f}") for r in rows]
    session.output.table(COLUMNS, cells, ("cosine",))
