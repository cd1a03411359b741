"""Pulling a version: found, fetched, verified, then put in place as a whole."""

import json
import shutil
from pathlib import Path

from esm_client.core.artifact.directory import (
    CARD,
    PROVENANCE,
    SOURCE,
    check_file_names,
    directory_manifest,
    source_json,
)
from esm_client.core.artifact.manifest import manifest_digest
from esm_client.core.disk import beside, disk_errors
from esm_client.core.errors import Conflict, DigestMismatch, EsmError, OfflineMiss
from esm_client.core.references import Reference
from esm_client.core.schemas import EsmVersionDetail, Source
from esm_client.remote.cache.cache import HINT, Cache
from esm_client.remote.config.settings import Settings
from esm_client.remote.publishing.download import fetch
from esm_client.remote.resources.esms import EsmResource


def find_version(
    esms: EsmResource, cache: Cache, settings: Settings, reference: Reference
) -> EsmVersionDetail:
    """The version `reference` means: from the cache where that is certain or offline.

    Raises OfflineMiss, NotFound, or DigestMismatch when the server names another version.
    """
    if settings.offline or reference.is_pinned:
        with disk_errors(cache.directory, HINT):
            known = cache.versions.recall(settings.url, reference)
        if known is not None:
            return known
    if settings.offline:
        raise OfflineMiss(
            f"{reference} of {settings.url} is not in the cache {cache.directory}, and this "
            "client is offline.",
            "Pull it once while online; `Client.cache.ls()` shows what is there.",
            reference=str(reference),
        )
    detail = esms.version(reference)
    _check_answers(reference, detail)
    found = manifest_digest(detail.manifest)
    if found != detail.digest or (reference.is_pinned and found != reference.selector):
        raise DigestMismatch(
            f"The registry describes {reference} as {found}, which is not its digest.",
            "Tell the registry's operator.",
        )
    check_file_names(detail.manifest.files)
    return detail


def _check_answers(reference: Reference, detail: EsmVersionDetail) -> None:
    """Raise DigestMismatch when the registry describes another ESM or version than asked for."""
    other = (detail.namespace, detail.name) != (reference.namespace, reference.name)
    if other or (reference.selector.isdigit() and int(reference.selector) != detail.version):
        raise DigestMismatch(
            f"The registry answered {reference} with {detail.namespace}/{detail.name}@"
            f"{detail.version}.",
            "Tell the registry's operator.",
        )


def pull_version(
    esms: EsmResource, cache: Cache, settings: Settings, detail: EsmVersionDetail, target: Path
) -> Path:
    """Write a version to `target`, whole or not at all; returns `target`.

    A directory that already holds this very version is left as it is. Raises Conflict for one
    that holds anything else.
    """
    if _holds(target, detail.digest):
        return target
    staging = beside(target)
    with disk_errors(target, "Choose a destination you may write to."):
        target.parent.mkdir(parents=True, exist_ok=True)
        staging.mkdir()
    try:
        for filename in detail.manifest.files:
            _place(esms, cache, settings, detail, filename, staging / filename)
        with disk_errors(target, "Choose a destination you may write to."):
            _write_companions(detail, staging)
            if target.is_dir():  # empty; only POSIX renames onto it
                target.rmdir()
            staging.rename(target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return target


def _place(
    esms: EsmResource,
    cache: Cache,
    settings: Settings,
    detail: EsmVersionDetail,
    filename: str,
    target: Path,
) -> None:
    """Copy a verified file out of the cache, after fetching it where it is missing or damaged."""
    entry = detail.manifest.files[filename]
    with disk_errors(cache.directory, HINT):
        if cache.blobs.copy(entry.sha256, target):
            return
        if settings.offline:
            raise OfflineMiss(
                f"{filename} of {detail.reference} is missing or damaged in the cache "
                f"{cache.directory}, and this client is offline.",
                "Pull it again while online.",
            )
        version = Reference(detail.namespace, detail.name, detail.digest)
        fetch(esms, cache.blobs, version, filename, entry)
        if not cache.blobs.copy(entry.sha256, target):
            raise DigestMismatch(
                f"{filename} changed in the cache {cache.directory} just after it was verified.",
                "Check that disk, or set ESM_REGISTRY_CACHE to another one.",
            )


def _write_companions(detail: EsmVersionDetail, directory: Path) -> None:
    if detail.card:
        (directory / CARD).write_text(detail.card, encoding="utf-8")
    if detail.source != Source():
        (directory / SOURCE).write_bytes(source_json(detail.source))
    if detail.provenance:
        text = json.dumps(detail.provenance, indent=2, sort_keys=True)
        (directory / PROVENANCE).write_text(f"{text}\n", encoding="utf-8")


def _holds(target: Path, digest: str) -> bool:
    """Whether `target` holds the version already; raises Conflict if it holds something else."""
    with disk_errors(target, "Choose a destination you may read and write."):
        if target.resolve() == Path.cwd():
            raise Conflict(
                "The destination is the current directory, which cannot be replaced as a whole.",
                "Name a new directory, for instance ./my-esm.",
            )
        if not target.exists() or (target.is_dir() and not any(target.iterdir())):
            return False
        try:
            if directory_manifest(target)[1] == digest:
                return True
        except EsmError:
            pass  # not an ESM, so surely something else
    raise Conflict(
        f"{target} exists already and holds something else.",
        "Choose another destination, or remove it.",
    )
