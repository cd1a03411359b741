"""The base model of a space on this machine, checked against the space before it works."""

from typing import TYPE_CHECKING

from esm_client.core.schemas import SpaceDetail
from esm_client.core.spaces import SpaceFingerprint, check_same_space

if TYPE_CHECKING:
    from esm_client.lab.embedding import Embedder


def space_embedder(
    url: str, space: SpaceDetail, base_model: str | None, device: str = "auto"
) -> "Embedder":
    """Load the base model from the folder given or known for it.

    Raises NotFound where no folder is known, SpaceMismatch for another model.
    """
    from esm_client.lab.embedding import Embedder
    from esm_client.remote.config.base_models import base_models_file, find_folder

    folder = find_folder(base_models_file(), url, space, base_model)
    identity = space.identity
    embedder = Embedder(
        folder,
        pooling=identity.pooling,
        max_length=identity.max_length,
        separator=identity.separator,
        device=device,
    )
    stored = SpaceFingerprint(
        identity=identity, canaries=tuple(tuple(row) for row in space.canaries)
    )
    check_same_space(space.name, stored, embedder.fingerprint)  # before minutes of embedding
    return embedder
