"""An S3 bucket: the vendor's client with one deadline for retries, and with our errors."""

import random
import ssl
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import cast

import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.datatypes import Object
from minio.helpers import DictType
from minio.signer import sign_v4_s3
from minio.time import to_amz_date
from urllib3 import BaseHTTPResponse

from esm_client.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from esm_server.storage.s3_errors import VENDOR_ERRORS, NotSupported, as_ours, is_passing
from esm_server.storage.s3_place import S3Place

FIRST_PAUSE = 0.1
DOWNLOAD_SECONDS = 120
"""How long a signed download can begin. A signed upload: 15 minutes, says S3."""
ABANDONED = timedelta(days=1)
"""The age of an upload in parts that nobody will end any more."""


class S3Client(Minio):
    """One bucket. Whatever fails raises NotFound, Conflict, StorageFull or Unavailable."""

    def __init__(self, place: S3Place) -> None:
        """Opens nothing yet; raises InvalidInput for an address or file that cannot be used."""
        scheme, _, host = place.endpoint.rstrip("/").partition("://")
        try:
            if scheme not in ("http", "https"):
                raise ValueError("no http:// or https://")
            super().__init__(
                host, place.access_key, place.secret_key, region=place.region,
                secure=scheme == "https", http_client=_pool(place),
            )  # fmt: skip
        except (ValueError, ssl.SSLError) as cause:
            raise InvalidInput(
                f"The object store {place.endpoint!r} cannot be used: {cause}.",
                "Write ESM_SERVER_S3_ENDPOINT like https://s3.example.org:9000.",
            ) from cause
        (self.disable_virtual_style_endpoint if place.path_style
         else self.enable_virtual_style_endpoint)()  # fmt: skip
        self.place, self.bucket = place, place.bucket
        self._knows_conditions = True

    def _execute(
        self,
        method: str,
        bucket_name: str | None = None,
        object_name: str | None = None,
        body: bytes | None = None,
        headers: DictType | None = None,
        query_params: DictType | None = None,
        preload_content: bool = True,
        no_body_trace: bool = False,
    ) -> BaseHTTPResponse:
        """Every request of the vendor's client comes through here."""
        deadline, pause = time.monotonic() + self.place.patience, FIRST_PAUSE
        while True:
            try:
                return super()._execute(
                    method, bucket_name, object_name, body,
                    dict(headers or {}),  # signed anew, with a new date
                    query_params, preload_content, no_body_trace,
                )  # fmt: skip
            except VENDOR_ERRORS as error:
                wait = pause * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
                if not is_passing(error) or time.monotonic() + wait > deadline:
                    raise as_ours(error, self.bucket, self.place.endpoint) from error
            time.sleep(wait)
            pause = min(pause * 2, 3.0)

    @contextmanager
    def _readable(self) -> Generator[None]:
        """For what the vendor's client makes of an answer."""
        try:
            yield
        except VENDOR_ERRORS as error:
            raise as_ours(error, self.bucket, self.place.endpoint) from error

    def check_bucket(self) -> None:
        """Raise Unavailable unless the bucket is there and opens."""
        self._execute("HEAD", self.bucket)

    def found(self, key: str) -> tuple[int, datetime] | None:
        """Bytes of an object and when it was stored, or None when it is not there."""
        try:
            with self._readable():
                found = self.stat_object(self.bucket, key)
        except NotFound:
            return None
        if found.size is None:
            return None
        return found.size, found.last_modified or datetime.now(UTC)

    def size(self, key: str) -> int | None:
        """Bytes of an object, or None when it is not there."""
        found = self.found(key)
        return None if found is None else found[0]

    def state(self, key: str) -> str | None:
        """Changes with an object and when it is written anew; None when it is not there."""
        try:
            with self._readable():
                found = self.stat_object(self.bucket, key)
                return f"{found.etag} {found.last_modified}"
        except NotFound:
            return None

    def open(self, key: str, start: int = 0, length: int = 0) -> BaseHTTPResponse:
        """A running download; raises NotFound."""
        return self.get_object(self.bucket, key, start, length)

    def get(self, key: str) -> bytes:
        """A small object, whole; raises NotFound."""
        with self._readable():
            answer = self.open(key)
            try:
                return answer.read()
            finally:
                answer.close()

    def copy(self, source: str, key: str) -> None:
        """Store an object under another name too, over what has it; raises NotFound."""
        with self._readable():
            self.copy_object(self.bucket, key, CopySource(self.bucket, source))

    def remove(self, key: str) -> None:
        """Nothing happens when it is not there."""
        self.remove_object(self.bucket, key)

    def listed(self, prefix: str) -> Iterator[Object]:
        """All objects whose keys begin so."""
        with self._readable():
            yield from self.list_objects(self.bucket, prefix=prefix, recursive=True)

    def put(self, key: str, data: bytes) -> bool:
        """Store an object unless it is there with as many bytes; whether it is new."""
        return self._unless_there(
            key, len(data), lambda headers: self._put_object(self.bucket, key, data, headers)
        )

    def begin_parts(self, key: str) -> str:
        """Begin to send an object in parts; the name of that upload."""
        with self._readable():
            return self._create_multipart_upload(self.bucket, key, {})

    def send_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Send one part, of which all but the last have 5 MiB or more; its ETag."""
        return self._upload_part(self.bucket, key, data, None, upload, number)

    def complete_parts(self, key: str, upload: str, etags: list[str], size: int) -> bool:
        """Make the parts an object, as `put` would; whether it is new."""
        if self.size(key) == size:
            self.drop_parts(key, upload)
            return False
        is_new = self._unless_there(
            key, size, lambda headers: self._complete(key, upload, etags, headers, size)
        )
        if not is_new:
            self.drop_parts(key, upload)
        return is_new

    def drop_parts(self, key: str, upload: str) -> None:
        """Forget an upload in parts."""
        with suppress(NotFound, Unavailable):  # `sweep` will
            self._abort_multipart_upload(self.bucket, key, upload)

    def _complete(
        self, key: str, upload: str, etags: list[str], headers: DictType, size: int
    ) -> None:
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            for number, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        headers = {"Content-Type": "application/xml", **headers}
        with suppress(NotFound):  # an earlier try has done it, but its answer was lost
            self._execute(
                "POST", self.bucket, key, body, headers, query_params={"uploadId": upload}
            )
        if self.size(key) != size:  # an answer may begin with 200 and end with an error
            raise Unavailable(
                f"The object store {self.place.endpoint} did not store {key}.", "Push again."
            )

    def _unless_there(self, key: str, size: int, send: Callable[[DictType], object]) -> bool:
        if self._knows_conditions:
            try:
                send({"If-None-Match": "*"})
            except NotSupported:
                self._knows_conditions = False
            except Conflict:
                if self.size(key) == size:
                    return False
            else:
                return True
        is_new = self.size(key) != size
        send({})  # also over what is damaged
        return is_new

    def sweep(self, prefix: str) -> None:
        """Drop uploads in parts that a killed server left."""
        with self._readable():
            found = self._list_multipart_uploads(self.bucket, prefix=prefix).uploads
        for upload in found:
            began = upload.initiated_time
            if upload.upload_id and began and datetime.now(UTC) - began > ABANDONED:
                self.drop_parts(upload.object_name, upload.upload_id)

    def signed_get(self, key: str) -> str:
        """A URL by which anybody can download an object for a short while."""
        return self.presigned_get_object(
            self.bucket, key, expires=timedelta(seconds=DOWNLOAD_SECONDS)
        )

    def signed_put(self, key: str, digest: str, size: int) -> tuple[str, dict[str, str]]:
        """A PUT that anybody can send, of these bytes alone: its URL and its headers.

        Both the sha256 and the length are signed, so the store refuses any other bytes.
        """
        region = self._get_region(self.bucket)
        url = self._base_url.build(
            method="PUT", region=region, bucket_name=self.bucket, object_name=key
        )
        provider = self._provider
        assert provider is not None  # noqa: S101 - the constructor was given keys
        date, hashed = datetime.now(UTC), digest.removeprefix("sha256:")
        headers: DictType = {
            "Host": url.netloc,
            "Content-Length": str(size),
            "x-amz-date": to_amz_date(date),
            "x-amz-content-sha256": hashed,
        }
        signed = sign_v4_s3(
            method="PUT", url=url, region=region, headers=headers,
            credentials=provider.retrieve(), content_sha256=hashed, date=date,
        )  # fmt: skip
        del signed["Host"]
        return url.geturl(), cast("dict[str, str]", signed)

    def try_out(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> bytes | None:
        """Send a signed request as somebody else would; the answer's body, None if refused."""
        try:
            answer = self._http.request(method, url, body=body or None, headers=headers)
        except urllib3.exceptions.HTTPError:
            return None
        return answer.data if answer.status in (200, 201, 204) else None


def _pool(place: S3Place) -> urllib3.PoolManager:
    timeout = urllib3.Timeout(connect=min(5.0, place.timeout), read=place.timeout)
    if place.endpoint.startswith("http:"):
        return urllib3.PoolManager(timeout=timeout, maxsize=64, retries=False)
    context = ssl.create_default_context()
    if place.ca_file is not None:
        try:
            context.load_verify_locations(place.ca_file)
        except OSError as cause:
            raise InvalidInput(
                f"The certificate file {place.ca_file} cannot be used: {cause.strerror}.",
                "Correct ESM_SERVER_S3_CA_FILE.",
            ) from cause
    return urllib3.PoolManager(timeout=timeout, maxsize=64, retries=False, ssl_context=context)
