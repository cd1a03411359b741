"""Options of the commands that train many models in processes of their own."""

from typing import Annotated

import typer

Epochs = Annotated[
    int | None,
    typer.Option("--epochs", min=1, metavar="N", help="Epochs of every fine-tuning; default: 3."),
]
Devices = Annotated[
    list[str] | None,
    typer.Option(
        "--device", metavar="NAME", help="cuda:0 and so on; repeat. Default: every GPU, or the CPU."
    ),
]
WorkerCount = Annotated[
    int | None,
    typer.Option("--workers", min=1, metavar="N", help="Processes per device; default: 1."),
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, metavar="N", help="CPU threads per process.")
]
