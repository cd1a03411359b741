"""Signed requests, by which clients get bytes from the bucket and send them to it themselves."""

import hashlib
import logging
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esm_client.core.errors import EsmError

if TYPE_CHECKING:
    from esm_server.storage.s3 import S3BlobStore
    from esm_server.storage.s3_client import S3Client
    from esm_server.storage.s3_sent import SentObjects

MAX_PUT_BYTES = 5 * 2**30
"""What S3 takes in one request."""
_TRIAL = "nobody"
_LOG = logging.getLogger("esm_server.storage")


@dataclass(frozen=True, slots=True)
class SignedPut:
    """A PUT that is good for certain bytes, for about 15 minutes."""

    url: str
    headers: dict[str, str]


class DirectAccess:
    """The bucket as clients see it. Nothing is signed before `try_out` found that it works.

    An upload goes to a name that is its sender's alone, and becomes a blob when it is taken in:
    that it lies there shows that they had its bytes, whatever else the bucket holds. For the sha256
    is signed, and only with a store that has shown that it refuses all other ways to that name.
    """

    def __init__(self, client: "S3Client", store: "S3BlobStore") -> None:
        """`client` reaches the bucket where clients do, `store` where the server does."""
        self._client, self._store = client, store
        self._downloads = self._uploads = False

    @property
    def endpoint(self) -> str | None:
        """Where clients find the bucket; None when they shall not look."""
        return self._client.place.endpoint if self._downloads else None

    def try_out(self) -> None:
        """Send and fetch a small object by signed requests; tell the log what does not work."""
        body, other = secrets.token_bytes(32), secrets.token_bytes(32)
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        key = self._store.key(digest)
        url, headers = self._client.signed_put(key, digest, len(body))
        refuses = self._client.try_out("PUT", url, other, headers) is None
        stored = self._client.try_out("PUT", url, body, headers) is not None
        found = self._client.try_out("GET", self._client.signed_get(key), b"", {})
        self._downloads = stored and found == body
        copies = self._copies(key, digest, other) if self._downloads else None
        self._uploads = refuses and copies is False
        with suppress(EsmError):  # it may never have been stored
            self._client.remove(key)
        endpoint = self._client.place.endpoint
        if not self._downloads:
            _LOG.warning("signed requests to %s do not work: all bytes go over me", endpoint)
        elif not refuses:
            _LOG.warning("%s does not verify what it is sent: uploads go over me", endpoint)
        elif copies is None:
            _LOG.warning("%s failed when it was tried out: uploads go over me", endpoint)
        elif copies:
            _LOG.warning("%s copies for whoever may send: uploads go over me", endpoint)
        else:
            _LOG.info("clients may fetch from and send to %s", endpoint)

    def _copies(self, key: str, digest: str, other: bytes) -> bool | None:
        """Whether a header that nobody signed makes a copy of an upload, of bytes never sent.

        None where that could not be found out: a fault that passes is no reason not to start.
        """
        url, headers = self._client.signed_put(
            self._store.sent.key(_TRIAL, digest), digest, len(other)
        )
        source = {"x-amz-copy-source": f"/{self._client.bucket}/{key}"}
        part = {"x-amz-copy-source-range": f"bytes=0-{len(other) - 1}"}
        for more in (source, source | part):
            self._client.try_out("PUT", url, other, headers | more)
        try:
            copied = self._store.sent.find(_TRIAL, digest) is not None
            self._store.sent.forget(_TRIAL, digest)
        except EsmError:
            return None
        return copied

    def download_url(self, digest: str) -> str | None:
        """Where a blob can be downloaded for about two minutes, if it can."""
        return self._client.signed_get(self._store.key(digest)) if self._downloads else None

    def upload(self, sender: str, digest: str, size: int) -> SignedPut | None:
        """How a blob can be sent, if it can and is no larger than S3 takes at once."""
        if not self._uploads or not 0 < size <= MAX_PUT_BYTES:
            return None
        key = self._store.sent.key(sender, digest)
        return SignedPut(*self._client.signed_put(key, digest, size))

    @property
    def sent(self) -> "SentObjects | None":
        """What clients have sent; None where that would show nothing, as none may be sent."""
        return self._store.sent if self._uploads else None
