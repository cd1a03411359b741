"""The rows of source tasks."""

from collections.abc import Sequence

from esm_client.core.errors import EsmError, InvalidDataset
from esm_client.lab.build.reading import read_data_set
from esm_client.lab.data.task import TextTask
from esm_client.lab.evaluation.intermediate import IntermediateTask


class IntermediateRows:
    """Reads each source task once."""

    def __init__(self) -> None:
        self._tasks: dict[str, TextTask] = {}

    def task(self, source: IntermediateTask) -> TextTask:
        """The rows of a source task.

        Raises InvalidDataset where there are none, with what to do about it.
        """
        if source.name not in self._tasks:
            if source.data is None:
                raise InvalidDataset(
                    source.missing or f"{source.name} came without data.", source.remedy
                )
            try:
                self._tasks[source.name], _ = read_data_set(source.data.data)
            except EsmError as cause:
                raise InvalidDataset(
                    f"The data of {source.name} cannot be used: {cause.message}",
                    cause.hint if source.is_named else source.remedy,
                ) from cause
        return self._tasks[source.name]

    def check(self, sources: Sequence[IntermediateTask]) -> None:
        """Raise InvalidDataset, before any work, for what can only disappoint.

        That is data which the user named and which cannot be used, and sources of which there is
        neither a model nor usable data, all of them.
        """
        problems: list[EsmError] = []
        for source in sources:
            try:
                if source.is_named or source.model is None:
                    self.task(source)
            except EsmError as error:
                if source.is_named:
                    raise
                problems.append(error)
        if problems and len(problems) == len(sources):
            first = problems[0]
            none = f"None of the {len(sources)} source tasks can be tried. "
            raise InvalidDataset(
                f"{none if len(sources) > 1 else ''}{first.message}",
                first.hint,
                parameters=first.parameters,
                **first.facts,
            )
