"""A restore gives nobody back what was taken from them since the backup."""

import pytest
from support.databases import ON_SERVERS
from support.rights import DISABLES, named, working
from support.storage import s3_server


@pytest.fixture(name="target", params=["folder", pytest.param("bucket", marks=ON_SERVERS)])
def _target(request, tmp_path):
    if request.param == "folder":
        return str(tmp_path / "backups")
    return f"s3://{s3_server().create_bucket()}/b"


@pytest.fixture(name="env")
def _env(target):
    return s3_server().backup_env() if target.startswith("s3:") else {}


@pytest.fixture(name="restored")
def _restored(granted, taken, target, env, start_registry, tmp_path):
    """restored(*options) -> what a restore of before said, and its server.

    `word` is how the place of backups knows of what was taken later.
    """

    def restore(*options, word="--revocations-only"):
        first = granted.command("backup", target, env=env)["point"]
        taken.command("backup", target, *filter(None, [word]), env=env)
        words = ("restore", target, "--at", first, *options)
        done = taken.command(*words, data_dir=tmp_path / "other", env=env)["rights"]
        return done, start_registry(tmp_path / "other")

    return restore


@pytest.mark.parametrize("word", ["--revocations-only", ""], ids=["list", "backup"])
def test_what_was_taken_since_stays_taken(taken, restored, word):
    done, again = restored(word=word)
    assert named(done["taken"]) == taken.taken
    assert done["returned"] == []
    assert named(done["gone"]) == {("token", "ann", "late"), ("member", "ann", "opened")}
    left = {"kept", "bob", "dora"} | (set() if DISABLES else {"eve"})
    assert working(again, taken.secrets) == left
    with again.client(taken.secrets["kept"]) as ann:
        for name in ("closed", "opened", "dropped"):
            assert ann.get(f"/v1/namespaces/{name}").status_code == 404
    with again.client(taken.secrets["bob"]) as bob:
        assert bob.get("/v1/whoami").json()["roles"] == {"closed": "reader"}
    with again.client(taken.secrets["dora"]) as dora:
        assert dora.get("/v1/whoami").json()["is_admin"] is False
    with again.client(again.admin_token) as admin:
        events = admin.get("/v1/audit", params={"action": "restore", "limit": 100}).json()["items"]
    assert named(event["detail"] for event in events) == taken.taken
    assert {event["user"] for event in events} == {"esm-server"}


def test_the_newest_backup_comes_back_whole(taken, target, env, start_registry, tmp_path):
    taken.command("backup", target, env=env)
    done = taken.command("restore", target, data_dir=tmp_path / "other", env=env)["rights"]
    assert [done[kind] for kind in ("taken", "returned", "gone")] == [[], [], []]
    assert working(start_registry(tmp_path / "other"), taken.secrets) == taken.works


def test_as_it_was(granted, taken, restored):
    done, again = restored("--as-it-was")
    assert named(done["returned"]) == taken.taken
    assert done["taken"] == []
    assert working(again, taken.secrets) == granted.works
    with again.client(granted.secrets["bob"]) as bob:
        assert bob.get("/v1/whoami").json()["roles"] == {"closed": "admin", "dropped": "admin"}


@pytest.mark.parametrize("more", [(), ("--as-it-was",)])
def test_no_token_at_all(taken, restored, more):
    done, again = restored("--revoke-tokens", *more)
    assert done["tokens"] == 1
    assert done["revoked"] > 3
    assert working(again, taken.secrets) == set()
    with again.client(done["new_token"]["token"]) as admin:
        who = admin.get("/v1/whoami").json()
        assert (who["name"], who["scope"], who["is_admin"]) == ("admin", "admin", True)
        assert admin.get("/v1/tokens").status_code == 200
