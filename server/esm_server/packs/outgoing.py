"""The ESMs of a space as packs, made while they are sent."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.limits import MAX_PACKED_ESMS
from esm_client.core.packs import (
    CONTENT,
    Member,
    blob_name,
    document,
    esm_name,
    pack_bytes,
    pack_size,
)
from esm_client.core.references import Reference
from esm_client.core.schemas import EsmVersionDetail, LiveEsm, PackContent
from esm_server.auth.caller import Caller
from esm_server.db.database import Database
from esm_server.registry.answers import as_version_detail
from esm_server.registry.repository import EsmRepository, VersionRecord
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import find_space, require_id, space_detail
from esm_server.storage.base import BlobStore

_PART = 500


@dataclass(frozen=True, slots=True)
class OutgoingPack:
    """A pack, ready to be sent from any byte on."""

    members: list[Member]
    etag: str
    size: int

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Bytes from `start` up to `stop`."""
        left = stop - start
        for data in pack_bytes(self.members, start):
            yield data[:left]
            left -= len(data)
            if left <= 0:
                return


class OutgoingPacks:
    """Packs on their way out."""

    def __init__(self, database: Database, store: BlobStore) -> None:
        self._database, self._store = database, store

    def of_space(self, caller: Caller, name: str, since: int) -> OutgoingPack:
        """What a space ranks and was published after the cursor `since`; raises NotFound.

        At most MAX_PACKED_ESMS; equal content makes equal bytes.
        """
        with self._database.read() as session:
            row = find_space(SpaceRepository(session), name)
            esms = EsmRepository(session, caller)
            records = esms.packed(require_id(row), since, MAX_PACKED_ESMS + 1)
            is_last = len(records) <= MAX_PACKED_ESMS
            records = records[:MAX_PACKED_ESMS]
            details = _details(esms, records)
            content = PackContent(
                space=space_detail(session, caller, row),
                generation=row.generation,
                cursor=max([since, *(version.id or 0 for _, version, _ in records)]),
                is_last=is_last,
                live=_live(esms, require_id(row)) if is_last else [],
            )
        members = [document(CONTENT, content.model_dump_json().encode())]
        members += self._members(details)
        parts = [f"{member.name} {member.size}" for member in members]
        parts += [digest_bytes(b"".join(m.read(0))) for m in members if m.name.endswith(".json")]
        etag = f'"{digest_bytes(chr(10).join(parts).encode())}"'
        return OutgoingPack(members, etag, pack_size(members))

    def _members(self, details: Sequence[EsmVersionDetail]) -> Iterator[Member]:
        sent: set[str] = set()
        for number, detail in enumerate(details):
            for entry in detail.manifest.files.values():
                if entry.sha256 not in sent:
                    sent.add(entry.sha256)
                    name = blob_name(entry.sha256)
                    yield Member(name, entry.size, self._reader(entry.sha256, entry.size))
            yield document(esm_name(number), detail.model_dump_json().encode())

    def _reader(self, digest: str, size: int) -> Callable[[int], Iterable[bytes]]:
        return lambda start: self._store.read(digest, start, size)


def _live(esms: EsmRepository, space_id: int) -> list[LiveEsm]:
    return [
        LiveEsm(reference=str(Reference(namespace, name, str(number))), digest=digest)
        for namespace, name, number, digest in esms.live(space_id)
    ]


def _details(esms: EsmRepository, records: Sequence[VersionRecord]) -> list[EsmVersionDetail]:
    found: list[EsmVersionDetail] = []
    for start in range(0, len(records), _PART):
        part = records[start : start + _PART]
        parts = esms.parts(part)
        by_version = parts.by_version()
        found += [as_version_detail(record, by_version[record[1].id or 0]) for record in part]
    return found
