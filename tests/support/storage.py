"""Where the tests' registries keep blobs: local files, or with ESM_TEST_STORAGE=s3 a bucket."""

import atexit
import hashlib
import io
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest
from minio.commonconfig import CopySource
from support.s3 import GIVEN, S3Server, missing, open_server

IN_BUCKET = os.environ.get("ESM_TEST_STORAGE") == "s3"
"""Read once: tests clean their environment."""


@cache
def s3_server() -> S3Server:
    """One S3 server for the whole run; skips where none can be had."""
    if (reason := missing()) is not None:
        pytest.skip(reason)
    home = Path(tempfile.mkdtemp(prefix="esm-s3-"))
    server = open_server(home)
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    atexit.register(server.stop)
    return server


@cache
def bucket() -> str:
    """One bucket for the whole run."""
    name = s3_server().create_bucket()
    if GIVEN[0]:  # else it ends with its server
        atexit.register(s3_server().remove_bucket, name)
    return name


def storage_env(data_dir: Path) -> dict[str, str]:
    """The variables of a registry's store; the same directory has the same blobs."""
    if not IN_BUCKET:
        return {}
    return s3_server().env(bucket(), _prefix(data_dir))


def copy_blobs(source: Path, target: Path) -> None:
    """Give a data directory the blobs of another one, and what the engine keeps beside them."""
    for folder in ("blobs", "engine"):
        if (source / folder).exists():
            shutil.copytree(source / folder, target / folder)
    if IN_BUCKET:
        client, old, new = s3_server().client(), _prefix(source), _prefix(target)
        for found in client.list_objects(bucket(), f"{old}/", recursive=True):
            name = found.object_name or ""
            copied = new + name.removeprefix(old)
            client.copy_object(bucket(), copied, CopySource(bucket(), name))


def _prefix(data_dir: Path) -> str:
    return hashlib.sha256(str(data_dir.absolute()).encode()).hexdigest()[:16]


def overwrite(data_dir: Path, digest: str, content: bytes) -> None:
    """Put other bytes where a blob lies, as no store would; none of our code is asked."""
    name = digest.removeprefix("sha256:")
    variables = storage_env(data_dir)
    if not variables:
        (data_dir / "blobs" / name[:2] / name).write_bytes(content)
        return
    key = f"{variables['ESM_SERVER_S3_PREFIX']}/blobs/{name[:2]}/{name}"
    (data_dir / "blob-cache" / name[:2] / name).unlink(missing_ok=True)
    s3_server().client().put_object(bucket(), key, io.BytesIO(content), len(content))
