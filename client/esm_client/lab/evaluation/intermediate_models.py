"""Models after one or more source tasks: fetched, or fine-tuned once and kept in a folder."""

import copy
import json
import shutil
import time
from hashlib import sha256
from pathlib import Path

from esm_client.core.progress import Progress
from esm_client.lab.embedding import Embedder
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.evaluation.intermediate import Chain, IntermediateTask, SourceData
from esm_client.lab.evaluation.intermediate_rows import IntermediateRows
from esm_client.lab.evaluation.records import RecordFile
from esm_client.lab.training.finetune import fine_tune
from esm_client.lab.training.source_model import load_source_model, save_source_model
from esm_client.lab.training.train import split_rows

BASE = "base"


class IntermediateModels:
    """The models that targets are fine-tuned from.

    A source task is fine-tuned on as its ESM was: the same recipe, seed and held-out rows, so
    that the same rows give the model that the ESM imitates.
    """

    def __init__(
        self, folder: Path, embedder: Embedder, records: RecordFile, rows: IntermediateRows
    ) -> None:
        self._folder, self._embedder, self._records = folder, embedder, records
        self._rows = rows

    def key(self, chain: Chain) -> str:
        """What a model depends on: equal keys, equal models. Raises as `IntermediateRows.task`."""
        if not chain:
            return BASE
        text = json.dumps([self._link(source, place) for place, source in enumerate(chain)])
        return sha256(text.encode()).hexdigest()[:16]

    def place(self, chain: Chain) -> str:
        """Where a model comes from, in words."""
        if not chain:
            return "base model"
        first = chain[0].model
        tuned = [source for place, source in enumerate(chain) if place or first is None]
        rows = sum(len(self._rows.task(source)) for source in tuned)
        data = _name(tuned[0]) if len(tuned) == 1 else f"{len(tuned)} data sets"
        then = f"fine-tuned on {data} ({rows} rows)" if tuned else ""
        return ", ".join(part for part in ("" if first is None else first.place, then) if part)

    def note(self, chain: Chain) -> str:
        """What is odd about the rows that a chain is fine-tuned on; empty for nothing."""
        odd = [source.name for place, source in enumerate(chain) if self._differs(source, place)]
        return f"Other rows than those of the ESM: {', '.join(odd)}." if odd else ""

    def encoder(self, chain: Chain, progress: Progress) -> TextEncoder:
        """The model after a chain; the next run finds it here again.

        Raises what reading, fetching, loading and fine_tune raise.
        """
        if not chain:
            return self._embedder.encoder
        key, started = self.key(chain), time.perf_counter()
        folder = self._folder / key
        if not folder.exists():
            model = chain[0].model
            if len(chain) == 1 and model is not None:
                folder = model.fetch(folder, progress)
            else:
                before = self.encoder(chain[:-1], progress)
                started = time.perf_counter()  # what came before has seconds of its own
                self._fine_tune(before, chain[-1], folder, progress)
            if key not in self._known_seconds():
                seconds = time.perf_counter() - started
                self._records.add({"what": "source", "key": key, "seconds": seconds})
        return load_source_model(folder, self._embedder)

    def seconds(self, chain: Chain) -> float:
        """How long it took to get the model of a chain, with all that it rests on."""
        keys = {self.key(chain[:end]) for end in range(1, len(chain) + 1)}
        return sum(seconds for key, seconds in self._known_seconds().items() if key in keys)

    def _known_seconds(self) -> dict[str, float]:
        known = self._records.known
        return {one["key"]: one["seconds"] for one in known if one["what"] == "source"}

    def _link(self, source: IntermediateTask, place: int) -> list[object]:
        if place == 0 and source.model is not None:
            return ["model", source.model.digest]
        task, data = self._rows.task(source), _data(source)
        return ["data", task.source_task.rows_digest, task.kind, vars(data.recipe), data.seed]

    def _differs(self, source: IntermediateTask, place: int) -> bool:
        if (place == 0 and source.model is not None) or source.data is None:
            return False
        known = source.data.rows_digest
        return known is not None and known != self._rows.task(source).source_task.rows_digest

    def _fine_tune(
        self, start: TextEncoder, source: IntermediateTask, folder: Path, progress: Progress
    ) -> None:
        """Fine-tune a copy of a model on a source task into a new folder, whole or not at all."""
        task, data = self._rows.task(source), _data(source)
        held_out, _ = split_rows(len(task), data.seed)
        encoder = start.with_model(copy.deepcopy(start.model))
        tuned = fine_tune(
            encoder, task, data.recipe, held_out=held_out, seed=data.seed, progress=progress,
            checkpoint=folder.with_name(f"{folder.name}.checkpoint"),
        )  # fmt: skip
        staging = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(staging, ignore_errors=True)
        save_source_model(staging, tuned, encoder, task)
        staging.rename(folder)


def _name(source: IntermediateTask) -> str:
    """The file's name, or the hub id."""
    place = _data(source).data.data
    return Path(place).name if Path(place).exists() else place


def _data(source: IntermediateTask) -> SourceData:
    assert source.data is not None  # noqa: S101 - `task` has looked
    return source.data
