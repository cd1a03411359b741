"""Signed requests, by which clients get bytes from the bucket and send them to it themselves."""

import hashlib
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esm_client.core.errors import EsmError

if TYPE_CHECKING:
    from esm_server.storage.s3_client import S3Client

MAX_PUT_BYTES = 5 * 2**30
"""What S3 takes in one request."""
_LOG = logging.getLogger("esm_server.storage")


@dataclass(frozen=True, slots=True)
class SignedPut:
    """A PUT that is good for certain bytes, for about 15 minutes."""

    url: str
    headers: dict[str, str]


class DirectAccess:
    """The bucket as clients see it. Nothing is signed before `try_out` found that it works.

    An upload goes straight to the blob's own name: that is safe because the sha256 is signed, and
    only with a store that has shown that it refuses other bytes.
    """

    def __init__(self, client: "S3Client", key: Callable[[str], str]) -> None:
        self._client, self._key = client, key
        self._downloads = self._uploads = False

    @property
    def endpoint(self) -> str | None:
        """Where clients find the bucket; None when they shall not look."""
        return self._client.place.endpoint if self._downloads else None

    def try_out(self) -> None:
        """Send and fetch a small object by signed requests; tell the log what does not work."""
        body, other = secrets.token_bytes(32), secrets.token_bytes(32)
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        key = self._key(digest)
        url, headers = self._client.signed_put(key, digest, len(body))
        refuses = self._client.try_out("PUT", url, other, headers) is None
        stored = self._client.try_out("PUT", url, body, headers) is not None
        found = self._client.try_out("GET", self._client.signed_get(key), b"", {})
        self._downloads = stored and found == body
        self._uploads = self._downloads and refuses
        with suppress(EsmError):  # it may never have been stored
            self._client.remove(key)
        endpoint = self._client.place.endpoint
        if not self._downloads:
            _LOG.warning("signed requests to %s do not work: all bytes go over me", endpoint)
        elif not refuses:
            _LOG.warning("%s does not verify what it is sent: uploads go over me", endpoint)
        else:
            _LOG.info("clients may fetch from and send to %s", endpoint)

    def download_url(self, digest: str) -> str | None:
        """Where a blob can be downloaded for about two minutes, if it can."""
        return self._client.signed_get(self._key(digest)) if self._downloads else None

    def upload(self, digest: str, size: int) -> SignedPut | None:
        """How a blob can be sent, if it can and is no larger than S3 takes at once."""
        if not self._uploads or not 0 < size <= MAX_PUT_BYTES:
            return None
        return SignedPut(*self._client.signed_put(self._key(digest), digest, size))
