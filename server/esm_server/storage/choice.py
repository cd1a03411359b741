"""Which blob store the settings name: a bucket where an S3 server is named, else local files."""

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from esm_client.core.errors import InvalidInput
from esm_server.settings import Settings
from esm_server.storage.base import BlobStore
from esm_server.storage.direct import DirectAccess
from esm_server.storage.local import LocalBlobStore
from esm_server.storage.s3_place import S3Place

if TYPE_CHECKING:
    from esm_server.storage.s3 import S3BlobStore


def open_store(settings: Settings) -> BlobStore:
    """The registry's blob store, not prepared yet; raises InvalidInput for half of a bucket."""
    place = registry_place(settings)
    return LocalBlobStore(settings.blob_dir) if place is None else _bucket(settings, place)


def open_direct(settings: Settings) -> DirectAccess | None:
    """How clients reach the bucket themselves, not tried out yet; None if they shall not."""
    place = registry_place(settings)
    if place is None or not settings.s3_presign:
        return None
    from esm_server.storage.s3_client import S3Client

    public = replace(place, endpoint=settings.s3_public_endpoint or place.endpoint)
    return DirectAccess(S3Client(public), _bucket(settings, place))


def _bucket(settings: Settings, place: S3Place) -> "S3BlobStore":
    from esm_server.storage.s3 import S3BlobStore
    from esm_server.storage.s3_client import S3Client

    return S3BlobStore(
        S3Client(place),
        settings.s3_prefix,
        settings.blob_dir,
        settings.blob_cache_dir,
        settings.s3_cache_bytes,
    )


def registry_place(settings: Settings) -> S3Place | None:
    """The registry's own bucket, or None; raises InvalidInput for half of one."""
    endpoint, bucket = settings.s3_endpoint, settings.s3_bucket
    access, secret = settings.s3_access_key, settings.s3_secret_key
    if endpoint and bucket and access and secret:
        return _place(settings, endpoint, bucket, access, secret)
    given = {"ENDPOINT": endpoint, "BUCKET": bucket, "ACCESS_KEY": access, "SECRET_KEY": secret}
    names = {name: f"ESM_SERVER_S3_{name}" for name in given}
    absent = [names[name] for name, value in given.items() if not value]
    if len(absent) == len(given):
        return None
    raise InvalidInput(
        f"The S3 settings are incomplete: {', '.join(absent)} not set.",
        "Set all four of ESM_SERVER_S3_ENDPOINT, _BUCKET, _ACCESS_KEY and _SECRET_KEY, or none.",
    )


def backup_place(settings: Settings, bucket: str) -> S3Place:
    """A bucket for backups; what is not set apart for backups is as the registry's bucket has it.

    Raises InvalidInput when no S3 server is named.
    """
    endpoint = settings.backup_s3_endpoint or settings.s3_endpoint
    access = settings.backup_s3_access_key or settings.s3_access_key
    secret = settings.backup_s3_secret_key or settings.s3_secret_key
    if endpoint and access and secret:
        return _place(settings, endpoint, bucket, access, secret)
    raise InvalidInput(
        f"No S3 server is named for the backups in {bucket}.",
        "Set ESM_SERVER_BACKUP_S3_ENDPOINT, _ACCESS_KEY and _SECRET_KEY.",
    )


def _place(
    settings: Settings, endpoint: str, bucket: str, access: SecretStr, secret: SecretStr
) -> S3Place:
    return S3Place(
        endpoint,
        bucket,
        access.get_secret_value(),
        secret.get_secret_value(),
        region=settings.s3_region,
        ca_file=settings.s3_ca_file,
        path_style=settings.s3_path_style,
    )
