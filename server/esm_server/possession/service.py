"""Whether a caller may name a file in a namespace."""

from collections.abc import Collection
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING

from esm_client.core.errors import NotFound, Unavailable
from esm_server.auth.caller import Caller
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.possession.copies import CopyRoom
from esm_server.possession.repository import UploadRepository
from esm_server.storage.base import StoredBlob
from esm_server.storage.direct import DirectAccess
from esm_server.storage.incoming import LATELY

if TYPE_CHECKING:
    from esm_server.storage.s3_sent import SentObjects

RECORDED = 500
"""Files that are noted in one transaction, for which other writers wait."""
PAUSE = 0.5
"""Seconds, before a busy database is asked again."""


class Possession:
    """What callers may name: files that their namespace has, and files they sent there lately.

    Whatever else the server holds is answered as if it did not, to whoever names its digest.
    """

    def __init__(self, database: Database, direct: DirectAccess | None = None) -> None:
        self._database, self._direct = database, direct
        self._copies = CopyRoom()

    def known(self, caller: Caller, namespace: str, digests: Collection[str]) -> set[str]:
        """Those of a few files that the caller may name, less what still lies in the bucket."""
        with self._database.read() as session:
            return UploadRepository(session).held(caller.user_id, namespace, digests)

    def sent(self, caller: Caller, namespace: str, digest: str) -> StoredBlob | None:
        """A file that the caller sent to the bucket and no commit has taken in yet.

        Raises Unavailable.
        """
        objects = self._objects
        found = objects.find(sender_of(caller, namespace), digest) if objects else None
        return found if found is not None and found.modified_at > now() - LATELY else None

    def held(self, caller: Caller, namespace: str, digests: Collection[str]) -> set[str]:
        """Those of a few files that the caller may name.

        What they sent to the bucket becomes a blob by this, which may take minutes: call it for a
        commit alone, and outside of transactions. Raises Unavailable, StorageFull.
        """
        held = self.known(caller, namespace, digests)
        missing = sorted(set(digests) - held)
        objects = self._objects
        if not missing or objects is None:
            return held
        self._take_in(objects, caller, namespace, missing)
        return self.known(caller, namespace, digests)

    def record(
        self, caller: Caller, namespace: str, digests: Collection[str], *, patience: float = 0.0
    ) -> None:
        """Note that the caller has sent files, whose bytes were verified.

        `patience`: seconds for which a busy database is asked again. Raises Unavailable.
        """
        named, deadline = sorted(digests), monotonic() + patience
        for start in range(0, len(named), RECORDED):
            some = named[start : start + RECORDED]
            while True:
                try:
                    self._record(caller, namespace, some)
                    break
                except Unavailable:
                    if monotonic() >= deadline:
                        raise
                sleep(PAUSE)

    def _record(self, caller: Caller, namespace: str, digests: Collection[str]) -> None:
        with self._database.write() as session:
            uploads = UploadRepository(session)
            uploads.record(caller.user_id, namespace, digests)
            uploads.sweep()  # else they would only become more, where nobody runs gc

    @property
    def _objects(self) -> "SentObjects | None":
        return self._direct.sent if self._direct else None

    def _take_in(
        self, objects: "SentObjects", caller: Caller, namespace: str, digests: Collection[str]
    ) -> None:
        """Make blobs of what the caller sent to the bucket.

        Each counts as soon as it is one, whatever becomes of the next. Its row comes before the
        object goes: who does not find the one any more finds the other.
        """
        found = [digest for digest in digests if self.sent(caller, namespace, digest)]
        if not found:
            return
        sender = sender_of(caller, namespace)
        with self._copies.of(caller.user_id):
            for digest in found:
                with suppress(NotFound):  # another request of theirs was faster
                    objects.take_in(sender, digest)
                    self.record(caller, namespace, [digest])
                    objects.forget(sender, digest)


def sender_of(caller: Caller, namespace: str) -> str:
    """Whose bytes on their way in these are: nobody goes on with another's, or elsewhere."""
    return f"{caller.user_id} {namespace}"
