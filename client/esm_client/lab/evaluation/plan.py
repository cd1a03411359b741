"""What a grid holds: sources, targets, seeds, and how much of each."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from esm_client.core.artifact.manifest import digest_file
from esm_client.core.errors import InvalidInput
from esm_client.core.references import check_name
from esm_client.core.views import SpaceViews
from esm_client.lab.base_model import find_base_model
from esm_client.lab.build.plan import (
    DIGESTED,
    BaseModelChoice,
    DataSet,
    Plan,
    Strict,
    check_replaced,
)
from esm_client.lab.evaluation.records import FREE
from esm_client.lab.probes import RECIPE, check_probes
from esm_client.lab.selection.ranking import METHODS, make_methods
from esm_client.lab.training.fit.recipe import WIDE_RANK
from esm_client.lab.views import views_of_folder

Seed = Annotated[int, Field(ge=0)]


class EvaluationPlan(Strict):
    """Every source with every target, once per seed.

    Sources are fine-tuned by their own settings, targets by theirs. A seed is that of head,
    batches, dropout and held-out rows; the rows of sources and targets stay the same.
    """

    sources: tuple[DataSet, ...]
    targets: tuple[DataSet, ...]
    base_model: BaseModelChoice
    seeds: tuple[Seed, ...] = (0,)
    target_rows: Annotated[int, Field(ge=20)] = 1000
    evaluation_rows: Annotated[int, Field(ge=20)] = 1000
    methods: tuple[str, ...] = tuple(METHODS)
    keep_models: bool = False
    """Keep source models, instead of removing each when nothing needs it any more."""

    @classmethod
    def of(
        cls, sources: Plan, targets: Plan, base_model: str | None = None, **settings: object
    ) -> "EvaluationPlan":
        """From a plan of source tasks and one of targets; the base model as the sources' says.

        Raises InvalidInput for names that occur twice, no or several base models, and methods
        that are none.
        """
        models = sources.base_models or targets.base_models
        if base_model is not None:
            check_replaced(models)
            models = (BaseModelChoice(model=base_model),)
        if len(models) != 1:
            raise InvalidInput(
                f"The plan names {len(models)} base models.",
                "A grid is of one: name it with `base_model`, or as [[base_model]] in the plan.",
                parameters=("base_model",),
            )
        try:
            plan = cls(sources=sources.data, targets=targets.data, base_model=models[0], **settings)  # pyright: ignore[reportArgumentType]
        except ValidationError as cause:
            problem = cause.errors(include_url=False)[0]
            raise InvalidInput(
                f"{problem['loc'][0]} is {str(problem['input'])[:80]}: {problem['msg'].lower()}.",
                "Choose another value.",
            ) from cause
        check_probes(plan.base_model.probes, plan.views)  # before any training
        make_methods(plan.methods)
        for what, data in (("sources", plan.sources), ("targets", plan.targets)):
            names = [check_name(one.name) for one in data]
            if any(one.patience is not None for one in data) and what == "targets":
                raise InvalidInput(
                    "A target of the plan has patience, which would choose the epoch on the very "
                    "rows that are measured.",
                    "Leave patience out.",
                )
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise InvalidInput(f"Two {what} are called {twice!r}.", "Rename one of them.")
            if not names:
                raise InvalidInput(f"There are no {what}.", "Name at least one data set.")
        return plan

    @property
    def views(self) -> SpaceViews | None:
        """Of the base model that was chosen; raises as `views_of_folder` does."""
        choice = self.base_model
        return views_of_folder(choice.asked_views, find_base_model(choice.model).folder)

    @property
    def digest(self) -> str:
        """Of everything that results depend on, the files of data and base model included."""
        places = [one.data for one in (*self.sources, *self.targets)]
        if self.base_model.probe is not None:
            places.append(self.base_model.probe)
        files = [path for place in places for path in _files(place)]
        known = [
            self.model_dump_json(exclude=FREE, context=DIGESTED),
            find_base_model(self.base_model.model).weight_digest,
            *map(digest_file, files),
        ]
        if (views := self.views) is not None:
            known += [views.model_dump_json(), RECIPE, str(WIDE_RANK)]
        return f"sha256:{sha256(json.dumps(known).encode()).hexdigest()}"


def _files(data: str) -> list[Path]:
    """The local files of a data set; none of a hub's."""
    path = Path(data)
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if one.is_file())
    return [path] if path.is_file() else []
