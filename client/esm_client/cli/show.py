"""`esm-client show`."""

from typing import Annotated

import typer

from esm_client.cli.output import one_line, print_line, size
from esm_client.cli.session import Session
from esm_client.core.schemas import EsmVersionDetail, FitReport
from esm_client.remote.ranking_rows import task_name
from esm_client.remote.text_table import printable


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


def _fit(fit: FitReport | None) -> str:
    if fit is None:
        return ""
    worse = "; worse than no map" if fit.held_out_mse >= fit.identity_mse else ""
    return (
        f"{fit.solver}, held-out error {fit.held_out_mse:.3g} against {fit.identity_mse:.3g} "
        f"without a map, on {fit.held_out_rows} rows{worse}"
    )
