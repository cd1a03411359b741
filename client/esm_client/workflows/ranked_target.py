"""Whether what `transfer` trains on is what a ranking was made for."""

import warnings
from typing import TYPE_CHECKING

from esm_client.core.errors import InvalidInput
from esm_client.core.schemas import RankingReceipt
from esm_client.core.scoring.labels import label_columns
from esm_client.core.warnings import EsmWarning

if TYPE_CHECKING:
    from esm_client.lab.data.task import TextTask


def check_ranked(receipt: RankingReceipt, task: "TextTask") -> None:
    """Raise InvalidInput where kind or number of classes differ; warn of other names of classes.

    The results would be reported for a ranking that they do not belong to.
    """
    name = task.source_task.data_set
    hint = f"Rank {name} itself, or try sources without a ranking: pass `sources`."
    if task.kind != receipt.kind:
        raise InvalidInput(
            f"The ranking {receipt.id} is of a {receipt.kind} target; {name} is a {task.kind} "
            "data set.",
            hint,
            parameters=("ranking",),
        )
    if task.kind != "classification":
        return
    columns = label_columns(task.labels, kind="classification")
    found, ranked = len(columns.class_names), receipt.num_label_columns
    if found != ranked:
        raise InvalidInput(
            f"The ranking {receipt.id} is of a target with {ranked} "
            f"class{'' if ranked == 1 else 'es'}; the {len(task)} rows of {name} that are used "
            f"here have {found}.",
            f"{hint} For rare classes, draw as many rows as it was ranked with: `limit_rows`, "
            "`evaluation_rows`.",
            parameters=("ranking",),
        )
    if columns.label_map_digest != receipt.label_map_digest:
        warnings.warn(
            f"the classes of {name} have other names than those of the target that the ranking "
            f"{receipt.id} was made for; check that it is of this data.",
            EsmWarning,
            stacklevel=2,
        )
