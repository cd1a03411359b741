"""One piece of work, and how it is told that it is done already."""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from esm_client.core.artifact.directory import PROVENANCE
from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.errors import InvalidInput
from esm_client.core.limits import MAX_DIMENSION
from esm_client.core.references import check_name
from esm_client.core.spaces import SpaceIdentity
from esm_client.lab.base_model import find_base_model
from esm_client.lab.build.plan import BaseModelChoice, DataSet, Plan
from esm_client.lab.pooling import detect_pooling
from esm_client.lab.probes import RECIPE, ProbeRecipe, check_probes
from esm_client.lab.training.fit.recipe import WIDE_RANK
from esm_client.lab.views import views_of_folder

KEY = "build_key"
FORMAT = 1
"""Grows when the same key would stand for another ESM."""


@dataclass(frozen=True)
class Job:
    """One data set for one base model.

    space: folder of its ESMs, as the server would call the space. model_key: what the ESM
    depends on of the base model.
    """

    data: DataSet
    base_model: BaseModelChoice
    space: str
    model_key: str

    @property
    def label(self) -> str:
        """How it is called in reports."""
        return f"{self.space}/{self.data.name}"

    def folder(self, output: Path) -> Path:
        """Where its ESM lies."""
        return output / self.space / self.data.name

    def key(self, rows_digest: str) -> str:
        """What its ESM depends on: rows, base model and recipes; equal keys give equal ESMs."""
        data = self.data
        source = data.source.model_dump(mode="json")
        told = [data.name, data.language, source, data.shield]
        recipes = [vars(data.recipe), vars(data.fit), data.seed]
        text = json.dumps([FORMAT, rows_digest, self.model_key, recipes, told], sort_keys=True)
        return sha256(text.encode()).hexdigest()

    def is_done(self, output: Path, rows_digest: str) -> bool:
        """Whether its ESM is there, made of the same rows in the same way."""
        return built_key(self.folder(output)) == self.key(rows_digest)


def built_key(folder: Path) -> str | None:
    """The key that an ESM was built with; None without one."""
    try:
        provenance: dict[str, Any] = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return provenance.get(KEY)


def make_jobs(plan: Plan) -> list[Job]:
    """All pieces of a plan, base model by base model; raises InvalidInput for names in doubt."""
    if not plan.base_models:
        raise InvalidInput(
            "The plan names no base model.",
            "Add [[base_model]] with model = FOLDER, or pass `base_models`.",
            parameters=("base_models",),
        )
    names = [check_name(data.name) for data in plan.data]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(
            f"Two data sets of the plan are called {twice!r}.", "Give one of them another name."
        )
    for data in plan.data:
        _ = data.recipe, data.fit  # raises before any work
    jobs: list[Job] = []
    for choice in plan.base_models:
        space, key = _space_of(choice)
        if any(job.space == space for job in jobs):
            raise InvalidInput(
                f"Two base models of the plan give the space {space!r}.", "Give one another name."
            )
        jobs += [Job(data, choice, space, key) for data in plan.data]
    return jobs


def probes_key(probes: ProbeRecipe) -> str:
    """What ESMs depend on of own probe texts."""
    told = json.dumps([probes.own_rows, probes.texts])
    return digest_bytes(told.encode())


def _space_of(choice: BaseModelChoice) -> tuple[str, str]:
    """Name of the space and what identifies it, without loading the model."""
    files = find_base_model(choice.model)
    pooling = choice.pooling or detect_pooling(files.folder)
    name = choice.name or files.name
    known: list[Any] = [name, files.revision, files.weight_digest, files.tokenizer_digest, pooling,
             choice.max_length, choice.separator]  # fmt: skip
    views = views_of_folder(choice.asked_views, files.folder)
    if views is not None:
        known += [views.model_dump(), RECIPE, WIDE_RANK]
    if (probes := choice.probes) is not None:  # raises before any work
        check_probes(probes, views)
        known.append(probes_key(probes))
    identity = SpaceIdentity(  # the width is not in the name
        base_model=name, pooling=pooling, max_length=choice.max_length, dimension=MAX_DIMENSION,
        views=views,
    )  # fmt: skip
    return identity.default_name, json.dumps(known)
