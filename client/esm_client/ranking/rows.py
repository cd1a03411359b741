"""How the rows of a ranking read, wherever they are shown."""

from collections.abc import Sequence
from typing import Protocol

from esm_client.core.schemas import RankedEsm, RankingReceipt, Source, SourceTask
from esm_client.core.scoring.margin import TIE_NATS
from esm_client.core.shield.overlap import Overlap
from esm_client.ranking.shield import ShieldReport

COLUMNS = ("rank", "reference", "task", "score", "gain", "log BF", "tie")
RIGHT = ("rank", "score", "gain", "log BF", "shares")
TIE_MARK = "≈"
SHARES, GROUP = "shares", "group"
SHOW, PULL_MODEL = "Client.show({!r})", "Client.pull_source_model({!r}, folder)"
"""Templates of what shows an ESM, and of what gets its source model."""


class Named(Protocol):
    """A source, by its reference."""

    @property
    def reference(self) -> str: ...  # noqa: D102


class Obtainable(Named, Protocol):
    """A source, and what is known of how to get it."""

    @property
    def source(self) -> Source: ...  # noqa: D102
    @property
    def has_source_model(self) -> bool: ...  # noqa: D102


def columns(shield: ShieldReport) -> tuple[str, ...]:
    """The names of the columns: those of the shield only where it has something to show."""
    shares = (SHARES,) if shield.overlaps else ()
    group = (GROUP,) if shield.groups else ()
    return (*COLUMNS, *shares, *group)


def cells(row: RankedEsm, shield: ShieldReport) -> tuple[str, ...]:
    """The cells of one row, in the order of `columns`."""
    found, number = shield.overlaps.get(row.reference), shield.group_of(row.reference)
    extra = {
        SHARES: "" if found is None else percent(found),
        GROUP: "" if number is None else group_name(number),
    }
    return (*_cells(row), *(extra[name] for name in columns(shield) if name in extra))


def percent(found: Overlap) -> str:
    """A share of the target, with its interval where it is an estimate."""
    low, high = (f"{100 * bound:.0f}" for bound in found.interval)
    return f"{100 * found.share:.0f} %" if low == high else f"{low}-{high} %"


def group_name(number: int) -> str:
    """A, B, ... Z, AA: near-duplicates have the same."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def shield_notes(shield: ShieldReport, left_out: Sequence[Named]) -> list[str]:
    """What the shield found, in a line each."""
    notes = [
        f"Left out: {row.reference} holds {percent(shield.overlaps[row.reference])} of your rows."
        for row in left_out
    ]
    if shield.overlaps:
        notes.append(f"{SHARES}: how much of your data the source holds; its score flatters it.")
    if shield.groups:
        notes.append(f"{GROUP}: sources of one letter hold each other's rows, or the same map.")
    if shield.num_unknown and shield.num_compared:
        notes.append(f"{shield.num_unknown} sources could not be compared with your data.")
    return notes


def _cells(row: RankedEsm) -> tuple[str, ...]:
    return (
        str(row.rank) + ("" if row.rank_range is None else " ({}-{})".format(*row.rank_range)),
        row.reference
        + (f" [{row.space}]" if row.space else "")
        + (" (yanked)" if row.yank else " (deleted)" if row.deleted else ""),
        task_name(row.task),
        f"{row.score:.4f}" + (f" ± {row.standard_error:.4f}" if row.standard_error else ""),
        f"{row.gain:+.4f}",
        f"{row.log_bayes_factor:.1f}",
        TIE_MARK if row.tied and row.rank > 1 else "",
    )


def task_name(task: SourceTask) -> str:
    """The data set, its subset and its columns, as short as they can be told apart."""
    data_set = task.data_set if task.subset is None else f"{task.data_set} ({task.subset})"
    if not task.label_column:
        return data_set
    return f"{data_set}: {'+'.join(task.text_columns) or 'text'} → {task.label_column}"


def how_to_get(row: Obtainable, *, show: str = SHOW, pull_model: str = PULL_MODEL) -> list[str]:
    """How to get what a row stands for, in two lines.

    show, pull_model: templates of what shows an ESM, and of what gets its source model.
    """
    source = row.source
    data = source.location or (f"ask {source.contact}" if source.contact else "")
    revision = f" at {source.revision}" if source.revision else ""
    licence = source.licence or "licence unknown"
    name = row.reference.partition("@")[0]
    where = (
        f"{data}{revision} ({licence})" if data else f"location unknown; see {show.format(name)}"
    )
    model = how_to_get_the_model(row.reference, source, row.has_source_model, pull_model)
    return [f"Its data set: {where}", f"Its source model: {model or 'not shared'}"]


def how_to_get_the_model(
    reference: str, source: Source, stored: object, pull_model: str = PULL_MODEL
) -> str:
    """How, or from where, to get a source model; empty where there is none."""
    return pull_model.format(reference) if stored else source.source_model or ""


def heading(receipt: RankingReceipt) -> str:
    """What was ranked, in one line."""
    verified = "" if receipt.space_verified else ", space unverified"
    labels = "classes" if receipt.kind == "classification" else "label columns"
    return (
        f"Ranking {receipt.id}: {receipt.pool_size} ESMs of {receipt.space} for "
        f"{receipt.num_rows} rows, {receipt.num_label_columns} {labels}{verified}{how(receipt)}"
    )


def how(receipt: RankingReceipt) -> str:
    """How the pool was scored, where not all of it was scored exactly."""
    if receipt.mode == "screened" and receipt.num_exact < receipt.pool_size:
        return f"; {receipt.num_exact} scored exactly, the others within {receipt.margin:.1g}"
    if receipt.mode != "prefiltered":
        return ""
    known = receipt.prefilter_recall
    recall = (
        "its recall is not known yet" if known is None else f"recall of the five best {known:.0%}"
    )
    return f"; an index chose {receipt.num_exact} of them to score ({recall})"


def legend(receipt: RankingReceipt) -> str:
    """What the numbers mean, in one line."""
    best = receipt.rows[0] if receipt.rows else None
    measured = best is not None and best.standard_error is not None
    near = "two standard errors of the difference" if measured else f"{TIE_NATS:g}"
    several = best is not None and best.space is not None
    base = "with its base model" if several else f"({receipt.identity_score:.4f})"
    errors = ""
    if any(row.standard_error is not None for row in receipt.rows):
        errors = " ±: standard error, alike for all rows in large part; (a-b): ranks it may have."
    return (
        f"score: log evidence per row, to compare within this ranking only. gain: over no "
        f"fine-tuning {base}. log BF: nats against the best; "
        f"{TIE_MARK}: within {near} of it, too close to tell apart.{errors}"
    )


def skipped_note(receipt: RankingReceipt) -> list[str]:
    """How many ESMs could not be scored, and why the first could not, in one line if any."""
    if not receipt.skipped:
        return []
    first, many = receipt.skipped[0], len(receipt.skipped)
    counted = "1 ESM" if many == 1 else f"{many} ESMs"
    return [f"{counted} could not be scored; {first.reference}: {first.reason}"]
