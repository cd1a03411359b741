"""The ESMs of a space as packs, made while they are sent."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.errors import Conflict
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

PART = 16
"""ESMs whose documents are in memory at a time: each may take a megabyte."""
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
            space_id = require_id(find_space(SpaceRepository(session), name))
        known = sorted({key for key in keys if 0 < key <= _LARGEST_KEY})
        members: list[Member] = []
        lost: list[str] = []
        sent: set[str] = set()
        digests: list[str] = []
        for start in range(0, len(known), PART):
            details = partial(self._details, caller, space_id, known[start : start + PART])
            documents = _Documents(details)
            for detail in details():
                if not self._is_whole(detail):
                    lost.append(detail.reference)
                    continue
                members += self._blobs(detail, sent)
                member, digest = documents.member(esm_name(len(digests)), detail)
                members.append(member)
                digests.append(digest)
        self._metrics.pulls.inc(len(digests))
        content = PackContent(lost=lost).model_dump_json().encode()
        members.insert(0, document(CONTENT, content))
        named = [f"{member.name} {member.size}" for member in members]
        named += [digest_bytes(content), *digests]
        etag = f'"{digest_bytes(chr(10).join(named).encode())}"'
        return OutgoingPack(members, etag, pack_size(members))

    def _details(
        self, caller: Caller, space_id: int, keys: Sequence[int]
    ) -> list[EsmVersionDetail]:
        with self._database.read() as session:
            esms = EsmRepository(session, caller)
            records = esms.packed(space_id, keys)
            parts = esms.parts(records).by_version()
            return [as_version_detail(record, parts[record[1].id or 0]) for record in records]

    def _is_whole(self, detail: EsmVersionDetail) -> bool:
        files = detail.manifest.files.values()
        return all(self._store.size(entry.sha256) == entry.size for entry in files)

    def _blobs(self, detail: EsmVersionDetail, sent: set[str]) -> Iterator[Member]:
        """The files of an ESM that are not `sent` yet."""
        for entry in detail.manifest.files.values():
            if entry.sha256 not in sent:
                sent.add(entry.sha256)
                name = blob_name(entry.sha256)
                yield Member(name, entry.size, self._reader(entry.sha256, entry.size))

    def _reader(self, digest: str, size: int) -> Callable[[int], Iterable[bytes]]:
        return lambda start: self._store.read(digest, start, size)


class _Documents:
    """The documents of a few ESMs, which are not kept but made again when they are sent.

    Those of a whole pack may take hundreds of megabytes, for as long as somebody takes it.
    """

    def __init__(self, details: Callable[[], Iterable[EsmVersionDetail]]) -> None:
        self._details = details
        self._made: dict[str, bytes] = {}

    def member(self, name: str, detail: EsmVersionDetail) -> tuple[Member, str]:
        """One of them as it is to be sent, and the digest of its bytes."""
        data = _written(detail)
        size, digest, reference = len(data), digest_bytes(data), detail.reference
        return Member(name, size, lambda start: [self._again(reference, digest)[start:]]), digest

    def _again(self, reference: str, digest: str) -> bytes:
        """Raises Conflict where it is another one by now: the client begins anew, by the ETag."""
        if reference not in self._made:
            self._made = {detail.reference: _written(detail) for detail in self._details()}
        data = self._made.pop(reference, b"")
        if digest_bytes(data) != digest:
            raise Conflict(f"{reference} changed while it was sent.", "Pull it again.")
        return data


def _written(detail: EsmVersionDetail) -> bytes:
    return detail.model_dump_json().encode()


def _live(esm: EsmRow, version: EsmVersionRow, tags: Sequence[str]) -> LiveEsm:
    return LiveEsm(
        key=version.id or 0,
        reference=str(Reference(esm.namespace, esm.name, str(version.version))),
        digest=version.digest,
        source=Source.model_validate(version.source),
        tags=tuple(tags),
        near_duplicate_of=version.near_duplicate_of,
    )
