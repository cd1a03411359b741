"""Which blob store the settings name."""

from esm_server.settings import Settings
from esm_server.storage.base import BlobStore
from esm_server.storage.local import LocalBlobStore


def open_store(settings: Settings) -> BlobStore:
    """The registry's blob store, not prepared yet."""
    return LocalBlobStore(settings.blob_dir)
