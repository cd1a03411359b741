"""What clients sent to the bucket themselves, until it is taken in."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from esm_server.storage.base import StoredBlob
from esm_server.storage.incoming import LATELY
from esm_server.storage.s3_client import S3Client

COPY_SECONDS = 300.0
"""Until a copy within the bucket counts as broken: some stores write all bytes anew for it."""
_NAME = re.compile(r"[0-9a-f]{64}")


class SentObjects:
    """`<prefix>incoming/abcdef...`, by sender and digest, so that each lies where one put it."""

    def __init__(self, client: S3Client, prefix: str, blob_key: Callable[[str], str]) -> None:
        self._client, self._folder, self._blob_key = client, f"{prefix}incoming/", blob_key
        self._patient = S3Client(replace(client.place, timeout=COPY_SECONDS))

    def key(self, sender: str, digest: str) -> str:
        """The name of the object."""
        return self._folder + hashlib.sha256(f"{sender}\n{digest}".encode()).hexdigest()

    def find(self, sender: str, digest: str) -> StoredBlob | None:
        """What somebody sent and nobody has taken in; raises Unavailable."""
        found = self._client.found(self.key(sender, digest))
        return None if found is None else StoredBlob(digest, *found)

    def take_in(self, sender: str, digest: str) -> None:
        """Let it appear as a blob; raises NotFound where it is gone, StorageFull, Unavailable.

        Also over a blob that is there, so that it is copied whether others have it or not.
        """
        self._patient.copy(self.key(sender, digest), self._blob_key(digest))

    def forget(self, sender: str, digest: str) -> None:
        """Remove the object; nothing happens when it is not there."""
        self._client.remove(self.key(sender, digest))

    def sweep(self) -> None:
        """Remove what nobody took in and nobody may any more."""
        latest = datetime.now(UTC) - LATELY
        for found in self._client.listed(self._folder):
            name = found.object_name or ""
            # another registry's prefix may begin with our folder's name
            ours = _NAME.fullmatch(name.removeprefix(self._folder)) is not None
            if ours and found.last_modified is not None and found.last_modified < latest:
                self._client.remove(name)
