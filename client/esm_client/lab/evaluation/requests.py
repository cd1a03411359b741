"""What a worker of a grid is asked for."""

from pathlib import Path
from typing import Literal

from esm_client.lab.build.plan import Strict

WORKER = "esm_client.lab.evaluation.worker"
"""The module that takes these requests."""


class TargetRequest(Strict):
    """Fine-tune on a target without an intermediate task. folder: where the grid's plan lies."""

    do: Literal["target"] = "target"
    folder: Path
    name: str
    seed: int


class SourceRequest(Strict):
    """Fine-tune on a source and score it for the targets in `scores`; then train on `transfers`."""

    do: Literal["source"] = "source"
    folder: Path
    name: str
    seed: int
    transfers: list[str]
    scores: list[str]
    keep_models: bool
