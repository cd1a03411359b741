"""The base model of a space on this machine, checked against the space before it works."""

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Union

from esm_client.core.errors import EsmError, InvalidInput
from esm_client.core.progress import Progress, silent
from esm_client.core.schemas import SpaceDetail
from esm_client.core.spaces import SpaceFingerprint, check_same_space

if TYPE_CHECKING:
    from esm_client.lab.embedding import Embedder
    from esm_client.remote.client import Client

BaseModel = Union[str, "os.PathLike[str]", "Embedder"]
"""A folder or hub id, or an embedder that is loaded already."""


def _known_url(client: "Client | None") -> str:
    """The registry by which folders of base models are known; empty where none is named."""
    from esm_client.remote.config.settings import resolve_settings

    if client is not None:
        return client.url
    with suppress(EsmError):
        return resolve_settings().url
    return ""


def space_embedder(
    client: "Client | None", space: SpaceDetail, base_model: BaseModel | None,
    device: str = "auto", progress: Progress = silent,
) -> "Embedder":  # fmt: skip
    """The embedder of a space: the one given, or one of the folder that is given or known.

    client: of the registry by which folders are known; None for the one of the settings, which are
    read only where a folder must be found. Raises InvalidInput where no folder is known,
    SpaceMismatch for another model. Which views an embedder gives is the space's to say.
    """
    from esm_client.lab.embedding import Embedder
    from esm_client.remote.config.base_models import base_models_file, find_folder

    if isinstance(base_model, Embedder):
        embedder = base_model
    else:
        identity = space.identity
        folder = (
            find_folder(base_models_file(), _known_url(client), space, None)
            if base_model is None
            else os.fspath(base_model)
        )
        step = f"Loading the base model of {space.name}"
        progress(step, 0, 0)
        embedder = Embedder(
            folder,
            pooling=identity.pooling,
            max_length=identity.max_length,
            separator=identity.separator,
            views=None,
            device=device,
        )
        progress(step, 1, 1)
    stored = SpaceFingerprint(
        identity=space.identity, canaries=tuple(tuple(row) for row in space.canaries)
    )
    try:
        embedder = embedder.with_views(space.identity.views)
    except InvalidInput:  # another model, which lacks the layer
        check_same_space(space.name, stored, embedder.with_views(None).fingerprint)
        raise
    check_same_space(space.name, stored, embedder.fingerprint)  # before minutes of embedding
    return embedder
