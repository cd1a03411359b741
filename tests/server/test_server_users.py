"""Disabling a user: one act that ends everything they do, and is taken back by another."""

import json

import pytest
from support.artifacts import upload
from support.people import Holder, World, ranking_of
from support.registry import RunningRegistry
from support.waiting import held_workers, until

from esm_client.core.artifact.manifest import digest_bytes

CONTENT = b"y" * 300_000


def path_of(who):
    return f"/v1/users/{who.token['user']}"


def disable(world, who):
    answer = world.root.patch(path_of(who), {"disabled": True})
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestList:
    def test_who_there_is(self, world):
        robot = world.anna.makes_robot("ci", world.ours)
        users = {}
        path = "/v1/users?limit=200"
        while path:
            page = world.root.get(path).json()
            users |= {user["name"]: user for user in page["items"]}
            path = page["next"] and f"/v1/users?limit=200&after={page['next']}"
        found = users[robot.token["user"]]
        assert (found["kind"], found["namespace"]) == ("robot", world.ours)
        anna = users[world.anna.token["user"]]
        assert (anna["kind"], anna["namespace"], anna["is_admin"]) == ("person", None, False)
        assert (anna["disabled_at"], anna["disabled_by"]) == (None, None)
        assert users["admin"]["is_admin"]

    def test_is_for_admins_of_the_registry(self, world, problem):
        weak = world.root.makes_token("write")
        for who in (world.anna, weak, world.root.makes_token(namespace=world.ours)):
            problem(who.get("/v1/users"), 403, "forbidden")
            problem(who.patch(path_of(world.mallory), {"disabled": True}), 403, "forbidden")
        assert world.mallory.is_let_in()

    def test_nobody_of_that_name(self, world, problem):
        told = {"disabled": True}
        problem(world.root.patch(f"/v1/users/no-{world.space}", told), 404, "not-found")
        problem(world.root.patch("/v1/users/N%C3%B6", told), 400, "invalid-name")


class TestDisabled:
    def test_all_their_tokens_are_refused_with_one_sentence(self, world, problem):
        tokens = [world.anna, world.anna.makes_token("read"),
                  world.anna.makes_token(namespace=world.ours)]  # fmt: skip
        shown = disable(world, world.anna)
        assert shown["disabled_at"] is not None
        assert shown["disabled_by"] == world.root.name
        for who in tokens:
            for path in ("/v1/whoami", "/v1/esms", f"/v1/namespaces/{world.ours}"):
                detail = problem(who.get(path), 401, "unauthorized")["detail"]
                assert detail.startswith(f"The user {world.anna.token['user']!r} was disabled at ")
        assert world.boss.is_let_in()

    def test_robots_of_their_namespaces_go_on(self, world):
        robot = world.anna.makes_robot("ci", world.ours)
        disable(world, world.anna)
        assert robot.is_let_in()
        disable(world, robot)
        assert not robot.is_let_in()

    def test_nobody_makes_tokens_for_them(self, world, problem):
        name = disable(world, world.anna)["name"]
        problem(world.root.asks_for_token(user=name), 409, "conflict")
        create = ("token", "create", "--scope", "read", "--name", "new", "--user", name)
        refused = world.registry.run_command(*create)
        assert (refused.returncode, "was disabled at" in refused.stderr) == (1, True)

    def test_enabled_again(self, world):
        read = world.anna.makes_token("read")
        world.root.revokes(read).raise_for_status()
        disable(world, world.anna)
        shown = world.root.patch(path_of(world.anna), {"disabled": False}).json()
        assert (shown["disabled_at"], shown["disabled_by"]) == (None, None)
        assert (world.anna.is_let_in(), read.is_let_in()) == (True, False)

    def test_as_an_admin_of_a_namespace_they_count_for_nobody(self, world, problem):
        anna = world.anna.token["user"]
        path = f"/v1/namespaces/{world.ours}/members"
        world.anna.delete(f"{path}/{world.root.name}").raise_for_status()
        disable(world, world.boss)
        problem(world.anna.delete(f"{path}/{anna}"), 409, "conflict")
        problem(world.anna.sets_member(world.ours, anna, "reader"), 409, "conflict")
        world.anna.delete(f"{path}/{world.boss.token['user']}").raise_for_status()

    def test_the_log_tells_each_change_once(self, world):
        for state in (True, True, False, False):
            world.root.patch(path_of(world.anna), {"disabled": state}).raise_for_status()
        path = f"/v1/audit?subject={world.anna.token['user']}&action=user"
        events = world.root.get(path).json()["items"]
        assert [event["action"] for event in events] == ["user.enable", "user.disable"]
        assert {event["user"] for event in events} == {world.root.name}

    def test_an_upload_stops(self, world, problem):
        def chunks():
            yield CONTENT[:100_000]
            disable(world, world.anna)
            yield CONTENT[100_000:]

        path = f"/v1/namespaces/{world.ours}/blobs/{digest_bytes(CONTENT)}"
        with world.anna.client() as client:
            shown = problem(client.put(path, content=chunks()), 401, "unauthorized")
        assert "was disabled" in shown["detail"]
        assert world.root.send("HEAD", path).status_code == 404

    def test_files_that_lie_ready_make_no_version(self, world, problem):
        directory = world.esm(4)
        with world.anna.client() as client:
            body = {"manifest": upload(client, directory, world.ours), "space": world.space}
        disable(world, world.anna)
        late = world.anna.post(f"/v1/esms/{world.ours}/late/versions", body)
        problem(late, 401, "unauthorized")
        problem(world.root.get(f"/v1/esms/{world.ours}/late"), 404, "not-found")


class TestLastAdmin:
    @pytest.fixture(name="running")
    def _running(self, start_registry):
        """Its admins: one of the first start, and one of the test."""
        return start_registry(env={"ESM_SERVER_UNUSED_TOKEN_DAYS": "30"})

    def test_somebody_must_be_left(self, running, problem):
        root = Holder(running, running.admin_token)
        me = f"/v1/users/{root.name}"
        assert root.patch("/v1/users/admin", {"disabled": True}).status_code == 200
        problem(root.patch(me, {"disabled": True}), 409, "conflict")
        refused = running.run_command("user", "disable", root.name)
        assert (refused.returncode, "nobody can administer" in refused.stderr) == (1, True)
        assert root.is_let_in()

    @pytest.mark.parametrize("left", ["expired", "limited", "write", "rested"])
    def test_who_could_do_nothing_counts_for_nobody(self, running, left, problem):
        """The other admin has no token that administers the registry."""
        root = Holder(running, running.admin_token)
        root.post("/v1/namespaces", {"name": "team"}).raise_for_status()
        more = {"expired": {"expires_in_days": 0}, "limited": {"namespace": "team"}}.get(left, {})
        scope = "write" if left == "write" else "admin"
        root.makes_token(scope, user="admin", **more)
        running.query(
            "UPDATE tokens SET revoked_at = created_at WHERE name = 'default' AND user_id = "
            "(SELECT id FROM users WHERE name = 'admin')"
        )
        if left == "rested":
            running.query("UPDATE tokens SET created_at = '2020-01-01 00:00:00' WHERE user_id = "
                          "(SELECT id FROM users WHERE name = 'admin')")  # fmt: skip
        me = f"/v1/users/{root.name}"
        problem(root.patch(me, {"disabled": True}), 409, "conflict")
        root.makes_token(user="admin")
        assert root.patch(me, {"disabled": True}).status_code == 200
        assert not root.is_let_in()


class TestCommand:
    """`esm-server user`, beside a server that runs."""

    def test_list_disable_enable(self, world):
        name = world.anna.token["user"]
        run = world.registry.run_command
        assert f"{name}  person\n" in run("user", "list").stdout
        assert run("user", "disable", name).stdout == f"{name} is disabled.\n"
        assert not world.anna.is_let_in()
        assert f"{name}  person, disabled 20" in run("user", "list").stdout
        listed = json.loads(run("user", "list", "--json").stdout)["users"]
        assert next(u for u in listed if u["name"] == name)["disabled_by"] == "esm-server"
        assert run("user", "enable", name).stdout == f"{name} is enabled.\n"
        assert world.anna.is_let_in()

    def test_needs_the_database_alone(self, world):
        """Whoever must be stopped is, while the store does not answer."""
        away = {
            "ESM_SERVER_S3_ENDPOINT": "http://127.0.0.1:9",
            "ESM_SERVER_S3_BUCKET": "nowhere",
            "ESM_SERVER_S3_ACCESS_KEY": "key",
            "ESM_SERVER_S3_SECRET_KEY": "secret",
        }
        name = world.anna.token["user"]
        for words in (("disable", name), ("list",), ("enable", name)):
            done = world.registry.run_command("user", *words, env=away)
            assert (done.returncode, name in done.stdout) == (0, True), done.stderr

    def test_nobody_of_that_name(self, world):
        result = world.registry.run_command("user", "disable", f"no-{world.space}")
        assert (result.returncode, "There is no user named" in result.stderr) == (1, True)


@pytest.fixture(name="slow", scope="module")
def _slow(tmp_path_factory):
    """The world of a server of one worker that scores one ranking at a time."""
    folder = tmp_path_factory.mktemp("slow")
    env = {"ESM_SERVER_WORKERS": "1", "ESM_SERVER_RUNNING_RANKINGS": "1"}
    running = RunningRegistry(folder / "registry", env)
    yield World(running, "slow", folder)
    running.kill()


class TestRankings:
    """On their way when the user is disabled, or the token that asked ends."""

    def ends(self, slow, who, how):
        {
            "disabled": lambda: disable(slow, who),
            "by the operator": lambda: slow.registry.run_command(
                "user", "disable", who.token["user"]
            ),
            "revoked": lambda: slow.root.revokes(who).raise_for_status(),
            "expired": lambda: slow.registry.query(
                "UPDATE tokens SET expires_at = created_at WHERE id = :id", id=who.token["id"]
            ),
        }[how]()

    @pytest.mark.parametrize(
        ("how", "seed"),  # other targets each time: scores that are known are told at once
        [("disabled", 10), ("by the operator", 13), ("revoked", 16), ("expired", 19)],
    )
    def test_end_while_they_run_and_while_they_wait(self, slow, how, seed):
        who = slow.root.makes_token("read", user=f"eve-{how.replace(' ', '-')}")
        slow.root.sets_member(slow.ours, who.token["user"], "reader").raise_for_status()
        slow.root.ranks(slow.space)  # its workers run from the first one on
        ((kept,),) = slow.registry.query("SELECT count(*) FROM rankings")
        with held_workers(slow.registry):
            jobs = [
                who.post("/v1/rankings", ranking_of(slow.space, seed=target, wait=0)).json()["id"]
                for target in (seed, seed + 1)
            ]
            self.ends(slow, who, how)
            for job in jobs:
                ended = until(lambda job=job: self.over(slow, job))
                assert (ended["state"], ended["problem"]["code"]) == ("failed", "unauthorized")
        slow.root.ranks(slow.space, seed=seed + 2)  # one at a time: after what still ran
        assert slow.registry.query("SELECT count(*) FROM rankings") == [(kept + 1,)]

    def test_somebody_else_s_equal_one_goes_on(self, slow):
        who = slow.root.makes_token("read", user="eve-with-a-twin")
        slow.root.ranks(slow.space)
        with held_workers(slow.registry):
            body = ranking_of(slow.space, seed=31, wait=0)
            # whoever sees the same: else the pools differ, and the rankings are not equal
            slow.root.sets_member(slow.ours, who.token["user"], "reader").raise_for_status()
            slow.root.sets_member(slow.theirs, who.token["user"], "reader").raise_for_status()
            theirs, ours = (one.post("/v1/rankings", body).json()["id"] for one in (who, slow.root))
            disable(slow, who)
            until(lambda: self.over(slow, theirs))
        receipt = until(lambda: self.over(slow, ours))
        assert len(receipt["rows"]) == 2

    def test_one_that_waits_for_the_next_start_is_not_run(self, slow):
        """The last one: it ends the server."""
        who = slow.root.makes_token("read", user="eve-asleep")
        slow.root.sets_member(slow.ours, who.token["user"], "reader").raise_for_status()
        slow.root.ranks(slow.space)
        with held_workers(slow.registry):
            body = ranking_of(slow.space, seed=41, wait=0)
            job = who.post("/v1/rankings", body).json()["id"]
            slow.registry.kill()
        assert slow.registry.run_command("user", "disable", "eve-asleep").returncode == 0
        again = RunningRegistry(slow.registry.data_dir)
        try:
            root = Holder(again, slow.registry.admin_token)
            ended = until(lambda: self.over_by(root, job))
            assert (ended["state"], ended["problem"]["code"]) == ("failed", "unauthorized")
        finally:
            again.kill()

    def over(self, slow, job):
        return self.over_by(slow.root, job)

    @staticmethod
    def over_by(root, job):
        """What became of a ranking, once it is over."""
        answer = root.get(f"/v1/rankings/{job}")
        document = answer.json()
        running = answer.status_code == 202 and document["state"] in ("queued", "running")
        return None if running or answer.status_code == 503 else document
