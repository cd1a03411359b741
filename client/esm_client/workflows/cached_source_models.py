"""Source models that the registry stores, in this client's cache."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from esm_client.core.disk import disk_errors
from esm_client.core.progress import Progress, silent
from esm_client.core.references import Reference
from esm_client.core.schemas import EsmVersion
from esm_client.core.schemas.source_models import SourceModel
from esm_client.remote.cache.cache import HINT, Cache

if TYPE_CHECKING:
    from esm_client.remote.client import Client


def stored_models(client: "Client", space: str) -> dict[str, SourceModel]:
    """The source models that are stored for the ESMs of a space, by reference.

    Asked for anew each time: a model may be stored long after the ESM was pulled.
    """
    latest = (esm.latest for esm in client.list(space=space))
    return {one.reference: one.source_model for one in latest if one.source_model is not None}


def cached_model(cache: Cache, model: SourceModel) -> Path | None:
    """The folder of a stored source model, if it was pulled before."""
    folder = cache.source_models.directory / _name(model)
    return folder if folder.is_dir() else None


def bytes_of(models: Iterable[SourceModel]) -> int:
    """What pulling them costs."""
    return sum(file.size for model in models for file in model.files.values())


def pull_model(
    client: "Client", version: EsmVersion, model: SourceModel, progress: Progress = silent
) -> Path:
    """Bring the source model of a version into the cache, unless it is there; its folder.

    Raises NotFound, DigestMismatch, ConnectionFailed, StorageFull.
    """
    pinned = str(Reference(version.namespace, version.name, version.digest))
    folders = client.cache.source_models
    with disk_errors(folders.directory, HINT), folders.writing(_name(model)) as folder:
        if not folder.is_dir():
            client.pull_source_model(pinned, folder, _named(progress, version.name))
    return folder


def _named(progress: Progress, name: str) -> Progress:
    """The same, with steps that say which source a file is of."""
    return lambda file, done, total: progress(f"{name}/{file}", done, total)


def _name(model: SourceModel) -> str:
    return model.digest.removeprefix("sha256:")
