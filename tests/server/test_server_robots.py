"""Robots belong to a namespace: its admins answer for them, and nobody falls on one of another."""

import json

import pytest
from support.artifacts import publish


class TestNames:
    def test_a_robot_lives_under_the_name_of_its_namespace(self, world, ci):
        whole = f"robot.{world.ours}.ci"
        assert (ci.token["user"], ci.token["kind"]) == (whole, "robot")
        assert ci.token["namespace"] == world.ours
        identity = ci.get("/v1/whoami").json()
        assert (identity["name"], identity["roles"]) == (whole, {world.ours: "writer"})

    def test_another_token_is_of_the_same_robot(self, world, ci):
        for name in ("ci", ci.token["user"]):
            assert world.boss.makes_robot(name, world.ours).token["user"] == ci.token["user"]

    def test_the_same_name_elsewhere_is_another_robot(self, world, ci):
        other = world.mallory.makes_robot("ci", world.theirs)
        assert other.token["user"] == f"robot.{world.theirs}.ci"
        assert set(other.get("/v1/whoami").json()["roles"]) == {world.theirs}

    def test_no_name_reaches_into_another_namespace(self, world, ci, problem):
        """Dots are in names of namespaces: `a.b` may have no robot that is `a`'s `b.c`."""
        for name in ("x.ci", ci.token["user"]):
            body = {"user": name, "kind": "robot", "namespace": world.theirs}
            problem(world.mallory.asks_for_token(**body), 400, "invalid-name")

    def test_nobody_else_is_named_like_a_robot(self, world, problem):
        name = f"robot.{world.ours}.anna"
        problem(world.root.asks_for_token(user=name), 400, "invalid-name")
        problem(world.root.asks_for_token(user=name, kind="robot"), 400, "invalid-name")
        result = world.registry.run_command("token", "create", "--scope", "read", "--user", name)
        assert (result.returncode, "Choose another --user." in result.stderr) == (1, True)
        assert world.is_admin(name) is None


class TestStrangers:
    """An admin of another namespace, with any token that they can make."""

    def test_makes_no_token_for_it(self, world, ci, problem):
        whole = ci.token["user"]
        for name in ("ci", whole):
            body = {"user": name, "kind": "robot", "namespace": world.ours}
            problem(world.mallory.asks_for_token(**body), 404, "not-found")
            problem(world.mallory.asks_for_token(user=name, kind="robot"), 403, "forbidden")
            problem(world.mallory.asks_for_token(user=name), 403, "forbidden")
        assert len(world.anna.get(f"/v1/tokens?user={whole}").json()["items"]) == 1

    def test_makes_no_token_for_one_from_before(self, world, ci):
        world.renames(ci, f"bot-{world.space}")
        made = world.mallory.makes_robot(ci.token["user"], world.theirs)
        assert made.token["user"] == f"robot.{world.theirs}.bot-{world.space}"

    def test_sees_neither_its_receipts_nor_its_tokens(self, world, ci, problem):
        receipt = ci.ranks(world.space)
        assert [row["reference"] for row in receipt["rows"]] == [f"{world.ours}/esm@1"]
        other = world.mallory.makes_robot("ci", world.theirs)
        for path in ("", "/events", "/outcomes"):
            for who in (other, world.mallory):
                problem(who.get(f"/v1/rankings/{receipt['id']}{path}"), 404, "not-found")
        for who in (other, world.mallory):
            problem(who.get(f"/v1/tokens?user={ci.token['user']}"), 403, "forbidden")

    def test_reports_and_withdraws_nothing_in_its_name(self, world, ci, problem):
        path = f"/v1/rankings/{ci.ranks(world.space)['id']}/outcomes"
        told = {"reference": None, "metric": 0.5}
        ci.post(path, told).raise_for_status()
        other = world.mallory.makes_robot("ci", world.theirs)
        problem(other.post(path, {**told, "metric": 0.1}), 404, "not-found")
        problem(other.delete(f"{path}/accuracy"), 404, "not-found")
        assert [one["metric"] for one in ci.get(path).json()["items"]] == [0.5]

    def test_does_not_learn_that_it_exists(self, world, ci, problem):
        def words(name, method, body):
            path = f"/v1/namespaces/{world.theirs}/members/{name}"
            shown = problem(world.mallory.send(method, path, body), 404, "not-found")
            return f"{shown['detail']} {shown['hint']}".replace(name, "NAME")

        for method, body in (("PUT", {"role": "reader"}), ("DELETE", None)):
            nobody = words(f"robot.{world.ours}.nobody", method, body)
            assert words(ci.token["user"], method, body) == nobody

    def test_neither_rotates_nor_revokes(self, world, ci, problem):
        for who in (world.mallory, world.mallory.makes_robot("ci", world.theirs)):
            problem(who.rotates(ci), 404, "not-found")
            problem(who.revokes(ci), 404, "not-found")
        assert ci.is_let_in()


class TestSpaces:
    """What a robot's push founds, the admins of its namespace decide about."""

    @pytest.fixture(name="path")
    def _path(self, world, ci):
        founded = f"{world.space}-founded"
        ci.pushes(world.esm(5), f"{world.ours}/first", space=founded)
        return f"/v1/spaces/{founded}"

    @pytest.mark.parametrize("change", [{"retired": True}, {"location": "https://evil.example"}])
    def test_neither_strangers_nor_the_robot_change_it(self, world, ci, path, change, problem):
        strangers = (world.mallory, world.mallory.makes_robot("ci", world.theirs))
        writer = world.anna.makes_token("write")
        for who in (*strangers, ci, writer):
            problem(who.patch(path, change), 403, "forbidden")
        space = ci.get(path).json()
        assert (space["retired_at"], space["location"]) == (None, "")
        ci.pushes(world.esm(6), f"{world.ours}/second", space=space["name"])

    def test_admins_of_its_namespace_do(self, world, path):
        for who in (world.anna, world.boss, world.root):
            assert who.patch(path, {"description": who.name}).status_code == 200

    def test_not_with_a_token_that_is_limited_to_it(self, world, path, problem):
        """Others use the space too; and so no robot that administers its namespace."""
        for who in (
            world.anna.makes_token(namespace=world.ours),
            world.anna.makes_robot("chief", world.ours, "admin"),
            world.root.makes_token(namespace=world.ours),
        ):
            shown = problem(who.patch(path, {"retired": True}), 403, "forbidden")
            assert f"{world.ours!r} only" in shown["detail"]

    def test_its_name_is_told_to_who_may_read_its_namespace(self, world, ci, path, problem):
        name = path.rpartition("/")[2]

        def shown(who):
            listed = who.get(f"/v1/spaces?limit=200&after={name[:-1]}").json()["items"]
            told = {one["created_by"] for one in listed if one["name"] == name}
            told |= {who.get(path).json()["created_by"]}
            return told | {who.get(f"{path}/live").json()["space"]["created_by"]}

        for who in (ci, world.anna, world.boss, world.root):
            assert shown(who) == {ci.token["user"]}
        for who in (world.mallory, world.boss.makes_token(namespace=world.theirs)):
            assert shown(who) == {"a robot"}
        refused = world.mallory.patch(path, {"retired": True})
        assert "created by a robot." in problem(refused, 403, "forbidden")["detail"]
        world.root.patch(path, {"retired": True}).raise_for_status()
        late = publish(world.mallory, world.esm(8), f"{world.theirs}/late", space=name)
        assert "an admin of the registry" in problem(late, 409, "conflict")["hint"]
        assert world.ours not in late.text

    def test_one_from_before_is_left_to_the_registry(self, world, ci, path, problem):
        """Nobody knows whose the robot was, and admins of two namespaces may hold its tokens."""
        name = f"bot-{world.space}"
        founder = ci.token["user"]
        world.renames(ci, name)
        world.registry.query(
            "UPDATE spaces SET created_by = :name WHERE created_by = :founder",
            name=name, founder=founder,
        )  # fmt: skip
        for who in (ci, world.anna, world.mallory):
            problem(who.patch(path, {"retired": True}), 403, "forbidden")
        assert world.root.patch(path, {"location": "/mnt"}).status_code == 200


class TestNamedInAdvance:
    """A user that somebody makes on the server is never a robot that others hold tokens of."""

    @pytest.fixture(name="name")
    def _name(self, world):
        """A robot of mallory's has this name, as it could before robots had namespaces."""
        name = f"carol-{world.space}"
        self.robot = world.mallory.makes_robot("carol", world.theirs)
        world.renames(self.robot, name, world.theirs)
        return name

    def test_by_the_servers_command(self, world, name):
        create = ("token", "create", "--scope", "admin", "--name", "own", "--user", name)
        refused = world.registry.run_command(*create)
        assert refused.returncode == 1
        assert f"{name!r} is a robot, not a person." in refused.stderr
        assert "pass --robot" in refused.stderr
        for told in ("--robot", "--make-admin"):
            assert world.registry.run_command(*create, told).returncode == 1
        both = world.registry.run_command(*create, "--robot", "--make-admin")
        assert "cannot administer the registry" in both.stderr
        assert world.is_admin(name) is False
        assert len(world.root.get(f"/v1/tokens?user={name}").json()["items"]) == 1

    def test_over_the_wire(self, world, name, problem):
        shown = problem(world.root.asks_for_token("write", user=name), 409, "conflict")
        assert "is a robot" in shown["detail"]
        assert "`robot=True`" in shown["hint"]

    def test_by_a_robot_of_another_namespace(self, world, name):
        made = world.root.makes_robot(name, world.ours)
        assert made.token["user"] == f"robot.{world.ours}.{name}"

    def test_by_a_membership(self, world, name, problem):
        told = problem(world.root.sets_member(world.ours, name, "reader"), 409, "conflict")
        assert "robot of another namespace" in told["detail"]
        problem(world.anna.sets_member(world.ours, name, "reader"), 404, "not-found")

    def test_a_robot_now_takes_no_persons_name(self, world):
        world.mallory.makes_robot("dave", world.theirs)
        create = ("token", "create", "--scope", "admin", "--json", "--user")
        made = world.registry.run_command(*create, f"dave-{world.space}")
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout)["user"] == f"dave-{world.space}"

    def test_a_person_is_no_robot_either(self, world, problem):
        anna = world.anna.token["user"]
        problem(world.root.asks_for_token(user=anna, kind="robot"), 409, "conflict")
        made = world.mallory.makes_robot(anna, world.theirs)
        assert made.token["user"] == f"robot.{world.theirs}.{anna}"
        create = ("token", "create", "--scope", "read", "--robot", "--user", anna)
        assert "is a person, not a robot" in world.registry.run_command(*create).stderr

    def test_nobody_becomes_an_admin_unasked(self, world):
        anna = world.anna.token["user"]
        create = ("token", "create", "--scope", "admin", "--name", "more", "--user", anna)
        refused = world.registry.run_command(*create)
        assert (refused.returncode, "--make-admin" in refused.stderr) == (1, True)
        assert world.is_admin(anna) is False
        assert world.registry.run_command(*create, "--make-admin").returncode == 0
        assert world.is_admin(anna) is True
