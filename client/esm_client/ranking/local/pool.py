"""Which ESMs of a pulled space are ranked, and what their sources reveal of their texts."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from esm_client.core.artifact.summary import FILE, source_sketches
from esm_client.core.errors import EsmError, NotFound
from esm_client.core.matching import matches
from esm_client.core.schemas import EsmFilter, EsmVersionDetail
from esm_client.core.shield.source import SourceSketches
from esm_client.core.spaces import SpaceFingerprint, check_same_space
from esm_client.ranking.local.space import LocalSpace


def check_space_of(local: LocalSpace, fingerprint: SpaceFingerprint) -> None:
    """Raise SpaceMismatch unless embeddings with this fingerprint are of the pulled space."""
    space = local.content.space
    canaries = tuple(tuple(row) for row in space.canaries)
    stored = SpaceFingerprint(identity=space.identity, canaries=canaries)
    check_same_space(space.name, stored, fingerprint)


def filtered(local: LocalSpace, wanted: EsmFilter) -> list[EsmVersionDetail]:
    """The live ESMs that pass a filter; raises NotFound for a filter that leaves none."""
    found = [
        detail
        for detail in local.versions
        if matches(wanted, detail, local.live[detail.reference, detail.digest].tags)
    ]
    if not found and wanted != EsmFilter():
        raise NotFound(
            f"No ESM of {local.content.space.name} in {local.folder} passes the filter.",
            "Leave a condition out, or pull the space again.",
        )
    return found


def sketches_of(
    local: LocalSpace, versions: Sequence[EsmVersionDetail], digests: Iterable[str]
) -> Mapping[str, SourceSketches]:
    """What sources reveal of their texts, by version digest, of those in `digests`."""
    wanted = set(digests)
    found: dict[str, SourceSketches] = {}
    for detail in versions:
        entry = detail.manifest.files.get(FILE)
        if entry is None or detail.digest not in wanted:
            continue
        with suppress(EsmError):  # then nobody can tell, and the ranking says of how many
            sketches = source_sketches(local.blob(entry.sha256))
            if sketches is not None:
                found[detail.digest] = sketches
    return found
