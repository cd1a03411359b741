"""`transfer`: fine-tune on the best sources of a ranking first, then on a target."""

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from esm_client.core.errors import InvalidInput, SpaceMismatch
from esm_client.core.listed import listed
from esm_client.core.progress import unheard
from esm_client.core.schemas import RankingReceipt
from esm_client.core.shield.source import TargetHashes
from esm_client.lab.build.plan import DataSet
from esm_client.lab.data.options import DataOptions
from esm_client.lab.evaluation.finished import OnFinished
from esm_client.lab.evaluation.split_task import SplitTask, read_target
from esm_client.lab.evaluation.transfer_report import TransferReport, TransferRow
from esm_client.lab.evaluation.transfer_run import check_output, run_transfers
from esm_client.lab.progress import Show, shown
from esm_client.lab.training.recipe import FineTuneRecipe
from esm_client.ranking.cautions import CopiesWarning
from esm_client.workflows.base_models import space_embedder
from esm_client.workflows.connection import connected
from esm_client.workflows.ranked_target import check_ranked
from esm_client.workflows.sources import Given, Places, Wanted, find_sources
from esm_client.workflows.transfer_outcomes import report_outcomes

if TYPE_CHECKING:
    from esm_client.remote.client import Client

TARGET_ROWS = 1000


@dataclass(frozen=True)
class TransferResult:
    """What came of every source task; the best model lies in `path`, with results.json.

    evaluation_rows: rows that performance was measured on. reported: results that the registry
    was told of; None where it was told of none, or not of all. sure: source tasks whose ranks are
    known to be those without copies of the target.
    """

    report: TransferReport
    path: Path
    evaluation_rows: int
    reported: int | None = None
    sure: frozenset[str] = frozenset()

    @property
    def rows(self) -> Sequence[TransferRow]:
        """The baseline first, then the source tasks by rank, then the sequence, if there is one."""
        return self.report.rows

    @property
    def baseline(self) -> TransferRow:
        """Without a source task."""
        return self.report.baseline

    @property
    def best(self) -> TransferRow:
        """The highest mean performance."""
        return self.report.best

    @property
    def failed(self) -> Sequence[TransferRow]:
        """Source tasks that could not be tried, with the reason of each."""
        return self.report.failed

    @property
    def compared(self) -> bool:
        """Whether any source task could be tried."""
        return len(self.failed) < len(self.rows) - 1

    def __repr__(self) -> str:
        return f"{self.report}\nThe model of {self.best.name} is in {self.path}."

    def _repr_html_(self) -> str:
        return self.report._repr_html_()  # pyright: ignore[reportPrivateUsage]


def transfer(
    data: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    ranking: str | None = None,
    sources: str | Sequence[str] = (),
    top: int = 5,
    base_model: str | os.PathLike[str] | None = None,
    source_models: Places | None = None,
    source_data: Places | None = None,
    sequential: bool = False,
    reading: DataOptions | None = None,
    evaluation_rows: int = 1000,
    seeds: Sequence[int] | None = None,
    recipe: FineTuneRecipe | None = None,
    device: str = "auto",
    report: bool = True,
    client: "Client | None" = None,
    progress: Show = None,
    on_note: Callable[[str], None] = unheard,
    on_result: OnFinished = unheard,
) -> TransferResult:
    """Fine-tune on source tasks first, then on your own data, and keep the best model.

    Each source, and none, by the same recipe. The model of a source is the one in
    `source_models`, or the registry's, or it is fine-tuned here from its data. A source that
    cannot be tried stops no other. Interrupted, the same call goes on where it was.

    Args:
        data: the target: a data file, a saved data set or a hub id.
        output: a new folder for the best model and results.json, or that of an earlier call.
        ranking: id of a ranking, of which the best `top` sources (default: 5) are tried.
        sources: references of sources of one space to try instead of those of a ranking.
        base_model: folder of the space's base model; default: where it is known to lie.
        source_models: folders of fine-tuned models by reference.
        source_data: paths or hub ids of data by reference.
        sequential: try all sources one after the other too, the best ranked last.
        reading: how `data` is read; its `limit_rows` (default: 1000) are trained on.
        evaluation_rows: at most so many rows are held out and measured on; of
            `reading.evaluation_split` where that is given.
        seeds: one fine-tuning of each source per seed; default: the seed of `reading`.
        recipe: of the fine-tuning on the target.
        device: torch device of all fine-tuning; default: CUDA, else MPS or the CPU.
        report: tell the registry how each source of the ranking did, and nothing else.
        client: the registry; default: `Client()`.
        progress: None for bars on a terminal, False for none, or what to tell.
        on_note: is told, before any training, what a person should know of data and sources.
        on_result: is told of each fine-tuning on the target as soon as it is over.

    Raises InvalidInput for both or neither of ranking and sources, NotFound, SpaceMismatch,
    InvalidDataset for a target or sources that cannot be used, Conflict for an output that holds
    something else, and what fails without a source task.
    """
    place, references = _place(data), listed(sources)
    if bool(ranking) == bool(references):
        raise InvalidInput(
            "A transfer takes either a ranking or sources.", "Pass `ranking` or `sources`.",
            parameters=("ranking", "sources"),
        )  # fmt: skip
    given, folder = Given.of(source_models, source_data), Path(output)
    check_output(folder)
    with connected(client) as registry, shown(progress) as told:
        # before the data is read: there is such a ranking
        receipt = None if ranking is None else _receipt(registry, ranking)
        told(f"Reading {place}", 0, 1)
        options = reading or DataOptions()
        target = _read(place, options, evaluation_rows)
        told(f"Reading {place}", 1, 1)
        if receipt is not None:
            check_ranked(receipt, target.joined)
        chosen = _chosen(registry, ranking, references, top, target)
        hashes = TargetHashes.of(target.joined.rows)
        found = find_sources(registry, chosen.wanted, given, hashes)
        told("Loading the base model", 0, 1)
        embedder = space_embedder(registry, registry.space(chosen.space), base_model, device)
        told("Loading the base model", 1, 1)
        for sentence in (_described(target), *target.training.notes, *chosen.copies):
            on_note(sentence)
        made = run_transfers(
            target, embedder, found, folder, recipe=recipe, sequential=sequential,
            seeds=seeds or (options.seed,), progress=told, on_result=on_result,
        )  # fmt: skip
        result = TransferResult(made, folder, len(target.evaluation), sure=chosen.sure)
        if ranking is None or not report or not result.compared:
            return result
        reported = report_outcomes(registry, ranking, made, sure=chosen.sure)
        return replace(result, reported=reported)


def _place(data: str | os.PathLike[str]) -> str:
    try:
        return os.fspath(data)
    except TypeError as cause:
        raise InvalidInput(
            f"`data` of a transfer cannot be a {type(data).__name__}.",
            "Pass a path or hub id: rows to measure on are held out as it is read.",
        ) from cause


def _receipt(client: "Client", ranking: str) -> RankingReceipt:
    with warnings.catch_warnings():  # the rows at hand may tell, and then it is looked up again
        warnings.simplefilter("ignore", CopiesWarning)
        return client.ranking(ranking).receipt


def _read(place: str, options: DataOptions, evaluation_rows: int) -> SplitTask:
    told = DataSet(data=place, name=Path(place).name, **dict(options))
    return read_target(told, options.limit_rows or TARGET_ROWS, evaluation_rows)


def _described(target: SplitTask) -> str:
    return (
        f"Target: {target.training.kind}, {len(target.training)} rows to train on, "
        f"{len(target.evaluation)} to measure on."
    )


@dataclass(frozen=True)
class _Chosen:
    """The source tasks to try, the best first, and which were left out as copies of the target.

    sure: those above which, and which themselves, copies would have been found.
    """

    space: str
    wanted: list[Wanted]
    copies: list[str]
    sure: frozenset[str] = frozenset()


def _chosen(
    client: "Client", ranking: str | None, references: Sequence[str], top: int, target: SplitTask
) -> _Chosen:
    if ranking is not None:
        # what was found when it was made, and what the rows at hand tell now
        found = client.ranking(ranking, target_rows=target.joined.rows)
        _ = found.best  # raises NotFound where there is none
        rows = found.top(top)
        wanted = [Wanted.of(row.reference, row.digest, row.rank) for row in rows]
        copies = [f"Left out, a copy of your rows: {row.reference}" for row in found.left_out]
        return _Chosen(found.receipt.space, wanted, copies, frozenset(found.sure_ranks))
    details = [client.show(reference) for reference in references]
    spaces = sorted({detail.space for detail in details})
    if len(spaces) > 1:
        raise SpaceMismatch(
            f"The sources are of {len(spaces)} spaces: {', '.join(spaces)}.",
            "Name sources of one space: they start from the same base model.",
        )
    wanted = [Wanted.of(detail.reference, detail.digest) for detail in details]
    return _Chosen(spaces[0], wanted, [])
