"""Backups in a bucket: of a registry that has no bucket itself, or another one."""

import io
import shutil

import pytest
from support.databases import ON_SERVERS
from support.storage import s3_server

pytestmark = ON_SERVERS
PREFIX = "backups/registry"


@pytest.fixture(name="bucket")
def _bucket():
    return s3_server().create_bucket()


@pytest.fixture(name="keys")
def _keys():
    """The settings of a server for backups alone."""
    return s3_server().backup_env()


def objects(bucket):
    """What lies in a bucket, and since when."""
    found = s3_server().client().list_objects(bucket, recursive=True)
    return {one.object_name: one.last_modified for one in found}


def test_there_and_back(filled, command, ranked, start_registry, tmp_path, bucket, keys):
    target = f"s3://{bucket}/{PREFIX}"
    command(filled, "backup", target, env=keys)
    before = objects(bucket)
    assert all(name.startswith(f"{PREFIX}/") for name in before)
    last = command(filled, "backup", target, env=keys)
    after = objects(bucket)
    assert {name: after[name] for name in before} == before  # no file was sent twice
    new = sorted(name.split("/")[2] for name in after.keys() - before.keys())
    assert new == ["points", "rights"]
    found, token = ranked(filled), filled.read_token
    filled.stop()
    shutil.rmtree(filled.data_dir)
    elsewhere = tmp_path / "elsewhere"
    back = command(filled, "restore", target, data_dir=elsewhere, env=keys)
    assert (back["rows"], back["blobs"]) == (last["rows"], last["blobs"])
    assert command(filled, "check", "--deep", data_dir=elsewhere)["findings"] == []
    again = start_registry(elsewhere)
    assert ranked(again) == found
    with again.client(token) as client:
        assert client.get("/v1/esms/n/a/versions/stable").json()["version"] == 1


@pytest.mark.parametrize("what", ["point", "blob", "removed"])
def test_a_damaged_backup(filled, command, refused, tmp_path, bucket, keys, what):
    target, other, client = f"s3://{bucket}", tmp_path / "other", s3_server().client()
    command(filled, "backup", target, env=keys)
    wanted = "points/" if what == "point" else "blobs/"
    name = next(name for name in objects(bucket) if name.startswith(wanted))
    if what == "removed":
        client.remove_object(bucket, name)
    else:
        data = client.get_object(bucket, name).read()
        changed = data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]
        client.put_object(bucket, name, io.BytesIO(changed), len(changed))
    assert "damaged" in refused(filled, "restore", target, data_dir=other, env=keys)
    assert list(other.glob("blobs/??/*")) == []


def test_places_that_are_refused(filled, refused, bucket, keys):
    assert "no place for backups" in refused(filled, "backup", "ftp://somewhere/else", env=keys)
    assert "no place for backups" in refused(filled, "backup", "s3://", env=keys)
    assert "holds no backup" in refused(filled, "restore", f"s3://{bucket}/empty", env=keys)
    assert "there-is-none" in refused(filled, "backup", "s3://there-is-none", env=keys)
    own = {name.replace("BACKUP_", ""): value for name, value in keys.items()}
    own["ESM_SERVER_S3_BUCKET"] = bucket
    own["ESM_SERVER_S3_PREFIX"] = "mine"
    told = refused(filled, "backup", f"s3://{bucket}/mine/", env=own)
    assert "registry itself" in told


def test_without_keys(filled, refused, bucket, monkeypatch):
    nothing = {f"ESM_SERVER_S3_{name}": "" for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY")}
    assert "BACKUP_S3_ENDPOINT" in refused(filled, "backup", f"s3://{bucket}", env=nothing)
