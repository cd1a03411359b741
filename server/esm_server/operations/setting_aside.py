"""Taking a damaged blob out of the store without losing what is left of it."""

from pathlib import Path

from esm_client.core.errors import NotFound
from esm_server.operations.hashing import fault_of
from esm_server.operations.opening import Registry

FOLDER = "damaged"


def set_aside(registry: Registry, digest: str) -> Path | None:
    """Move a damaged blob into the data directory, so that the next push of its bytes mends it.

    None when it is sound, gone, or cannot be read; then nothing is changed. A store that held on
    to damaged bytes would tell every client that it has them already.
    """
    store = registry.store
    # Commits wait meanwhile, and look after us whether their blobs are there: what a push has
    # just mended is seen to be sound here, or is missed by its commit and uploaded again.
    with registry.database.write() as session:
        session.connection()  # it begins now, and not with a first statement
        size = store.size(digest)
        if size is None or fault_of(store, digest) is None:
            return None
        folder = registry.data_dir / FOLDER
        folder.mkdir(exist_ok=True)
        path = folder / digest.removeprefix("sha256:")
        try:
            with path.open("wb") as file:
                # in two parts: a store that looks for itself would not give the end of the whole
                for start, stop in ((0, size - 1), (size - 1, size)):
                    file.writelines(store.read(digest, max(start, 0), stop))
        except (OSError, NotFound):
            path.unlink(missing_ok=True)
            return None
        store.remove(digest)
    return path
