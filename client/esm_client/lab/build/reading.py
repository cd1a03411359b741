"""Reading a data set as a plan asks for it."""

import warnings

from esm_client.core.warnings import EsmWarning
from esm_client.lab.build.plan import DataSet
from esm_client.lab.data.loading import read_task
from esm_client.lab.data.task import TextTask


def read_data_set(data: DataSet) -> tuple[TextTask, list[str]]:
    """The task, and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EsmWarning)
        task = read_task(data.data, data, name=data.name)
    return task, [str(one.message) for one in caught if one.category is EsmWarning]
