"""`esm-client train`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from esm_client.cli.columns import TEXT_COLUMN_HELP, KindOption, LimitRows, Seed
from esm_client.cli.output import one_line, print_error, print_line
from esm_client.cli.session import Session
from esm_client.cli.source import Contact, Domain, Licence, Location, Revision, stated
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.errors import Conflict
from esm_client.core.spaces import MAX_LENGTH, Pooling


def train(
    session: Session,
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="CSV, Parquet, JSON lines or saved folder.")
    ],
    text_column: Annotated[
        list[str],
        typer.Option(metavar="COLUMN", help=TEXT_COLUMN_HELP),
    ],
    label_column: Annotated[str, typer.Option(metavar="COLUMN", help="Column of labels.")],
    base_model: Annotated[str, typer.Option(metavar="FOLDER", help="Folder of the base model.")],
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="New directory for the ESM.")],
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Epochs of fine-tuning.")] = 3,
    learning_rate: Annotated[
        float, typer.Option(min=0, metavar="RATE", help="Of the fine-tuning.")
    ] = 2e-5,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Of the fine-tuning.")] = 32,
    solver: Annotated[
        Literal["ridge", "sgd"], typer.Option(help="How the map is fitted: sgd is the paper's.")
    ] = "ridge",
    limit_rows: LimitRows = 10_000,
    seed: Seed = 42,
    kind: KindOption = None,
    pooling: Annotated[
        Pooling | None, typer.Option(help="Tokens to embedding; else the model's own.")
    ] = None,
    max_length: Annotated[
        int, typer.Option(min=8, metavar="N", help="Tokens per text.")
    ] = MAX_LENGTH,
    task_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the data set; else the file's name.")
    ] = None,
    base_model_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="As others know it: org/name; else the folder's."),
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
    from esm_client.lab.data.loading import load_task
    from esm_client.lab.embedding import Embedder
    from esm_client.lab.training.train import train_esm

    if output.exists():  # before hours of training
        raise Conflict(f"{output} exists already.", "Name a new directory with --output.")
    task = load_task(
        data,
        text_columns=text_column,
        label_column=label_column,
        kind=kind,
        limit_rows=limit_rows,
        seed=seed,
        name=task_name,
        language=language,
    )
    embedder = Embedder(base_model, pooling=pooling, max_length=max_length, name=base_model_name)
    session.output.note(f"Source task: {task.kind}, {len(task.texts)} rows of {data}.")
    artifact = train_esm(
        task,
        embedder,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        solver=solver,
        seed=seed,
        shield=not no_shield,
        keep_model=keep_model,
    )
    source = stated(
        artifact.source,
        location=location,
        revision=revision,
        licence=licence,
        domain=domain,
        contact=contact,
    )
    artifact = replace(artifact, source=source)
    artifact.write(output)
    _print(session, artifact, output)


def _print(session: Session, artifact: EsmArtifact, output: Path) -> None:
    fit = artifact.config.fit

    def human() -> None:
        print_line(one_line(f"The ESM of {artifact.config.task.data_set} is in {output}"))
        if fit is not None:
            print_line(
                f"held-out error {fit.held_out_mse:.3g} against {fit.identity_mse:.3g} without "
                f"a map, on {fit.held_out_rows} rows"
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
