"""Publishing a pack: its blobs first, then one ESM after the other, each on its own."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from esm_client.core.errors import EsmError, InvalidInput, TooLarge
from esm_client.core.limits import MAX_CONFIG_BYTES, MAX_PACKED_ESMS, MAX_PROVENANCE_BYTES
from esm_client.core.packs import Entry, blob_digest, is_esm, read_pack
from esm_client.core.schemas import EsmVersionCreate, PackedEsm, PackReport, PackResult, Problem
from esm_server.auth.caller import Caller
from esm_server.registry.publishing import PublishService
from esm_server.storage.base import BlobStore

MAX_DOCUMENT_BYTES = 2 * (MAX_CONFIG_BYTES + MAX_PROVENANCE_BYTES) + 2**20
COPY_BYTES = 2**20


class IncomingPacks:
    """Packs on their way in."""

    def __init__(self, store: BlobStore, publishing: PublishService, max_blob_bytes: int) -> None:
        self._store, self._publishing = store, publishing
        self._max_blob_bytes = max_blob_bytes

    def publish(self, file: Path, namespace: str, caller: Caller) -> PackReport:
        """Store the blobs of a pack and publish its ESMs; one that is refused stops no other.

        Raises InvalidInput for what is no pack, TooLarge, Forbidden, StorageFull; what was
        published before that stays, and sending the pack again publishes the rest.
        """
        results: list[PackResult] = []
        with file.open("rb") as stream:
            self._store.put_many(self._blobs(stream))
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

    def _blobs(self, stream: IO[bytes]) -> Iterator[tuple[str, Iterator[bytes]]]:
        for entry in read_pack(stream, self._max_blob_bytes):
            if (digest := blob_digest(entry.name)) is not None:
                yield digest, iter(partial(entry.read, COPY_BYTES), b"")

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


def _document(entry: Entry) -> PackedEsm:
    if entry.size > MAX_DOCUMENT_BYTES:
        raise TooLarge(f"{entry.name} has {entry.size} bytes.", "Shorten its card or provenance.")
    try:
        return PackedEsm.model_validate_json(entry.read())
    except ValidationError as cause:
        problem = cause.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in problem["loc"])[:200]
        raise InvalidInput(
            f"{entry.name} in the pack: {place}: {problem['msg'].lower()}.", "Write the pack again."
        ) from cause
