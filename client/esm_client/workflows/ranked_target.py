"""Whether what `transfer` trains on is what a ranking was made for."""

from typing import TYPE_CHECKING

from esm_client.cli.output import print_error
from esm_client.core.errors import InvalidInput
from esm_client.core.quantities import counted
from esm_client.core.schemas import RankingReceipt
from esm_client.core.scoring.labels import label_columns

if TYPE_CHECKING:
    from esm_client.lab.data.task import TextTask


def check_ranked(receipt: RankingReceipt, task: "TextTask") -> None:
    """Raise InvalidInput where kind or number of classes differ; warn of other names of classes.

    Its results would be told of a ranking that they do not belong to.
    """
    name = task.source_task.data_set
    hint = "Rank {name} itself, or try sources without a ranking, by --source."
    if task.kind == "classification" == receipt.kind:
        columns = label_columns(task.labels, kind="classification")
        found = len(columns.class_names)
        if found != receipt.num_label_columns:
            raise InvalidInput(
                f"The ranking {receipt.id} is of a target with "
                f"{counted(receipt.num_label_columns, 'class', 'classes')}; the {len(task)} rows "
                f"of {name} that are used here have {found}.",
                f"{hint.format(name=name)} For rare classes, draw as many rows as it was ranked "
                "with: --limit-rows, --evaluation-rows.",
            )
        if columns.label_map_digest != receipt.label_map_digest:
            print_error(
                f"warning: the classes of {name} have other names than those of the target that "
                f"the ranking {receipt.id} was made for; check that it is of this data."
            )
    elif task.kind != receipt.kind:
        raise InvalidInput(
            f"The ranking {receipt.id} is of a {receipt.kind} target; {name} is a {task.kind} "
            "data set.",
            hint.format(name=name),
        )
