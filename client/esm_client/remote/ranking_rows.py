"""How the rows of a ranking read, wherever they are shown."""

from esm_client.core.schemas import RankedEsm, RankingReceipt, SourceTask
from esm_client.core.scoring.margin import TIE_NATS

COLUMNS = ("rank", "reference", "task", "score", "gain", "log BF", "tie")
RIGHT = ("rank", "score", "gain", "log BF")
TIE_MARK = "≈"


def cells(row: RankedEsm) -> tuple[str, ...]:
    """The cells of one row, in the order of COLUMNS."""
    return (
        str(row.rank),
        row.reference,
        task_name(row.task),
        f"{row.score:.4f}",
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


def heading(receipt: RankingReceipt) -> str:
    """What was ranked, in one line."""
    verified = "" if receipt.space_verified else ", space unverified"
    labels = "classes" if receipt.kind == "classification" else "label columns"
    return (
        f"Ranking {receipt.id}: {receipt.pool_size} ESMs of {receipt.space} for "
        f"{receipt.num_rows} rows, {receipt.num_label_columns} {labels}{verified}"
    )


def legend(receipt: RankingReceipt) -> str:
    """What the numbers mean, in one line."""
    return (
        f"score: log evidence per row, to compare within this ranking only. gain: over no "
        f"fine-tuning ({receipt.identity_score:.4f}). log BF: nats against the best; "
        f"{TIE_MARK}: within {TIE_NATS:g} of it, too close to tell apart."
    )
