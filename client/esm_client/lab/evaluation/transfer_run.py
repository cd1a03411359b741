"""`run_transfers`: what a ranking is for. Source tasks first, the target afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from esm_client.core.disk import disk_errors
from esm_client.core.errors import Conflict, EsmError
from esm_client.core.progress import Progress, unheard
from esm_client.lab.embedding import Embedder
from esm_client.lab.evaluation.best_model import BestModel
from esm_client.lab.evaluation.finished import TRANSFERS, Finished, OnFinished
from esm_client.lab.evaluation.intermediate import Chain, IntermediateTask, chain_name
from esm_client.lab.evaluation.intermediate_models import IntermediateModels
from esm_client.lab.evaluation.intermediate_rows import IntermediateRows
from esm_client.lab.evaluation.records import SETTINGS, Record, RecordFile
from esm_client.lab.evaluation.split_task import SplitTask
from esm_client.lab.evaluation.transfer import Transfer, transfer
from esm_client.lab.evaluation.transfer_report import (
    IN_SEQUENCE,
    NO_SOURCE,
    TransferReport,
    TransferRow,
)
from esm_client.lab.evaluation.transfer_settings import TransferSettings, how_to_predict
from esm_client.lab.processes.lock import alone
from esm_client.lab.progress import Show, labelled, shown
from esm_client.lab.training.recipe import FineTuneRecipe

WORK = ".transfer"
_HINT = "Name a folder that you may write to."


def run_transfers(
    target: SplitTask,
    embedder: Embedder,
    sources: Sequence[IntermediateTask],
    output: Path,
    *,
    recipe: FineTuneRecipe | None = None,
    seeds: Sequence[int] = (42,),
    sequential: bool = False,
    progress: Show = None,
    on_result: OnFinished = unheard,
) -> TransferReport:
    """Fine-tune on the target without an intermediate task, and after each source task.

    The same recipe and seeds for all. A source task of which there is neither model nor usable
    data is reported with the reason, and stops no other. Each result is on the disk as soon as
    it is known: a run that was killed goes on where it was, and more source tasks or seeds may be
    asked for later. The best model is written to `output`, as `save_source_model` writes it.

    Args:
        sources: the best of the ranking first.
        sequential: fine-tune on all of them too, one after the other, the best last.
        on_result: is told of each fine-tuning on the target as soon as it is over, and kept.

    Raises Conflict where `output` holds something else or results of other settings, what
    `IntermediateRows.check` raises, and what fails without an intermediate task.
    """
    check_output(output)
    rows = IntermediateRows()
    rows.check(sources)
    chosen, work = recipe or FineTuneRecipe(), output / WORK
    with disk_errors(output, _HINT), alone(work):
        records = RecordFile(work, TransferSettings.of(target, embedder, chosen))
        try:
            models = IntermediateModels(work / "sources", embedder, records, rows)
            with shown(progress) as told:
                run = _Run(
                    target, embedder, chosen, seeds, records, models, work, told, on_result
                )  # fmt: skip
                return run.whole(sources, output, sequential=sequential)
        finally:
            records.close()


def check_output(output: Path) -> None:
    """Raise Conflict where a folder holds what is none of ours."""
    with disk_errors(output, _HINT):
        taken = output.exists() and (
            not output.is_dir() or any(path.name != WORK for path in output.iterdir())
        )
        if taken and not (output / WORK / SETTINGS).exists():
            raise Conflict(
                f"{output} exists already.",
                "Name a new `output` directory.",
                parameters=("output",),
            )


@dataclass
class _Line:
    """One row of the report to be: its source tasks, the key of their model, or what fails."""

    chain: Chain
    key: str = ""
    reason: str = ""

    @property
    def name(self) -> str:
        return chain_name(self.chain) or NO_SOURCE


class _Run:
    """What is known, and what is still to be done."""

    def __init__(
        self,
        target: SplitTask,
        embedder: Embedder,
        recipe: FineTuneRecipe,
        seeds: Sequence[int],
        records: RecordFile,
        models: IntermediateModels,
        work: Path,
        progress: Progress,
        on_result: OnFinished,
    ) -> None:
        self._target, self._embedder, self._recipe, self._seeds = target, embedder, recipe, seeds
        self._records, self._work = records, work
        self._progress, self._on_result = progress, on_result
        self._models = models
        self._best = BestModel(work / "models")
        self._lines: list[_Line] = []

    def whole(
        self, sources: Sequence[IntermediateTask], output: Path, *, sequential: bool
    ) -> TransferReport:
        """All transfers, then the best model in its place."""
        self._lines = [self._line(chain) for chain in ((), *((one,) for one in sources))]
        if sequential:
            self._lines.append(self._sequence(sources))
        for line in self._lines:
            if not line.reason:
                self._fine_tune(line)
        report = self._report()
        best = next(line for line in self._lines if line.key == report.best.key)
        seed = report.best.best_seed
        if not self._best.has(best.key, seed):  # with more seeds another one is the best
            self._best.keep(best.key, seed, self._transfer(best, seed), self._embedder)
        told = how_to_predict(self._target, self._embedder)
        self._best.publish(best.key, seed, output, {**report.document(), "prediction": told})
        return report

    def _line(self, chain: Chain) -> _Line:
        """Reads the data that is needed, so that what is wrong with it shows before training."""
        try:
            return _Line(chain, self._models.key(chain))
        except EsmError as error:
            return _Line(chain, reason=str(error))

    def _sequence(self, sources: Sequence[IntermediateTask]) -> _Line:
        """One source task after the other, the best last: those that can be fine-tuned on."""
        chain: Chain = ()
        for source in reversed(sources):
            longer = (*chain, source)
            if not self._line(longer).reason:  # else its own row tells why, or it is a model only
                chain = longer
        if len(chain) < 2:
            wanted = tuple(reversed(sources))
            return _Line(wanted, reason="Fewer than two of them can be fine-tuned on in sequence.")
        return self._line(chain)

    def _fine_tune(self, line: _Line) -> None:
        """All that is missing of one line's results; raises for the baseline only."""
        try:
            for seed in self._seeds:
                known = self._known(line.key)
                if seed in known:
                    continue
                found = self._transfer(line, seed)
                if all(found.performance > one["performance"] for one in known.values()):
                    self._best.keep(line.key, seed, found, self._embedder)
                self._records.add({
                    "what": "transfer", "key": line.key, "seed": seed, "seconds": found.seconds,
                    "performance": found.performance, "metric_name": found.metric_name,
                })  # fmt: skip
                done, total = self._count()
                self._progress(TRANSFERS, done, total)
                self._on_result(Finished(line.name, seed, found.performance, done, total))
        except EsmError as error:
            if not line.chain:
                raise
            line.reason = str(error)
        best = self._report().best
        self._best.forget_others(best.key, best.best_seed)

    def _transfer(self, line: _Line, seed: int) -> Transfer:
        label = line.name if len(line.chain) < 2 else IN_SEQUENCE
        encoder = self._models.encoder(line.chain, labelled(self._progress, label))
        return transfer(
            encoder, self._target, self._recipe, seed=seed,
            progress=labelled(self._progress, f"{label}, seed {seed}"),
            checkpoint=self._work / "checkpoints" / f"{line.key}-{seed}",
        )  # fmt: skip

    def _report(self) -> TransferReport:
        """Of what is known by now."""
        known = (one for one in self._records.known if one["what"] == "transfer")
        metric_name = next(one["metric_name"] for one in known)
        return TransferReport([self._row(line) for line in self._lines], metric_name)

    def _row(self, line: _Line) -> TransferRow:
        names = tuple(one.name for one in line.chain)
        rank = line.chain[0].rank if len(line.chain) == 1 else None
        known = self._known(line.key)
        if line.reason or any(seed not in known for seed in self._seeds):
            return TransferRow(names, rank=rank, reason=line.reason)
        results = [known[seed] for seed in self._seeds]
        return TransferRow(
            names, line.key, rank, self._models.place(line.chain),
            {one["seed"]: one["performance"] for one in results},
            sum(one["seconds"] for one in results), self._models.seconds(line.chain),
            note=self._models.note(line.chain),
        )  # fmt: skip

    def _known(self, key: str) -> dict[int, Record]:
        """Results of a model by seed."""
        known = (one for one in self._records.known if one["what"] == "transfer")
        return {one["seed"]: one for one in known if one["key"] == key}

    def _count(self) -> tuple[int, int]:
        """How many fine-tunings on the target are done, of how many."""
        keys = [line.key for line in self._lines if not line.reason]
        done = sum(seed in self._known(key) for key in keys for seed in self._seeds)
        return done, len(keys) * len(self._seeds)
