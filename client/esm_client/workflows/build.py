"""`build`: the ESMs of many data sets, and publishing them."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from esm_client.core.errors import Conflict, InvalidInput
from esm_client.core.listed import listed
from esm_client.core.progress import unheard
from esm_client.core.schemas import SpaceDetail
from esm_client.lab.build.build import OnBuilt, Push, build_plan
from esm_client.lab.build.jobs import make_jobs
from esm_client.lab.build.plan import BaseModelChoice, Plan, check_replaced
from esm_client.lab.build.report import BuildReport, BuildRow
from esm_client.lab.progress import Show
from esm_client.workflows.connection import connected

if TYPE_CHECKING:
    from esm_client.remote.client import Client


def build(
    plan: str | os.PathLike[str] | Plan,
    output: str | os.PathLike[str],
    *,
    base_models: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    base_model_name: str | None = None,
    spaces: str | Sequence[str] = (),
    push: str | None = None,
    limit_rows: int | None = None,
    epochs: int | None = None,
    devices: str | Sequence[str] = (),
    workers: int | None = None,
    threads: int | None = None,
    dry_run: bool = False,
    force: bool = False,
    client: "Client | None" = None,
    progress: Show = None,
    on_result: OnBuilt = unheard,
) -> BuildReport:
    """Build what is missing of the ESMs of many data sets into `output`/SPACE/NAME.

    Goes on where an earlier call was broken off; an ESM that fails stops no other.

    Args:
        plan: a plan, its .toml file, or a folder or file of data, which is a plan by itself.
        base_models: folders or hub ids to build for instead of those of the plan.
        base_model_name: what others call the one base model: `org/name`.
        spaces: spaces of the registry to build for, each with its own base model; the folder
            of each is in `base_models`, in the same order, or known on this machine.
        push: the namespace in which each ESM is published as soon as it is built.
        limit_rows, epochs: of every data set, whatever the plan says.
        devices: torch devices; default: every CUDA device, else MPS or the CPU.
        workers: processes per device. threads: CPU threads of each.
        dry_run: read the data sets, and build nothing.
        force: publish what is worse than no map, too.
        client: the registry, where one is needed; default: `Client()`.
        progress: None for bars on a terminal, False for none, or what to tell, from threads.
        on_result: told of each ESM that is built, or is not.

    Raises InvalidInput for a plan that cannot be used, NotFound for a space, Unauthorized,
    Conflict where another run is at work in `output`, or an ESM of that name belongs to another
    space.
    """
    folders, names = [os.fspath(one) for one in listed(base_models)], listed(spaces)
    known: list[SpaceDetail] = []
    if base_model_name is not None and len(folders) != 1:
        raise InvalidInput(
            "base_model_name names one base model.", "Pass one in `base_models`.",
            parameters=("base_model_name",),
        )  # fmt: skip
    wanted = plan if isinstance(plan, Plan) else Plan.read(Path(plan))
    wanted = wanted.with_settings(limit_rows=limit_rows, epochs=epochs)
    is_pushed = push is not None and not dry_run
    with ExitStack() as stack:
        models = [BaseModelChoice(model=folder, name=base_model_name) for folder in folders]
        registry = stack.enter_context(connected(client)) if names or is_pushed else None
        if registry is not None and names:
            known = [registry.space(name) for name in names]
            models = _models_of(registry, known, folders)
        if models:
            check_replaced(wanted.base_models)
            wanted = wanted.model_copy(update={"base_models": tuple(models)})
        publish: Push | None = None
        if registry is not None and push is not None and is_pushed:
            registry.whoami()  # before hours of work: address, token and names are right
            _check_names(registry, push, wanted, known)
            publish = _pusher(registry, push, known, force=force)
        return build_plan(
            wanted, Path(output), devices=listed(devices), workers=workers, threads=threads,
            push=publish, force=force, dry_run=dry_run, progress=progress, on_result=on_result,
        )  # fmt: skip


def _models_of(
    client: "Client", spaces: Sequence[SpaceDetail], folders: Sequence[str]
) -> list[BaseModelChoice]:
    from esm_client.remote.config.base_models import base_models_file, find_folder

    found: list[BaseModelChoice] = []
    for place, space in enumerate(spaces):
        named = folders[place] if place < len(folders) else None
        found.append(
            BaseModelChoice(
                model=find_folder(base_models_file(), client.url, space, named, "base_models"),
                name=space.identity.base_model,
                pooling=space.identity.pooling,
                max_length=space.identity.max_length,
                separator=space.identity.separator,
                views=space.identity.views or "none",
            )
        )
    return found


def _check_names(
    client: "Client", namespace: str, plan: Plan, spaces: Sequence[SpaceDetail]
) -> None:
    """Raise Conflict for what would be built, and then be refused: an ESM keeps to its space."""
    names = _names(spaces)
    taken = {esm.name: esm.latest.space for esm in client.list(namespace=namespace)}
    for job in make_jobs(plan):
        space, name = names.get(job.space, job.space), job.data.name
        if taken.get(name, space) != space:
            raise Conflict(
                f"{namespace}/{name} belongs to the space {taken[name]!r}, and would be built for "
                f"{space!r}.",
                "Build it for its own space, or under another name.",
                parameters=("spaces",),
            )


def _names(spaces: Sequence[SpaceDetail]) -> dict[str, str]:
    """What the registry calls spaces, by what a build calls them."""
    return {space.identity.default_name: space.name for space in spaces}


def _pusher(
    client: "Client", namespace: str, spaces: Sequence[SpaceDetail], *, force: bool
) -> Push:
    names = _names(spaces)

    def push(folder: Path, row: BuildRow) -> str:
        space = names.get(row.space)  # else the one that the ESM says
        return client.push(folder, f"{namespace}/{row.name}", space=space, force=force).reference

    return push
