"""Digests: of a file's bytes, and of the manifest that names a version."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from esm_client.core.schemas import FileEntry, Manifest

CHUNK_BYTES = 2**20


def digest_bytes(data: bytes) -> str:
    """`sha256:` and the hex digest of `data`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digest_file(path: Path) -> str:
    """`sha256:` and the hex digest of a file, read in chunks."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def build_manifest(files: Mapping[str, Path]) -> Manifest:
    """Digest and size of every file."""
    return Manifest(
        files={
            name: FileEntry(sha256=digest_file(path), size=path.stat().st_size)
            for name, path in files.items()
        }
    )


def manifest_digest(manifest: Manifest) -> str:
    """The digest that names a version: sha256 of the manifest as canonical JSON.

    Canonical: UTF-8, keys sorted, no white space, `{"files": {name: {sha256, size}}}`.
    """
    document = {"files": {name: entry.model_dump() for name, entry in manifest.files.items()}}
    return digest_bytes(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
