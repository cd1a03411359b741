"""What a worker is asked for, and what it tells of a data set."""

from pathlib import Path
from typing import Literal

from esm_client.lab.build.plan import BaseModelChoice, DataSet, Strict

WORKER = "esm_client.lab.build.worker"
"""The module that takes these requests."""


class ReadRequest(Strict):
    """Read a data set; the answer is its DataFacts."""

    do: Literal["read"] = "read"
    data: DataSet


class BuildRequest(Strict):
    """Build an ESM into its folder below `output`."""

    do: Literal["build"] = "build"
    data: DataSet
    base_model: BaseModelChoice
    space: str
    model_key: str
    output: Path


class DataFacts(Strict):
    """What is known of a data set that can be read. columns: of texts, then of labels."""

    rows: int
    rows_digest: str
    kind: str
    columns: list[str]
    notes: list[str]
