"""Reading a data set as a plan asks for it."""

import warnings

from esm_client.lab.build.plan import DataSet
from esm_client.lab.data.loading import load_task
from esm_client.lab.data.task import TextTask


def read_data_set(data: DataSet) -> tuple[TextTask, list[str]]:
    """The task, and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        task = load_task(
            data.data,
            text_columns=data.text_columns,
            label_column=data.label_column,
            kind=data.kind,
            limit_rows=data.limit_rows,
            seed=data.seed,
            subset=data.subset,
            split=data.split,
            revision=data.data_revision,
            streaming=data.streaming,
            delimiter=data.delimiter,
            unlabelled=data.unlabelled,
            accept_doubts=data.accept_doubts,
            name=data.name,
            language=data.language,
        )
    return task, [str(warning.message) for warning in caught if warning.category is UserWarning]
