"""Whether the data of a grid can be used, before anything is trained."""

from collections.abc import Callable

from esm_client.core.errors import EsmError, InvalidDataset
from esm_client.lab.build.plan import DataSet
from esm_client.lab.build.reading import read_data_set
from esm_client.lab.evaluation.plan import EvaluationPlan
from esm_client.lab.evaluation.split_task import read_target


def check_data(plan: EvaluationPlan, tell: Callable[[str], None]) -> None:
    """Read every target and every source once.

    tell: hears what is wrong with each that cannot be used, where there are several. Raises
    InvalidDataset where there is one.
    """
    problems: dict[str, EsmError] = {}

    def read(what: str, data: DataSet, reader: Callable[[DataSet], object]) -> None:
        try:
            reader(data)
        except EsmError as error:
            problems[f"the {what} {data.name}"] = error

    for target in plan.targets:
        read("target", target, lambda one: read_target(one, plan.target_rows, plan.evaluation_rows))
    for source in plan.sources:
        read("source", source, read_data_set)
    for name, error in problems.items():
        if len(problems) == 1:
            raise InvalidDataset(
                f"{_upper(name)} cannot be used: {error.message}",
                error.hint,
                parameters=error.parameters,
                **error.facts,
            )
        tell(f"{name}: {error}")
    if problems:
        raise InvalidDataset(
            f"{len(problems)} data sets cannot be used; nothing was trained.",
            "Correct them, or take them out: what results rest on must not change later.",
        )


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]
