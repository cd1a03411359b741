"""What a store's failures mean: which are tried again, and as which error of ours they end."""

from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError

from esm_client.core.errors import Conflict, EsmError, NotFound, StorageFull, Unavailable

VENDOR_ERRORS = (MinioException, HTTPError, ParseError, ValueError)
"""ValueError: an answer that is XML, but not the XML that it should be."""

_PASSING = {
    "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted",
    "ConditionalRequestConflict", "XAmzContentSHA256Mismatch", "BadDigest", "IncompleteBody",
}  # fmt: skip
_FULL = {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}
_KEYS = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden"}
_OPERATOR = "Tell the server's operator."


class NotSupported(Unavailable):
    """The store does not know this kind of request."""


def is_passing(error: Exception) -> bool:
    """Whether the same request may do better in a moment."""
    match error:
        case S3Error():
            return error.code in _PASSING
        case ServerError():
            return error.status_code >= 500 or error.status_code == 429
        case SSLError():
            return False
        case _:  # connections that break, and answers that nobody can read
            return isinstance(error, (InvalidResponseError, HTTPError, ParseError, ValueError))


def as_ours(error: Exception, bucket: str, endpoint: str) -> EsmError:
    """NotFound, Conflict for a condition that failed, StorageFull or Unavailable."""
    code = error.code if isinstance(error, S3Error) else None
    if code in ("NoSuchKey", "NoSuchUpload"):
        return NotFound("The object store does not have it.", "Upload it again.")
    if code == "PreconditionFailed":
        return Conflict("The object store has it already.", "Nothing needs to be done.")
    if code == "NotImplemented":
        return NotSupported(f"{endpoint} does not support what it was asked.", _OPERATOR)
    if code in _FULL:
        return StorageFull(
            "The object store is full, so the upload was refused.",
            f"{_OPERATOR} Nothing was stored.",
        )
    if code == "NoSuchBucket":
        return Unavailable(
            f"The object store {endpoint} has no bucket {bucket!r}.",
            "Create it there, or name another one.",
        )
    if code in _KEYS:
        return Unavailable(
            f"The object store {endpoint} refuses the server's keys for {bucket!r} ({code}).",
            "Correct the access key and the secret key for it, or what they may do.",
        )
    if code == "RequestTimeTooSkewed":
        return Unavailable(
            f"The clocks of this server and of {endpoint} differ.", "Set the wrong one of both."
        )
    if isinstance(error, SSLError):
        return Unavailable(
            f"No secure connection to the object store {endpoint}: {_short(error)}.",
            "Name the PEM file of its certificates in ESM_SERVER_S3_CA_FILE.",
        )
    if isinstance(error, NewConnectionError):
        return Unavailable(
            f"The object store {endpoint} cannot be reached.",
            f"Try again. {_OPERATOR}",
        )
    what = code or (f"status {error.status_code}" if isinstance(error, ServerError) else "")
    return Unavailable(
        f"The object store {endpoint} fails: {what or type(error).__name__}.",
        f"Try again. {_OPERATOR}",
    )


def _short(error: Exception) -> str:
    return str(error).rpartition("] ")[2].split(" (_ssl")[0][:200].rstrip(".")
