"""Attacks with tokens that people made as they may: each tells whether it succeeded."""

from typing import Any

import httpx
from access.parties import Party
from compatibility.attacked import (
    Attacked,
    as_admin,
    document,
    found_space,
    is_done,
    receipt,
    token,
    unique,
)


class Robot:
    """A robot of somebody's private namespace, and an admin of another one who wants to be it."""

    def __init__(self, world: Attacked) -> None:
        self.world, self.owner, self.outsider = world, world.party(), world.party()
        self.short = unique("bot")
        fields = {"user": self.short, "kind": "robot", "namespace": self.owner.namespace}
        made = token(as_admin(world, self.owner), scope="write", **fields)
        self.name, self.client = made["user"], world.client(made["secret"])

    def taken(self) -> httpx.Client | None:
        """With a token that the outsider made for it; None where none can be had."""
        outsider = as_admin(self.world, self.outsider)
        for name in (self.name, self.short):
            fields = {"user": name, "kind": "robot", "namespace": self.outsider.namespace}
            body = {"name": unique("token"), "scope": "write", **fields}
            answer = outsider.post("/v1/tokens", json=body)
            if answer.status_code == 400 and answer.json()["code"] == "invalid-name":
                continue  # whole names of robots cannot be asked for
            # another robot, that is called by the same short name elsewhere, is none of ours
            if is_done(answer) and answer.json()["user"] == self.name:
                return self.world.client(answer.json()["secret"])
        return None


def a_receipt_of_somebody_elses_robot(world: Attacked) -> bool:
    robot = Robot(world)
    path = receipt(robot.client, found_space(world, robot.client, robot.owner.namespace))
    taken = robot.taken()
    return taken is not None and is_done(taken.get(path))


def a_space_of_somebody_elses_robot(world: Attacked) -> bool:
    robot = Robot(world)
    space = found_space(world, robot.client, robot.owner.namespace)
    taken = robot.taken()
    return taken is not None and _edits(taken, space)


def tokens_of_somebody_elses_robot(world: Attacked) -> bool:
    robot = Robot(world)
    taken = robot.taken()
    if taken is None:
        return False
    listed = document(taken.get("/v1/tokens"))["items"]
    return any(one["namespace"] == robot.owner.namespace for one in listed)


def a_robot_that_waits_for_an_admin_of_its_name(world: Attacked) -> bool:
    """The operator makes a token for a person; it falls on a robot that somebody made before."""
    outsider, name = world.party(), unique("boss")
    robot = _robot(world, outsider, name)
    made = world.command("token", "create", "--user", name, "--scope", "admin")
    assert made.returncode == 0, made.stderr
    boss = document(world.client(made.stdout.strip()).get("/v1/whoami"))
    assert boss["is_admin"]
    return boss["name"] == robot["user"]


def a_robot_that_the_operator_makes_an_admin(world: Attacked) -> bool:
    return _operator_falls_for(world, "--name", unique("token"))


def a_robot_that_the_operator_calls_a_robot(world: Attacked) -> bool:
    return _operator_falls_for(world, "--name", unique("token"), "--robot")


class Limited:
    """Somebody with two private namespaces, who lent out a token that works in one of them."""

    def __init__(self, world: Attacked) -> None:
        self.wide, self.other = world.party(), world.party()
        self.other.admit(self.wide)
        made = token(self.wide.client, scope="write", namespace=self.wide.namespace)
        self.name, self.client = made["name"], world.client(made["secret"])
        self.space = found_space(world, self.wide.client, self.other.namespace)


def a_limited_token_reads_a_receipt(world: Attacked) -> bool:
    limited = Limited(world)
    return is_done(limited.client.get(receipt(limited.wide.client, limited.space)))


def a_limited_token_sees_other_roles(world: Attacked) -> bool:
    limited = Limited(world)
    return limited.other.namespace in document(limited.client.get("/v1/whoami"))["roles"]


def a_limited_token_lists_other_tokens(world: Attacked) -> bool:
    limited = Limited(world)
    listed = document(limited.client.get("/v1/tokens"))["items"]
    return {one["name"] for one in listed} != {limited.name}


def a_limited_token_edits_a_space(world: Attacked) -> bool:
    limited = Limited(world)
    return _edits(limited.client, limited.space)


def a_limited_token_reports_an_outcome(world: Attacked) -> bool:
    limited = Limited(world)
    path = receipt(limited.wide.client, limited.space)
    body = {"reference": None, "metric": 0.5}
    return is_done(limited.client.post(f"{path}/outcomes", json=body))


def a_short_token_rotates_an_eternal_one(world: Attacked) -> bool:
    owner = world.party()
    return _lasts(world, _short(world, owner), token(world.root, scope="write", user=owner.user))


def a_short_token_rotates_one_of_a_year(world: Attacked) -> bool:
    owner = world.party()
    longer = token(world.root, scope="write", user=owner.user, expires_in_days=365)
    return _lasts(world, _short(world, owner), longer)


def a_short_token_rotates_that_of_a_robot(world: Attacked) -> bool:
    owner = world.party()
    return _lasts(world, _short(world, owner), _robot(world, owner, unique("bot")))


def _robot(world: Attacked, owner: Party, name: str) -> dict[str, Any]:
    """A token of a robot of somebody's namespace."""
    fields = {"scope": "admin", "user": name, "kind": "robot", "namespace": owner.namespace}
    return token(as_admin(world, owner), **fields)


def _operator_falls_for(world: Attacked, *options: str) -> bool:
    """Whether `esm-server token create` makes an admin of a robot of somebody's namespace."""
    robot = _robot(world, world.party(), unique("boss"))
    scope = ("--scope", "admin")
    made = world.command("token", "create", "--user", robot["user"], *scope, *options)
    assert made.returncode == 0 or "robot" in made.stderr, made.stderr
    return made.returncode == 0


def _edits(client: httpx.Client, space: str) -> bool:
    return is_done(client.patch(f"/v1/spaces/{space}", json={"retired": True}))


def _short(world: Attacked, owner: Party) -> httpx.Client:
    """With a token that ends tomorrow."""
    made = token(world.root, scope="admin", user=owner.user, expires_in_days=1)
    return world.client(made["secret"])


def _lasts(world: Attacked, short: httpx.Client, longer: dict[str, Any]) -> bool:
    """Whether the short token gets the secret of one that works as long as ever."""
    answer = short.post(f"/v1/tokens/{longer['id']}/rotate")
    return is_done(answer) and answer.json()["expires_at"] == longer["expires_at"]
