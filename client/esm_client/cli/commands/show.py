"""`esm-client show`."""

from typing import Annotated

import typer

from esm_client.cli.commands.ranking import PULL_MODEL
from esm_client.cli.options.session import Session
from esm_client.cli.output import one_line, print_line
from esm_client.core.quantities import size
from esm_client.core.schemas import EsmVersionDetail, FitReport, Yank
from esm_client.ranking.rows import how_to_get_the_model, task_name
from esm_client.ranking.table import printable


def show(
    session: Session,
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="namespace/name, or with @3 or @sha256:...")
    ],
) -> None:
    """Show the task, fit, files and card of a version."""
    with session.client() as client:
        version = client.show(reference)
    pinned = f"{version.namespace}/{version.name}@{version.digest}"
    session.output.result(version, names=[pinned], human=lambda: _print(version))


def _print(version: EsmVersionDetail) -> None:
    task = version.task
    counts = (("rows", task.num_rows), ("labels", task.num_labels), ("seed", task.seed))
    details = [
        *(str(word) for word in (task.kind, task.split, task.language) if word),
        *(f"{number} {word}" for word, number in counts if number is not None and word != "seed"),
        *(f"seed {number}" for word, number in counts if number is not None and word == "seed"),
    ]
    bytes_of_all = sum(file.size for file in version.manifest.files.values())
    facts = {
        "reference": f"{version.namespace}/{version.name}@{version.version}",
        "digest": version.digest,
        "space": f"{version.space} ({version.architecture}, {version.dimension} dimensions)",
        "task": task_name(task),
        "": ", ".join(details),
        "fit": _fit(version.fit),
        "data": _data(version),
        "licence": version.source.licence or "",
        "model": how_to_get_the_model(
            version.reference, version.source, version.source_model, PULL_MODEL
        ),
        "missing": _missing(version),
        "aliases": ", ".join(version.aliases),
        "yanked": _yanked(version.yank),
        "found": "; ".join(finding.message for finding in version.findings),
        "files": f"{', '.join(version.manifest.files)} ({size(bytes_of_all)})",
        "pushed": f"{version.created_at:%Y-%m-%d %H:%M} UTC by {version.created_by}",
    }
    for key, value in facts.items():
        if value:
            print_line(f"{key:10s} {one_line(value)}")
    if version.card.strip():
        print_line()
        for line in version.card.rstrip().splitlines():
            print_line(printable(line.expandtabs(4)))


def _data(version: EsmVersionDetail) -> str:
    source = version.source
    revision = f" at {source.revision}" if source.revision else ""
    contact = f" (ask {source.contact})" if source.contact else ""
    return f"{source.location or ''}{revision}{contact}".strip()


def _missing(version: EsmVersionDetail) -> str:
    missing = version.source.missing
    if not missing:
        return ""
    options = " ".join(f"--{name} ..." for name in missing)
    return f"{', '.join(missing)}: esm-client edit {version.reference} {options}"


def _yanked(yank: Yank | None) -> str:
    return "" if yank is None else f"{yank.at:%Y-%m-%d} by {yank.by}: {yank.reason}"


def _fit(fit: FitReport | None) -> str:
    if fit is None:
        return ""
    worse = "; worse than no map" if fit.held_out_mse >= fit.identity_mse else ""
    return (
        f"{fit.solver}, held-out error {fit.held_out_mse:.3g} against {fit.identity_mse:.3g} "
        f"without a map, on {fit.held_out_rows} rows{worse}"
    )
