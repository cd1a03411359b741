"""Source models for the methods that need some: named folders, and what the registry stores."""

from collections.abc import Sequence
from pathlib import Path

from esm_client.cli.file_bars import watched
from esm_client.cli.options.session import Session
from esm_client.cli.output import counted, print_error, size
from esm_client.core.errors import ConnectionFailed, EsmError, InvalidInput, StorageFull
from esm_client.core.schemas import EsmVersionDetail
from esm_client.core.schemas.source_models import SourceModel
from esm_client.lab.selection.choice import OF_CLASSIFIERS, OF_MODELS
from esm_client.ranking.source_pool import SourcePool
from esm_client.remote.cache.cache import Cache
from esm_client.remote.client import Client
from esm_client.remote.config.settings import default_cache_dir
from esm_client.workflows.cached_source_models import (
    bytes_of,
    cached_model,
    pull_model,
    stored_models,
)


def named_folders(pool: SourcePool, texts: Sequence[str]) -> dict[str, Path]:
    """The folders of `REFERENCE=FOLDER`, by full reference; raises InvalidInput for no source."""
    given: dict[str, Path] = {}
    for text in texts:
        reference, _, folder = text.partition("=")
        if reference in given:
            raise InvalidInput(
                f"{reference} is named twice.", "Give one of each in `source_models`."
            )
        given[reference] = Path(folder).expanduser()
    return pool.by_reference(given)


def stored_folders(
    session: Session, pool: SourcePool, asked: Sequence[str], named: dict[str, Path]
) -> dict[str, Path]:
    """The source models that the registry stores, pulled where a method was asked for by name.

    asked: the names of methods as they were given. Where the registry cannot be asked, that is
    said, and those of earlier runs are taken.
    """
    methods = OF_MODELS & set(asked)
    if not methods:
        return {}
    try:
        with session.client() as client:
            models = stored_models(client, pool.name)
            wanted = [
                detail
                for detail in pool.versions
                if detail.reference in models and detail.reference not in named
                if not methods <= OF_CLASSIFIERS or detail.task.kind == "classification"
            ]
            _say_size(session, client, [models[detail.reference] for detail in wanted])
            return _pulled(session, client, wanted, models)
    except EsmError as error:
        print_error(f"warning: no source model could be pulled: {error}")
        return _cached(pool)


def _pulled(
    session: Session, client: Client, wanted: Sequence[EsmVersionDetail],
    models: dict[str, SourceModel],
) -> dict[str, Path]:  # fmt: skip
    found: dict[str, Path] = {}
    with watched(quiet=session.options.quiet) as watch:
        for detail in wanted:
            try:
                found[detail.reference] = pull_model(
                    client, detail, models[detail.reference], watch
                )
            except (ConnectionFailed, StorageFull) as error:  # the others would fare no better
                print_error(f"warning: not all source models could be pulled: {error}")
                break
            except EsmError as error:  # of this one; the others may be whole
                print_error(f"warning: the source model of {detail.reference}: {error}")
    return found


def _cached(pool: SourcePool) -> dict[str, Path]:
    """Those of earlier runs, as far as the pulled space knew of them."""
    cache = Cache(default_cache_dir())
    known = {
        detail.reference: cached_model(cache, detail.source_model)
        for detail in pool.versions
        if detail.source_model is not None
    }
    return {reference: folder for reference, folder in known.items() if folder is not None}


def _say_size(session: Session, client: Client, models: Sequence[SourceModel]) -> None:
    missing = {m.digest: m for m in models if cached_model(client.cache, m) is None}
    if missing:
        session.output.note(
            f"Pulling {counted(len(missing), 'source model')}, {size(bytes_of(missing.values()))}, "
            f"into the cache {client.cache.directory}."
        )
