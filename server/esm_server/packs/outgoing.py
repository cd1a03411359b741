"""The ESMs of a space as packs, made while they are sent."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from esm_client.core.artifact.manifest import digest_bytes
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
from esm_client.core.schemas import EsmVersionDetail, LiveEsm, LiveSpace, PackContent, Source
from esm_server.auth.caller import Caller
from esm_server.db import EsmRow, EsmVersionRow
from esm_server.db.database import Database
from esm_server.registry.answers import as_version_detail
from esm_server.registry.repository import EsmRepository
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import find_space, require_id, space_detail
from esm_server.storage.base import BlobStore
from esm_server.telemetry.metrics import Metrics

_LARGEST_KEY = 2**63 - 1
"""No database has a larger one, or takes it in a query."""


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

    def __init__(self, database: Database, store: BlobStore, metrics: Metrics) -> None:
        self._database, self._store, self._metrics = database, store, metrics

    def live(self, caller: Caller, name: str) -> LiveSpace:
        """All that a space ranks; raises NotFound."""
        with self._database.read() as session:
            row = find_space(SpaceRepository(session), name)
            esms = EsmRepository(session, caller)
            tags = esms.live_tags(require_id(row))
            return LiveSpace(
                space=space_detail(session, caller, row),
                generation=row.generation,
                live=[
                    _live(esm, version, tags.get(esm.id or 0, ()))
                    for esm, version in esms.live(require_id(row))
                ],
            )

    def of_space(self, caller: Caller, name: str, keys: Sequence[int]) -> OutgoingPack:
        """Those of some versions that a space ranks; raises NotFound for an unknown space.

        Equal content makes equal bytes. ESMs that the store has lost a file of are named instead:
        once the first byte is sent, no error can be told any more.
        """
        with self._database.read() as session:
            row = find_space(SpaceRepository(session), name)
            esms = EsmRepository(session, caller)
            known = [key for key in keys if 0 < key <= _LARGEST_KEY]
            records = esms.packed(require_id(row), known)
            parts = esms.parts(records).by_version()
            found = [as_version_detail(record, parts[record[1].id or 0]) for record in records]
        lost = [detail.reference for detail in found if not self._is_whole(detail)]
        whole = [detail for detail in found if detail.reference not in lost]
        members = [document(CONTENT, PackContent(lost=lost).model_dump_json().encode())]
        members += self._members(whole)
        self._metrics.pulls.inc(len(whole))
        names = [f"{member.name} {member.size}" for member in members]
        names += [digest_bytes(b"".join(m.read(0))) for m in members if m.name.endswith(".json")]
        etag = f'"{digest_bytes(chr(10).join(names).encode())}"'
        return OutgoingPack(members, etag, pack_size(members))

    def _is_whole(self, detail: EsmVersionDetail) -> bool:
        files = detail.manifest.files.values()
        return all(self._store.size(entry.sha256) == entry.size for entry in files)

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


def _live(esm: EsmRow, version: EsmVersionRow, tags: Sequence[str]) -> LiveEsm:
    return LiveEsm(
        key=version.id or 0,
        reference=str(Reference(esm.namespace, esm.name, str(version.version))),
        digest=version.digest,
        source=Source.model_validate(version.source),
        tags=tuple(tags),
        near_duplicate_of=version.near_duplicate_of,
    )
