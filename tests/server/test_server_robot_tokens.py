"""Tokens of robots: admins of the namespace make and end them, whoever made the robot."""

import pytest


class TestAdmins:
    """Of the namespace: they alone make, rotate and revoke tokens of its robots."""

    def test_one_rotates_and_revokes_what_another_made(self, world, ci):
        listed = world.boss.get(f"/v1/tokens?user={ci.token['user']}").json()["items"]
        assert [one["id"] for one in listed] == [ci.token["id"]]
        renewed = world.boss.rotates(ci)
        assert renewed.status_code == 200, renewed.text
        assert not ci.is_let_in()
        assert world.boss.revokes(ci).status_code == 200

    def test_who_is_one_no_longer(self, world, ci, problem):
        world.root.sets_member(world.ours, world.anna.token["user"], "writer").raise_for_status()
        path = f"/v1/tokens?user={ci.token['user']}"
        problem(world.anna.get(path), 403, "forbidden")
        body = {"user": "ci", "kind": "robot", "namespace": world.ours}
        problem(world.anna.asks_for_token("write", **body), 403, "forbidden")
        problem(world.anna.rotates(ci), 404, "not-found")
        problem(world.anna.revokes(ci), 404, "not-found")
        assert ci.is_let_in()

    def test_a_robot_goes_on_without_who_made_it(self, world, ci):
        world.root.revokes(world.anna).raise_for_status()
        assert (world.anna.is_let_in(), ci.is_let_in()) == (False, True)
        assert world.boss.revokes(ci).status_code == 200
        assert not ci.is_let_in()

    @pytest.mark.parametrize("scope", ["read", "write"])
    def test_a_weaker_token_of_theirs_does_not(self, world, ci, scope, problem):
        weak = world.anna.makes_token(scope)
        body = {"user": "ci", "kind": "robot", "namespace": world.ours}
        problem(weak.asks_for_token("read", **body), 403, "forbidden")
        problem(weak.rotates(ci), 404, "not-found")
        problem(weak.revokes(ci), 404, "not-found")

    def test_a_robot_decides_nothing_about_its_tokens(self, world, ci, problem):
        problem(ci.asks_for_token("read", namespace=world.ours), 403, "forbidden")
        problem(ci.rotates(ci), 403, "forbidden")
        problem(ci.revokes(ci), 403, "forbidden")
        assert ci.is_let_in()

    def test_a_robot_that_is_an_admin_stays_within_its_namespace(self, world, problem):
        chief = world.anna.makes_robot("chief", world.ours, "admin")
        assert chief.makes_token("read", namespace=world.ours).token["namespace"] == world.ours
        problem(chief.asks_for_token("read"), 403, "forbidden")

    def test_what_an_admin_of_the_registry_made_beyond_it_is_not_theirs(self, world, ci, problem):
        whole = ci.token["user"]
        wide = world.root.makes_token("write", user=whole, kind="robot")
        assert wide.token["namespace"] is None
        listed = world.anna.get(f"/v1/tokens?user={whole}").json()["items"]
        assert [one["id"] for one in listed] == [ci.token["id"]]
        problem(world.anna.rotates(wide), 404, "not-found")
        problem(world.anna.revokes(wide), 404, "not-found")
        assert world.root.revokes(wide).status_code == 200

    def test_a_robot_of_the_registry_is_for_its_admins(self, world, problem):
        name = f"prometheus-{world.space}"
        robot = world.root.makes_token("read", user=name, kind="robot")
        problem(world.anna.rotates(robot), 404, "not-found")
        problem(robot.rotates(robot), 403, "forbidden")
        assert world.root.rotates(robot).status_code == 200

    def test_one_from_before_they_stop_in_their_namespace(self, world, ci, problem):
        """Its tokens are for admins of the registry to make, but what it does here is not."""
        world.renames(ci, f"bot-{world.space}")
        name = ci.token["user"]
        wide = world.root.makes_token("write", user=name, kind="robot")
        listed = world.anna.get(f"/v1/tokens?user={name}").json()["items"]
        assert [one["id"] for one in listed] == [ci.token["id"]]
        problem(world.mallory.get(f"/v1/tokens?user={name}"), 403, "forbidden")
        problem(world.mallory.revokes(ci), 404, "not-found")
        problem(world.anna.rotates(ci), 404, "not-found")
        problem(world.anna.revokes(wide), 404, "not-found")
        assert world.anna.revokes(ci).status_code == 200
        assert (ci.is_let_in(), wide.is_let_in()) == (False, True)


class TestMembership:
    """A robot is made a member with its first token, and by no later one."""

    def events(self, world, ci):
        listed = world.anna.get("/v1/audit?action=member&limit=200").json()["items"]
        return [one for one in listed if one["detail"]["user"] == ci.token["user"]]

    def test_one_that_was_removed_stays_so(self, world, ci, problem):
        name = ci.token["user"]
        world.anna.delete(f"/v1/namespaces/{world.ours}/members/{name}").raise_for_status()
        body = {"user": "ci", "kind": "robot", "namespace": world.ours}
        for who in (world.boss, world.root):
            shown = problem(who.asks_for_token("write", **body), 409, "conflict")
            assert "no member" in shown["detail"]
        problem(ci.get(f"/v1/esms/{world.ours}/esm"), 404, "not-found")
        world.boss.sets_member(world.ours, name, "reader").raise_for_status()
        assert world.boss.makes_robot("ci", world.ours).token["user"] == name

    def test_the_log_tells_of_it(self, world, ci):
        world.boss.makes_robot("ci", world.ours)
        (event,) = self.events(world, ci)
        assert (event["action"], event["subject"]) == ("member.set", world.ours)
        assert event["detail"] == {"user": ci.token["user"], "role": "writer"}

    def test_a_robot_has_a_name(self, world, problem):
        """Else the token would be a person's, who asked for a robot's."""
        unnamed = world.anna.asks_for_token(kind="robot", namespace=world.ours)
        problem(unnamed, 400, "invalid-input")
