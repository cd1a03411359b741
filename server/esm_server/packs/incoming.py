"""Publishing a pack: its blobs first, then one ESM after the other, each on its own."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from esm_client.core.errors import EsmError, InvalidInput, TooLarge
from esm_client.core.limits import MAX_PACKED_ESMS, MAX_VERSION_JSON_BYTES
from esm_client.core.packs import Entry, blob_digest, is_esm, read_pack
from esm_client.core.schemas import EsmVersionCreate, PackedEsm, PackReport, PackResult, Problem
from esm_server.auth.caller import Caller
from esm_server.documents import read_document
from esm_server.possession.service import Possession
from esm_server.registry.publishing import PublishService
from esm_server.storage.base import BlobStore
from esm_server.storage.incoming import other_bytes

COPY_BYTES = 2**20


class IncomingPacks:
    """Packs on their way in."""

    def __init__(
        self,
        store: BlobStore,
        publishing: PublishService,
        possession: Possession,
        max_blob_bytes: int,
    ) -> None:
        self._store, self._publishing = store, publishing
        self._possession, self._max_blob_bytes = possession, max_blob_bytes

    def publish(self, file: Path, namespace: str, caller: Caller) -> PackReport:
        """Store the blobs of a pack and publish its ESMs; one that is refused stops no other.

        Raises InvalidInput for what is no pack, DigestMismatch, TooLarge, Forbidden, StorageFull;
        what was published before that stays, and sending the pack again publishes the rest.
        """
        results: list[PackResult] = []
        with file.open("rb") as stream:
            sent = set[str]()
            self._store.put_many(sent_blobs(read_pack(stream, self._max_blob_bytes), sent))
            self._possession.record(caller, namespace, sent & self._named(stream))
            for entry in read_pack(stream, self._max_blob_bytes):
                if is_esm(entry.name):
                    if len(results) == MAX_PACKED_ESMS:
                        raise TooLarge(
                            f"A pack may hold {MAX_PACKED_ESMS} ESMs.", "Send several packs."
                        )
                    esm = _document(entry)
                    results.append(self._publish(namespace, esm, caller))
        if not results:
            raise InvalidInput("The pack holds no ESM.", "Send at least one.")
        return PackReport(results=results)

    def _named(self, stream: IO[bytes]) -> set[str]:
        """The files that the ESMs of a pack name; nobody needs to know who sent any others.

        What is wrong with a document is told when it is its turn.
        """
        named = set[str]()
        for entry in read_pack(stream, self._max_blob_bytes):
            if is_esm(entry.name):
                with suppress(EsmError):
                    files = _document(entry).manifest.files
                    named.update(file.sha256 for file in files.values())
        return named

    def _publish(self, namespace: str, esm: PackedEsm, caller: Caller) -> PackResult:
        request = EsmVersionCreate.model_construct(
            **{name: getattr(esm, name) for name in EsmVersionCreate.model_fields}
        )
        try:
            published = self._publishing.publish(namespace, esm.name, request, caller)
        except EsmError as error:
            return PackResult(name=esm.name, problem=Problem.of(error))
        version = published.version
        return PackResult(
            name=esm.name, version=version.version, digest=version.digest,
            is_new=published.is_new, findings=version.findings, missing=version.source.missing,
        )  # fmt: skip


def sent_blobs(entries: Iterable[Entry], sent: set[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The blobs of a pack for `BlobStore.put_many`; digests of those that were sent go to `sent`.

    A store reads none that it has, so the rest of each is read here: its digest alone would be no
    sign that its bytes were sent. Raises DigestMismatch.
    """
    for entry in entries:
        if (digest := blob_digest(entry.name)) is None:
            continue
        hasher = hashlib.sha256()
        chunks = _hashed(entry, hasher)
        yield digest, chunks
        for _ in chunks:
            pass
        if (actual := f"sha256:{hasher.hexdigest()}") != digest:
            raise other_bytes(actual, digest)
        sent.add(digest)


def _hashed(entry: Entry, hasher: Any) -> Iterator[bytes]:
    while chunk := entry.read(COPY_BYTES):
        hasher.update(chunk)
        yield chunk


def _document(entry: Entry) -> PackedEsm:
    if entry.size > MAX_VERSION_JSON_BYTES:
        raise TooLarge(f"{entry.name} has {entry.size} bytes.", "Shorten its card or provenance.")
    data = entry.read()
    try:
        return read_document(PackedEsm, data)
    except InvalidInput as cause:
        raise InvalidInput(
            f"{entry.name} in the pack: {cause.message}", "Write the pack again."
        ) from cause
