"""`esm-client train`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from esm_client.cli.options.data import DATA_HELP, reads_data
from esm_client.cli.options.session import Session
from esm_client.cli.options.source import Contact, Domain, Licence, Location, Revision, stated
from esm_client.cli.options.views import InnerLayer, asked_views
from esm_client.cli.output import one_line, print_error, print_line
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.errors import Conflict
from esm_client.core.maps.storage import FittedArchitecture
from esm_client.core.schemas import Source
from esm_client.core.spaces import MAX_LENGTH, Pooling
from esm_client.lab.data.options import DataOptions


@reads_data()
def train(
    session: Session,
    data: Annotated[str, typer.Argument(metavar="DATA", help=DATA_HELP)],
    base_model: Annotated[
        str, typer.Option(metavar="FOLDER", help="Folder or hub id of the base model.")
    ],
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="New directory for the ESM.")],
    reading: DataOptions,
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Epochs of fine-tuning.")] = 3,
    learning_rate: Annotated[
        float, typer.Option(min=0, metavar="RATE", help="Of the fine-tuning.")
    ] = 2e-5,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Of the fine-tuning.")] = 32,
    patience: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Stop after so many epochs without progress."),
    ] = None,
    architecture: Annotated[
        FittedArchitecture | None,
        typer.Option(help="Of the map; hf-dataset-selector reads linear."),
    ] = None,
    rank: Annotated[int | None, typer.Option(min=1, metavar="Q", help="Of a low-rank map.")] = None,
    solver: Annotated[
        Literal["ridge", "sgd"] | None, typer.Option(help="sgd is the paper's, for linear maps.")
    ] = None,
    source_model: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Imitate this fine-tuned model; train none."),
    ] = None,
    pooling: Annotated[
        Pooling | None,
        typer.Option(help="How tokens become an embedding; default: the model's own."),
    ] = None,
    max_length: Annotated[
        int, typer.Option(min=8, metavar="N", help="Tokens per text.")
    ] = MAX_LENGTH,
    device: Annotated[str, typer.Option(metavar="NAME", help="cuda:0, mps, cpu.")] = "auto",
    task_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the data set; default: the file's.")
    ] = None,
    inner_layer: InnerLayer = None,
    probe: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Fit the map to these texts too, one a line; none of a target's.",
        ),
    ] = None,
    probes_only: Annotated[
        bool,
        typer.Option(
            "--probes-only", help="Fit the map to none of the data set's rows, so it holds less."
        ),
    ] = False,
    base_model_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its public name, org/name; default: the folder's."),
    ] = None,
    keep_model: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep the fine-tuned source model too, in a new one."),
    ] = None,
    location: Location = None,
    revision: Revision = None,
    licence: Licence = None,
    domain: Domain = None,
    contact: Contact = None,
    no_shield: Annotated[
        bool,
        typer.Option(
            "--no-shield", help="Leave out the sketch by which copies of these rows are found."
        ),
    ] = False,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="Of the texts, for instance en.")
    ] = None,
) -> None:
    """Train the ESM of a source task.

    Fine-tunes a copy of the base model on it, and fits the map from one to the other.
    """
    from esm_client.lab.data.loading import read_task
    from esm_client.lab.embedding import Embedder
    from esm_client.lab.probes import ProbeRecipe, check_probes
    from esm_client.lab.training.fit.recipe import FitRecipe
    from esm_client.lab.training.recipe import FineTuneRecipe
    from esm_client.lab.training.train import train_esm

    if output.exists():  # before hours of training
        raise Conflict(f"{output} exists already.", "Name a new directory with --output.")
    source = stated(
        Source(), location=location, revision=revision, licence=licence, domain=domain,
        contact=contact,
    )  # fmt: skip
    recipe = FineTuneRecipe(epochs, learning_rate, batch_size, patience=patience)
    fit = FitRecipe.of(architecture, solver, rank)
    is_asked = probe is not None or probes_only
    probes = ProbeRecipe.read(probe, own_rows=not probes_only) if is_asked else None
    with session.output.working(f"Reading {data}"):
        reading = reading.model_copy(update={"language": language})
        task = read_task(data, reading, name=task_name)
    embedder = Embedder(
        base_model, pooling=pooling, max_length=max_length, name=base_model_name, device=device,
        views=asked_views(inner_layer),
    )  # fmt: skip
    check_probes(probes, embedder.identity.views)  # before anything is said
    session.output.note(f"Source task: {task.kind}, {len(task.texts)} rows of {data}.")
    for note in task.notes:
        session.output.note(note)
    artifact = train_esm(
        task,
        embedder,
        recipe,
        fit,
        source_model=source_model,
        source=source,
        seed=reading.seed,
        shield=not no_shield,
        keep_model=keep_model,
        probes=probes,
    )
    artifact.write(output)
    _print(session, artifact, output)


def _print(session: Session, artifact: EsmArtifact, output: Path) -> None:
    fit = artifact.config.fit

    def human() -> None:
        print_line(one_line(f"The ESM of {artifact.config.task.data_set} is in {output}"))
        if fit is not None:
            print_line(
                f"held-out error {fit.held_out_mse:.3g} against {fit.identity_mse:.3g} without a "
                f"map, on {fit.held_out_rows} rows: {100 * fit.explained_share:.0f} percent of "
                "what fine-tuning changes is explained"
            )
            if fit.probes is not None:
                print_line(
                    f"on {fit.probes.held_out_rows} probe rows: {fit.probes.held_out_mse:.3g} "
                    f"against {fit.probes.identity_mse:.3g}"
                )
        print_line(f"Go on with: esm-client push {output} NAMESPACE/NAME")

    document = {
        "path": str(output),
        "task": artifact.config.task.model_dump(mode="json"),
        "fit": fit.model_dump(mode="json") if fit else None,
    }
    session.output.result(document, names=[str(output)], human=human)
    if fit is not None and fit.held_out_mse >= fit.identity_mse:
        print_error(
            "warning: this ESM imitates the fine-tuned model worse than no map does; "
            "train on more rows before you share it."
        )
