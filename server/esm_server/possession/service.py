"""Whether a caller may name a file in a namespace."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from esm_client.core.errors import NotFound
from esm_server.auth.caller import Caller
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.db.upload import LATELY
from esm_server.possession.repository import UploadRepository
from esm_server.storage.direct import DirectAccess

if TYPE_CHECKING:
    from esm_server.storage.s3_sent import SentObjects


class Possession:
    """What callers may name: files that their namespace has, and files they sent there lately.

    Whatever else the server holds is answered as if it did not, to whoever names its digest.
    """

    def __init__(self, database: Database, direct: DirectAccess | None = None) -> None:
        self._database, self._direct = database, direct

    def held(self, caller: Caller, namespace: str, digests: Collection[str]) -> set[str]:
        """Those of a few files that the caller may name.

        What they sent to the bucket becomes a blob by this, so call it outside of transactions.
        Raises Unavailable, StorageFull.
        """
        held = self._known(caller, namespace, digests)
        sent = self._direct.sent if self._direct else None
        if sent is not None and self._take_in(sent, caller, namespace, set(digests) - held):
            return self._known(caller, namespace, digests)
        return held

    def record(self, caller: Caller, namespace: str, sizes: Mapping[str, int]) -> None:
        """Note that the caller has sent files, whose bytes were verified; sizes by digest."""
        with self._database.write() as session:
            UploadRepository(session).record(caller.user_id, namespace, sizes)

    def _known(self, caller: Caller, namespace: str, digests: Collection[str]) -> set[str]:
        with self._database.read() as session:
            return UploadRepository(session).held(caller.user_id, namespace, digests)

    def _take_in(
        self, sent: "SentObjects", caller: Caller, namespace: str, digests: Collection[str]
    ) -> bool:
        """Make blobs of what the caller sent to the bucket; whether there was any.

        The row comes before the object goes: who does not find the one any more finds the other.
        """
        sender = sender_of(caller, namespace)
        found = {digest: sent.find(sender, digest) for digest in digests}
        taken: dict[str, int] = {}
        for digest, stored in found.items():
            if stored is not None and stored.modified_at > now() - LATELY:
                with suppress(NotFound):  # another request of theirs was faster
                    sent.take_in(sender, digest)
                    taken[digest] = stored.size
        if taken:
            self.record(caller, namespace, taken)
            for digest in taken:
                sent.forget(sender, digest)
        return any(found.values())


def sender_of(caller: Caller, namespace: str) -> str:
    """Whose bytes on their way in these are: nobody goes on with another's, or elsewhere."""
    return f"{caller.user_id} {namespace}"
