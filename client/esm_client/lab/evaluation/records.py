"""Results of a grid on disk: a line of JSON each as it becomes known, two Parquet files at last."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, cast

from esm_client.core.disk import write_whole
from esm_client.core.errors import Conflict
from esm_client.lab.evaluation.differences import differences
from esm_client.lab.extras import require

Record = dict[str, Any]
RECORDS, SETTINGS = "records.jsonl", "plan.json"
TRANSFERS, SCORES = "transfers.parquet", "scores.parquet"

FREE = {"seeds", "keep_models"}
"""Settings that may differ between runs that share a folder."""


class Settings(Protocol):
    """What results depend on, as pydantic's models tell it; equal digests, equal settings."""

    @property
    def digest(self) -> str: ...  # noqa: D102
    def model_dump(self, *, mode: str = "python") -> dict[str, Any]: ...  # noqa: D102


class RecordFile:
    """What is known already, and where the next result goes.

    Raises Conflict where the folder holds results of another plan.
    """

    def __init__(self, folder: Path, plan: Settings) -> None:
        settings, digest = folder / SETTINGS, plan.digest
        if settings.exists():
            if _content(settings).get("digest") != digest:
                raise _conflict(folder, _content(settings).get("plan"), plan)
        else:
            told = {"digest": digest, "plan": plan.model_dump(mode="json")}
            write_whole(settings, json.dumps(told, indent=2).encode())
        self._path = folder / RECORDS
        self.known = read_records(folder)
        self._file = self._path.open("ab")
        self._file.truncate(_whole_bytes(self._path))  # a last line that a kill cut short

    def add(self, record: Record) -> None:
        """Write one result through to the disk."""
        self._file.write(json.dumps(record).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.known.append(record)

    def close(self) -> None:
        """Write no more."""
        self._file.close()


def read_records(folder: Path) -> list[Record]:
    """All results of a folder; a last line that a kill cut short is passed over."""
    path = folder / RECORDS
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes()[: _whole_bytes(path)].splitlines()]


def _whole_bytes(path: Path) -> int:
    """How many bytes of a file belong to whole lines."""
    return path.read_bytes().rfind(b"\n") + 1


def _content(settings: Path) -> dict[str, Any]:
    """What the file says; nothing, where it cannot be read."""
    try:
        told: Any = json.loads(settings.read_text())
    except ValueError:
        return {}
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {}


def _conflict(folder: Path, before: Any, plan: Settings) -> Conflict:
    """What to say of a folder with results of `before`, which may be anything."""
    now = {key: value for key, value in plan.model_dump(mode="json").items() if key not in FREE}
    known = cast("dict[str, Any]", before) if isinstance(before, dict) else {}
    told = differences({key: value for key, value in known.items() if key not in FREE}, now)
    what = "cannot be read" if not known else told or "the files of data or base model"
    return Conflict(
        f"{folder} holds results of other settings ({what}).", "Name another folder, or these."
    )


def write_tables(folder: Path, records: Iterable[Record]) -> None:
    """Write transfers.parquet and scores.parquet: a row per transfer, and per score and method."""
    parquet, arrow = require("pyarrow.parquet"), require("pyarrow")
    known = list(records)
    transfers = [_without(one, "what") for one in known if one["what"] == "transfer"]
    scores = [row for one in known if one["what"] == "score" for row in _score_rows(one)]
    for name, rows in ((TRANSFERS, transfers), (SCORES, scores)):
        if rows:
            parquet.write_table(arrow.Table.from_pylist(rows), folder / name, compression="zstd")


def read_tables(folder: Path) -> list[Record]:
    """The transfers and scores that `write_tables` wrote, as records again."""
    parquet = require("pyarrow.parquet")
    transfers: list[Record] = parquet.read_table(folder / TRANSFERS).to_pylist()
    found: list[Record] = [{"what": "transfer", **row} for row in transfers]
    pairs: dict[tuple[str, str, int], Record] = {}
    rows: list[Record] = parquet.read_table(folder / SCORES).to_pylist()
    for row in rows:
        pair: Record = {key: row.pop(key) for key in ("source", "target", "seed")}
        empty: Record = {"what": "score", **pair, "methods": {}}
        record = pairs.setdefault((pair["source"], pair["target"], pair["seed"]), empty)
        value = row.pop("value")
        method = row.pop("method")
        record["methods"][method] = {**row, "value": value if len(value) > 1 else value[0]}
    return [*found, *pairs.values()]


def _score_rows(record: Record) -> Iterable[Record]:
    """One per method; numbers by component stay together, so every value is a list."""
    pair = _without(record, "what", "methods")
    for method, cell in record["methods"].items():
        value = cell["value"] if isinstance(cell["value"], list) else [cell["value"]]
        yield {**pair, "method": method, **cell, "value": value}


def _without(record: Record, *keys: str) -> Record:
    return {key: value for key, value in record.items() if key not in keys}
