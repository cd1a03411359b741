"""Pushing many ESM directories, packed together."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from esm_client.core.artifact.directory import EsmArtifact, artifact_files
from esm_client.core.artifact.manifest import build_manifest
from esm_client.core.errors import EsmError
from esm_client.core.packs import Member, blob_name, document, esm_name
from esm_client.core.progress import Progress, silent
from esm_client.core.references import check_name
from esm_client.core.schemas import PackedEsm, PackResult, Problem
from esm_client.remote.resources.packs import PackResource

PACK_BYTES, PACK_ESMS = 64 * 2**20, 500
STEP = "Pushing ESMs"


def push_directories(
    packs: PackResource,
    namespace: str,
    directories: Sequence[tuple[str, Path]],
    *,
    space: str | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> list[PackResult]:
    """Publish directories under their names in a namespace; what is wrong with one stops no other.

    Raises what concerns all of them: Forbidden, QuotaExceeded, StorageFull, ConnectionFailed.
    """
    results: list[PackResult] = []
    for pack, refused in _packed(directories, space, force):
        if pack:
            results += packs.push(namespace, pack).results
        results += refused
        progress(STEP, len(results), len(directories))
    return results


def _packed(
    wanted: Iterable[tuple[str, Path]], space: str | None, force: bool
) -> Iterator[tuple[list[Member], list[PackResult]]]:
    members: dict[str, Member] = {}
    refused: list[PackResult] = []
    size = count = 0
    for name, directory in wanted:
        try:
            found = _members(name, directory, space, force, count)
        except EsmError as error:
            refused.append(PackResult(name=name, problem=Problem.of(error)))
            continue
        members |= {member.name: member for member in found}
        size += sum(member.size for member in found)
        count += 1
        if size >= PACK_BYTES or count == PACK_ESMS:
            yield list(members.values()), refused
            members, refused, size, count = {}, [], 0, 0
    if members or refused:
        yield list(members.values()), refused


def _members(
    name: str, directory: Path, space: str | None, force: bool, number: int
) -> list[Member]:
    check_name(name)
    artifact = EsmArtifact.read(directory)
    files = artifact_files(directory)
    manifest = build_manifest(files)
    esm = PackedEsm(
        name=name,
        manifest=manifest,
        space=space,
        fingerprint=artifact.fingerprint,
        card=artifact.card,
        provenance=dict(artifact.provenance),
        source=artifact.source,
        force=force,
    )
    blobs = [
        Member(blob_name(entry.sha256), entry.size, _reader(files[filename]))
        for filename, entry in manifest.files.items()
    ]
    return [*blobs, document(esm_name(number), esm.model_dump_json().encode())]


def _reader(path: Path) -> Callable[[int], Iterable[bytes]]:
    def read(start: int) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(start)
            while data := file.read(2**20):
                yield data

    return read
