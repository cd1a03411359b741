"""Source models that the registry stores, for the methods that need some."""

import warnings
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from esm_client.core.errors import ConnectionFailed, EsmError, StorageFull
from esm_client.core.progress import Progress
from esm_client.core.quantities import counted, size
from esm_client.core.schemas import EsmVersionDetail
from esm_client.core.schemas.source_models import SourceModel
from esm_client.core.warnings import EsmWarning
from esm_client.lab.selection.choice import OF_CLASSIFIERS, OF_MODELS
from esm_client.ranking.source_pool import SourcePool
from esm_client.remote.cache.cache import Cache
from esm_client.remote.config.settings import default_cache_dir
from esm_client.workflows.cached_source_models import (
    bytes_of,
    cached_model,
    pull_model,
    stored_models,
)
from esm_client.workflows.connection import connected

if TYPE_CHECKING:
    from esm_client.remote.client import Client


def stored_folders(
    client: "Client | None", pool: SourcePool, asked: Sequence[str], named: Container[str],
    progress: Progress, on_note: Callable[[str], None],
) -> dict[str, Path]:  # fmt: skip
    """Folders of stored source models by reference, pulled where a method was asked for by name.

    asked: the names of methods as they were given. named: sources whose models are here already.
    Where the registry cannot be asked, EsmWarning says so, and those of earlier runs are taken.
    """
    methods = OF_MODELS & set(asked)
    if not methods:
        return {}
    try:
        with connected(client) as used:
            models = stored_models(used, pool.name)
            wanted = [
                detail
                for detail in pool.versions
                if detail.reference in models and detail.reference not in named
                if not methods <= OF_CLASSIFIERS or detail.task.kind == "classification"
            ]
            _say_size(used, [models[detail.reference] for detail in wanted], on_note)
            return _pulled(used, wanted, models, progress)
    except EsmError as error:
        _warn(f"no source model could be pulled: {error}")
        return _cached(client, pool)


def _pulled(
    client: "Client", wanted: Sequence[EsmVersionDetail], models: dict[str, SourceModel],
    progress: Progress,
) -> dict[str, Path]:  # fmt: skip
    found: dict[str, Path] = {}
    for detail in wanted:
        try:
            model = models[detail.reference]
            found[detail.reference] = pull_model(client, detail, model, progress)
        except (ConnectionFailed, StorageFull) as error:  # the others would fare no better
            _warn(f"not all source models could be pulled: {error}")
            break
        except EsmError as error:  # of this one; the others may be whole
            _warn(f"the source model of {detail.reference}: {error}")
    return found


def _cached(client: "Client | None", pool: SourcePool) -> dict[str, Path]:
    """Those of earlier runs, as far as the pulled space knew of them."""
    cache = Cache(default_cache_dir()) if client is None else client.cache
    known = {
        detail.reference: cached_model(cache, detail.source_model)
        for detail in pool.versions
        if detail.source_model is not None
    }
    return {reference: folder for reference, folder in known.items() if folder is not None}


def _say_size(
    client: "Client", models: Sequence[SourceModel], on_note: Callable[[str], None]
) -> None:
    missing = {m.digest: m for m in models if cached_model(client.cache, m) is None}
    if missing:
        on_note(
            f"Pulling {counted(len(missing), 'source model')}, {size(bytes_of(missing.values()))}, "
            f"into the cache {client.cache.directory}."
        )


def _warn(text: str) -> None:
    warnings.warn(text, EsmWarning, stacklevel=3)
