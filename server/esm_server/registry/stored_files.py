"""The files of a version that is about to be published, as the store holds them."""

from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.artifact.manifest import digest_file
from esm_client.core.errors import InvalidArtifact, NotFound
from esm_client.core.schemas import Manifest
from esm_server.db.database import Database, hold
from esm_server.storage.base import BlobStore, DamagedBlob


def read_artifact(
    database: Database, store: BlobStore, manifest: Manifest, held: Collection[str]
) -> EsmArtifact:
    """The ESM that the files of a manifest hold, as far as they are among those `held`.

    Call it outside of transactions: it removes damaged blobs in one of its own. Raises NotFound,
    InvalidArtifact and its kin.
    """
    sizes = stored_sizes(store, manifest, held)
    with ExitStack() as stack:
        paths = {
            filename: _intact(database, store, stack, filename, entry.sha256)
            for filename, entry in manifest.files.items()
        }
        for filename, entry in manifest.files.items():
            if (size := sizes[filename]) != entry.size:
                raise InvalidArtifact(
                    f"{filename} has {size} bytes, the manifest says {entry.size}.",
                    "Make the manifest again from the files.",
                )
        return EsmArtifact.from_files(paths)


def stored_sizes(store: BlobStore, manifest: Manifest, held: Collection[str]) -> dict[str, int]:
    """The size of each file's blob by the file's name.

    Raises NotFound, in the same words for what is not there and for what is not among `held`: the
    store is not even asked for that.
    """
    sizes: dict[str, int] = {}
    for filename, entry in manifest.files.items():
        size = store.size(entry.sha256) if entry.sha256 in held else None
        if size is None:
            raise NotFound(
                f"The blob of {filename} ({entry.sha256}) is not on the server.",
                "Upload every file before the version: push again.",
            )
        sizes[filename] = size
    return sizes


def _intact(
    database: Database, store: BlobStore, stack: ExitStack, filename: str, digest: str
) -> Path:
    """A file of a version; one that was damaged goes, so that the next push mends it."""
    path = _sound_copy(store, stack, digest)
    if path is None:
        # Once more, while nothing is committed: another push may just have mended it.
        with database.write() as session:
            hold(session)
            path = _sound_copy(store, stack, digest)
            if path is None:
                hold(session)
                store.remove(digest)
    if path is None:
        raise NotFound(
            f"The blob of {filename} ({digest}) was damaged on the server.",
            "It was removed there: push again.",
        )
    return path


def _sound_copy(store: BlobStore, stack: ExitStack, digest: str) -> Path | None:
    """A file with the blob's bytes, None for a damaged one; raises NotFound."""
    try:
        path = stack.enter_context(store.local_copy(digest))
    except DamagedBlob:
        return None
    return path if digest_file(path) == digest else None
