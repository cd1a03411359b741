"""Pushing a directory: read and checked first, then its files, then one commit."""

from pathlib import Path

from esm_client.core.artifact.directory import EsmArtifact, artifact_files
from esm_client.core.artifact.manifest import build_manifest
from esm_client.core.errors import InvalidName, NotFound
from esm_client.core.references import Reference
from esm_client.core.schemas import EsmVersionCreate, EsmVersionDetail, Source
from esm_client.remote.resources.blobs import BlobResource
from esm_client.remote.resources.esms import EsmResource


def push_directory(
    esms: EsmResource,
    blobs: BlobResource,
    directory: Path,
    name: str,
    *,
    space: str | None = None,
    source: Source | None = None,
    force: bool = False,
) -> EsmVersionDetail:
    """Publish `directory` as the next version of `namespace/name`.

    Nobody sees the version before the commit, and equal content makes no second version.
    """
    target = Reference.parse(name)
    if "@" in name:
        raise InvalidName(
            f"{name[:100]!r} names a version.", "Push to namespace/name; the server numbers it."
        )
    artifact = EsmArtifact.read(directory)
    files = artifact_files(directory)
    manifest = build_manifest(files)
    version = EsmVersionCreate(
        manifest=manifest,
        space=space,
        fingerprint=artifact.fingerprint,
        card=artifact.card,
        provenance=dict(artifact.provenance),
        source=source or artifact.source,
        force=force,
    )

    def attempt() -> EsmVersionDetail:
        for filename, entry in manifest.files.items():
            if not blobs.exists(target.namespace, entry.sha256, entry.size):
                blobs.put(target.namespace, entry.sha256, files[filename])
        return esms.commit(target.namespace, target.name, version)

    try:
        return attempt()
    except NotFound:  # maybe a file that was there is gone: swept, as nothing named it, or damaged
        return attempt()
