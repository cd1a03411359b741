"""Backups before the newest: shown, forgotten with their files, and verified."""

from datetime import timedelta

import pytest

from esm_client.core.errors import InvalidInput
from esm_server.operations import old_backups
from esm_server.operations.backup import back_up
from esm_server.operations.backup_place import backups_at
from esm_server.operations.old_backups import forget
from esm_server.settings import Settings


@pytest.fixture(name="place")
def _place(filled, target, keys):
    values = {name.removeprefix("ESM_SERVER_").lower(): value for name, value in keys.items()}
    return backups_at(target, Settings(**(filled.settings.model_dump() | values)))


def there(place):
    return {blob.digest for blob in place.store.stored()}


def add(filled, number):
    """One more thing in the database, so that the next backup has another dump."""
    with filled.client(filled.admin_token) as client:
        client.patch("/v1/esms/n/a", json={"description": f"{number}"}).raise_for_status()


@pytest.fixture(name="three")
def _three(filled, parts, place):
    """Three backups; the names of their points."""
    with parts(filled) as registry:
        for number in range(3):
            add(filled, number)
            back_up(registry, place)
    return place.names()


def test_what_only_forgotten_ones_named_goes_too(filled, parts, place, three, monkeypatch):
    before = there(place)
    with parts(filled) as registry:
        assert back_up(registry, place, keep=3).forgotten == three[:1]
        assert there(place) == before  # what is of today may be of a backup that is being written
        monkeypatch.setattr(old_backups, "GRACE", timedelta(0))
        done = back_up(registry, place, keep=1)
    assert done.forgotten[:2] == three[1:]
    assert place.names() == [done.point]
    point = place.read(None)
    named = {point.blobs.digest, *(part.digest for part in point.tables.values())}
    assert there(place) == named | {digest for digest, _ in place.blobs(point)}
    assert len(before - there(place)) == done.removed_blobs > 0


def test_what_is_left_comes_back(
    filled, place, target, three, monkeypatch, command, keys, tmp_path
):
    monkeypatch.setattr(old_backups, "GRACE", timedelta(0))
    forget(place, 1)
    assert place.names() == three[-1:]
    other = tmp_path / "other"
    assert command(filled, "restore", target, data_dir=other, env=keys)["blobs"] > 0
    assert command(filled, "check", "--deep", data_dir=other)["findings"] == []


@pytest.mark.parametrize("what", ["document", "list"])
def test_a_damaged_one_that_stays_stops_it(parts, filled, place, three, monkeypatch, what):
    monkeypatch.setattr(old_backups, "GRACE", timedelta(0))
    if what == "list":
        place.store.remove(place.read(three[1]).blobs.digest)
    else:
        place.remove(three[1])
        place._points.write(three[1], b"{}")
    before = there(place)
    with pytest.raises(InvalidInput, match=f"{three[1]}.*damaged"):
        forget(place, 2)
    assert there(place) == before
    assert place.names() == three


def test_verifying_reads_older_ones_too(filled, parts, place, three):
    tables = place.read(three[0]).tables
    (digest,) = {tables["esms"].digest} - {place.read(three[1]).tables["esms"].digest}
    place.store.remove(digest)
    with parts(filled) as registry:
        assert back_up(registry, place).damaged == {}
        assert back_up(registry, place, verify=True).damaged == {three[0]: f"{digest} is missing"}


def test_the_commands(served, command, tmp_path):
    target = tmp_path / "backups"
    assert command(served, "restore", str(target), "--list") == {"points": []}
    made = [command(served, "backup", str(target))["point"] for _ in range(3)]
    (target / "points" / f"{made[0]}.json").write_text("{}")
    listed = command(served, "restore", str(target), "--list", status=3)["points"]
    assert [one["point"] for one in listed] == made
    assert "damaged" in listed[0]
    assert listed[1]["rows"] > 0
    done = command(served, "backup", str(target), "--keep", "2", "--verify")
    assert (done["forgotten"], done["damaged"]) == (made[:2], {})
    shown = served.run_command("restore", str(target), "--list").stdout
    assert shown.startswith(made[2])
    assert served.run_command("backup", str(target), "--keep", "0").returncode == 2
