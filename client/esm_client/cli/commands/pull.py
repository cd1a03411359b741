"""`esm-client pull`."""

from pathlib import Path
from typing import Annotated

import typer

from esm_client.cli.options.session import Session
from esm_client.cli.output import print_line
from esm_client.cli.progress import ProgressBars
from esm_client.core.references import Reference


def pull(
    session: Session,
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="namespace/name, or with @3 or @sha256:...")
    ],
    destination: Annotated[
        Path | None, typer.Argument(metavar="DESTINATION", help="A new directory; else ./NAME.")
    ] = None,
    source_model: Annotated[
        bool, typer.Option("--source-model", help="The fine-tuned source model instead.")
    ] = False,
) -> None:
    """Fetch a version into a new directory.

    All bytes are verified; what was fetched before comes from the cache.
    """
    if source_model:
        _pull_source_model(session, reference, destination)
        return
    with session.client() as client, session.output.working(f"Pulling {reference}"):
        path = client.pull(reference, destination)
        # the pull has remembered which version that was
        version = client.cache.versions.recall(client.url, Reference.parse(reference))
    pulled = version.reference if version else reference
    digest = version.digest if version else None
    session.output.result(
        {"reference": pulled, "digest": digest, "path": str(path)},
        names=[str(path)],
        human=lambda: print_line(f"{pulled} is in {path} ({digest})"),
    )


def _pull_source_model(session: Session, reference: str, destination: Path | None) -> None:
    name = Reference.parse(reference).name
    target = destination or Path(f"{name}-source-model")
    with (
        session.client() as client,
        ProgressBars(quiet=session.options.quiet, in_bytes=True) as progress,
    ):
        path = client.pull_source_model(reference, target, progress)
    session.output.result(
        {"reference": reference, "path": str(path)},
        names=[str(path)],
        human=lambda: print_line(
            f"The source model of {reference} is in {path}; load it with "
            f"AutoModel.from_pretrained({str(path)!r})"
        ),
    )
