"""Source models: large directories, sent and fetched so that a break costs only what it broke."""

import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import BinaryIO

from esm_client.core.artifact.manifest import digest_file
from esm_client.core.artifact.source_model import check_source_model, source_model_files
from esm_client.core.disk import disk_errors
from esm_client.core.errors import (
    Conflict,
    ConnectionFailed,
    DigestMismatch,
    NotFound,
    TruncatedUpload,
)
from esm_client.core.progress import Progress
from esm_client.core.references import Reference
from esm_client.core.schemas import EsmVersionDetail, SourceModelCreate, SourceModelFile
from esm_client.remote.files.part_file import PartFile, locked
from esm_client.remote.publishing.download import FRUITLESS_TRIES, fill
from esm_client.remote.resources.blobs import BlobResource
from esm_client.remote.resources.esms import EsmResource

BUSY_SECONDS = 90.0
"""How long the server may take an upload that broke for one that goes on; it notices after 60."""
BUSY_PAUSE = 5.0


def push_source_model(
    esms: EsmResource, blobs: BlobResource, reference: Reference, folder: Path, progress: Progress
) -> EsmVersionDetail:
    """Upload a source model and attach it to a version; a broken upload goes on where it broke.

    progress: its steps are files, and count bytes. Raises InvalidArtifact, UnsafeFile, UnsafeModel,
    TooLarge, NotFound, Forbidden, Conflict, QuotaExceeded, ConnectionFailed.
    """
    files = source_model_files(folder)
    with disk_errors(folder, "Check that you may read it."):
        listed = {
            name: SourceModelFile(sha256=digest_file(path), size=path.stat().st_size)
            for name, path in files.items()
        }
    esms.version(reference)  # before gigabytes travel

    def attempt() -> EsmVersionDetail:
        for name, path in files.items():
            done = _of_file(progress, name, listed)
            _upload(blobs, reference.namespace, listed[name], path, done)
        return esms.attach(reference, SourceModelCreate(files=listed))

    try:
        return attempt()
    except NotFound:  # maybe a file that was there is gone, or was sent too long ago
        return attempt()


def pull_source_model(
    esms: EsmResource, detail: EsmVersionDetail, target: Path, progress: Progress
) -> Path:
    """Write a version's source model to a new directory, verified; a broken pull can go on.

    Until it is whole it lies in `<target>.part`. Raises NotFound, DigestMismatch, ConnectionFailed,
    StorageFull; Conflict also while another process pulls to the same place.
    """
    model = detail.source_model
    if model is None:
        raise NotFound(
            f"{detail.reference} has no stored source model.",
            f"It lies at {detail.source.source_model}."
            if detail.source.source_model
            else f"Ask {detail.source.contact or detail.created_by} for it.",
        )
    check_source_model(model.files)
    reference = Reference(detail.namespace, detail.name, detail.digest)
    with _staging(target) as staging:
        for name, file in model.files.items():
            arrived = _of_file(progress, name, model.files)
            _download(esms, reference, name, file, staging / name, arrived)
    return target


def _upload(
    blobs: BlobResource,
    namespace: str,
    file: SourceModelFile,
    path: Path,
    progress: Callable[[int], None],
) -> None:
    best, fruitless = -1, 0
    busy_until = 0.0

    def watched(done: int) -> None:
        nonlocal best, fruitless
        best, fruitless = (done, 0) if done > best else (best, fruitless)
        progress(done)

    while True:
        try:
            blobs.resume(namespace, file.sha256, path, watched)
        except (ConnectionFailed, TruncatedUpload) as error:  # the server may have noticed first
            fruitless += 1
            if fruitless >= FRUITLESS_TRIES or error.facts.get("gave_up"):
                raise
            busy_until = monotonic() + BUSY_SECONDS
        except Conflict:
            if monotonic() >= busy_until:
                raise
            sleep(BUSY_PAUSE)
        else:
            return


def _download(
    esms: EsmResource,
    reference: Reference,
    name: str,
    file: SourceModelFile,
    path: Path,
    progress: Callable[[int], None],
) -> None:
    with path.open("ab") as opened, _alone(opened, path) as part:
        if part.size > file.size:
            part.restart()
        fill(
            part, file.size, lambda start: esms.source_model_file(reference, name, start), progress
        )
        if (found := part.digest()) != file.sha256:
            part.restart()
            raise DigestMismatch(
                f"{name} of {reference.path} arrived with {found}, not {file.sha256}.",
                "Pull it again; if it stays so, tell the registry's operator.",
            )


def _alone(file: BinaryIO, path: Path) -> PartFile:
    if locked(file, path) is False:
        raise Conflict(
            f"{path} is being pulled by another process.",
            "Wait until it ends, or choose another destination.",
        )
    return PartFile(file)


@contextmanager
def _staging(target: Path) -> Generator[Path]:
    """A directory beside the target that takes its place when everything went well."""
    with disk_errors(target, "Choose a destination you may write to."):
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise Conflict(
                f"{target} exists already and is not empty.", "Choose another destination."
            )
        staging = target.with_name(f"{target.name}.part")
        staging.mkdir(parents=True, exist_ok=True)
        yield staging
        if target.is_dir():
            target.rmdir()
        shutil.move(staging, target)


def _of_file(
    progress: Progress, name: str, files: Mapping[str, SourceModelFile]
) -> Callable[[int], None]:
    return lambda done: progress(name, done, files[name].size)
