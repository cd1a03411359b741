"""A restore gives nobody back what was taken from them since the backup."""

from contextlib import closing
from datetime import timedelta

import pytest
from support.registry import back_ends, settings_of
from support.rights import named, working

from esm_server.auth.lives import TokenLives
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.operations.restored_rights import usable_tokens
from esm_server.operations.rights_list import rights_of
from esm_server.ownership import exclusive


@pytest.fixture(name="restored")
def _restored(granted, taken, target, keys, start_registry, tmp_path):
    """restored(*options) -> what a restore of before said, and its server.

    `word` is how the place of backups knows of what was taken later.
    """

    def restore(*options, word="--revocations-only"):
        first = granted.command("backup", target, env=keys)["point"]
        taken.command("backup", target, *filter(None, [word]), env=keys)
        words = ("restore", target, "--at", first, *options)
        done = taken.command(*words, data_dir=tmp_path / "other", env=keys)["rights"]
        return done, start_registry(tmp_path / "other")

    return restore


@pytest.mark.parametrize("word", ["--revocations-only", ""], ids=["list", "backup"])
def test_what_was_taken_since_stays_taken(taken, restored, word):
    done, again = restored(word=word)
    assert named(done["taken"]) == taken.taken
    assert done["returned"] == []
    assert named(done["gone"]) == {("token", "ann", "late"), ("member", "ann", "opened")}
    assert working(again, taken.secrets) == {"kept", "bob", "dora"}
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


def test_the_newest_backup_comes_back_whole(taken, target, keys, start_registry, tmp_path):
    taken.command("backup", target, env=keys)
    done = taken.command("restore", target, data_dir=tmp_path / "other", env=keys)["rights"]
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


def reading(data_dir, read):
    """What a function reads in a registry that no server runs on."""
    with closing(Database(settings_of(data_dir, back_ends(data_dir)).url)) as database:
        with database.read() as session:
            return read(session)


def usable(data_dir, lives=None):
    """The names of tokens that can be used, and whether one is an admin's."""
    tokens, has_admin = reading(data_dir, lambda one: usable_tokens(one, lives or TokenLives()))
    return {f"{token.user}/{token.name}" for token in tokens}, has_admin


ANNS = {"ann/kept", "ann/revoked", "ann/rotated"}
LONG_AGO = "'2020-01-01 00:00:00'"


@pytest.mark.parametrize(
    ("change", "gone", "has_admin"),
    [
        ("users SET is_admin = is_admin", set(), True),
        ("users SET disabled_at = created_at WHERE name = 'ann'", ANNS, True),
        ("tokens SET revoked_at = created_at WHERE name = 'kept'", {"ann/kept"}, True),
        (f"tokens SET expires_at = {LONG_AGO} WHERE name = 'kept'", {"ann/kept"}, True),
        ("tokens SET expires_at = '2999-01-01 00:00:00' WHERE name = 'kept'", set(), True),
        ("users SET disabled_at = created_at WHERE is_admin", None, False),
        ("users SET is_admin = FALSE", set(), False),
        ("tokens SET scope = 'write'", set(), False),
        ("tokens SET namespace = 'closed'", set(), False),
    ],
)
def test_who_can_use_what(granted, tmp_path, change, gone, has_admin):
    before, had_admin = usable(granted.running.data_dir)
    assert had_admin
    assert before >= ANNS
    assert "ann/before" not in before
    copy = granted.copied(tmp_path / "copy").running
    copy.query(f"UPDATE {change}")
    left, has = usable(copy.data_dir)
    assert has is has_admin
    if gone is None:
        assert ANNS <= left < before
    else:
        assert before - left == gone


def test_tokens_that_rested_too_long_are_not_told_as_usable(granted, tmp_path):
    copy = granted.copied(tmp_path / "copy")
    copy.running.query(f"UPDATE tokens SET created_at = {LONG_AGO}, last_used_at = NULL")
    target = str(tmp_path / "backups")
    copy.command("backup", target)
    env = {"ESM_SERVER_UNUSED_TOKEN_DAYS": "30"}
    told = copy.command("restore", target, data_dir=tmp_path / "a", env=env, status=3)["rights"]
    assert (told["tokens"], told["has_admin"]) == (0, False)
    told = copy.command("restore", target, data_dir=tmp_path / "b")["rights"]
    assert told["tokens"] > 3
    assert usable(tmp_path / "b", TokenLives(unused=timedelta(days=30))) == (set(), False)


def test_the_new_token_lives_as_long_as_any_may(granted, tmp_path):
    target, other = str(tmp_path / "backups"), tmp_path / "other"
    granted.command("backup", target)
    env = {"ESM_SERVER_MAX_TOKEN_DAYS": "30"}
    granted.command("restore", target, "--revoke-tokens", data_dir=other, env=env)
    tokens = reading(other, lambda session: rights_of(session, now())).tokens
    (new,) = [one for one in tokens if one.revoked_at is None]
    assert new.expires_at is not None
    assert now() < new.expires_at <= now() + timedelta(days=30)


class TestRightsOnly:
    """Of a registry that an earlier version restored, which knows no lists."""

    @pytest.fixture(name="target")
    def _target(self, tmp_path):
        return str(tmp_path / "backups")

    @pytest.fixture(name="old")
    def _old(self, granted, taken, target, tmp_path):
        """Its data directory, with all that it had before."""
        granted.command("backup", target)
        granted.command("restore", target, data_dir=tmp_path / "old")
        taken.command("backup", target, "--revocations-only")
        return tmp_path / "old"

    def test_what_was_taken_since_is_taken(self, taken, target, old):
        words = ("restore", target, "--rights-only")
        done = taken.command(*words, data_dir=old)["rights"]
        assert named(done["taken"]) == taken.taken
        left, has_admin = usable(old)
        assert left & {*ANNS, "bob/bob", "eve/eve"} == {"ann/kept", "bob/bob"}
        assert has_admin
        assert taken.command(*words, data_dir=old)["rights"]["taken"] == []
        shown = taken.running.run_command(*words, data_dir=old).stdout
        assert "can be used  token kept of ann (read)" in shown

    def test_no_token_at_all(self, taken, target, old):
        words = ("restore", target, "--rights-only", "--revoke-tokens")
        assert taken.command(*words, data_dir=old)["rights"]["tokens"] == 1

    def test_not_beside_a_server(self, taken, target, old, refused):
        with exclusive(settings_of(old, back_ends(old))):
            said = refused(taken.running, "restore", target, "--rights-only", data_dir=old)
        assert "Another esm-server uses" in said
        assert usable(old)[0] >= ANNS

    def test_where_no_registry_is(self, taken, target, old, refused, tmp_path):
        file = f"sqlite:///{tmp_path}/nowhere.sqlite3"
        where = {"data_dir": tmp_path / "nowhere", "env": {"ESM_SERVER_DATABASE_URL": file}}
        said = refused(taken.running, "restore", target, "--rights-only", **where)
        assert "no registry" in said
        assert not (tmp_path / "nowhere").exists()
