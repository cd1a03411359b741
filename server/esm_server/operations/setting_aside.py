"""Taking a damaged blob out of the store without losing what is left of it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from esm_client.core.errors import EsmError
from esm_server.db.database import hold
from esm_server.operations.opening import Registry
from esm_server.storage.base import BlobStore, DamagedBlob

FOLDER = "damaged"


def set_aside(registry: Registry, digest: str) -> Path | None:
    """Move a damaged blob into the data directory, so that the next push of its bytes mends it.

    None when it is sound, gone, or cannot be read; then nothing is changed. A store that held on
    to damaged bytes would tell every client that it has them already.
    """
    store = registry.store
    state, size = store.state(digest), store.size(digest)
    if state is None or size is None:
        return None
    folder = registry.data_dir / FOLDER
    folder.mkdir(exist_ok=True)
    path = folder / digest.removeprefix("sha256:")
    if not _copy_damaged(store, digest, size, path):
        path.unlink(missing_ok=True)
        return None
    # Commits wait meanwhile, and look after us whether their blobs are there: what a push has
    # just mended has another state here, or is missed by its commit and uploaded again.
    with registry.database.write() as session:
        hold(session)
        if store.state(digest) != state:
            path.unlink(missing_ok=True)
            return None
        hold(session)
        store.remove(digest)
    return path


def _copy_damaged(store: BlobStore, digest: str, size: int, path: Path) -> bool:
    """Write the bytes that are there; False when they are the right ones or cannot be read."""
    hasher = hashlib.sha256()
    try:
        with path.open("wb") as file:
            for chunk in _all(store, digest, size):
                hasher.update(chunk)
                file.write(chunk)
    except DamagedBlob:
        return True
    except (OSError, EsmError):
        return False
    return f"sha256:{hasher.hexdigest()}" != digest


def _all(store: BlobStore, digest: str, size: int) -> Iterator[bytes]:
    # in two parts: a store that looks for itself would not give the end of the whole
    for start, stop in ((0, size - 1), (size - 1, size)):
        yield from store.read(digest, max(start, 0), stop)
