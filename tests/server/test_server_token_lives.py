"""No token is stronger than the one it was made or rotated with, or lives longer."""

import base64
import json
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from support.people import Holder, ranking_of
from support.registry import RunningRegistry
from support.waiting import until


def end(holder):
    """When a token ends, as whoever made it was told."""
    told = holder.token["expires_at"]
    return None if told is None else datetime.fromisoformat(told)


def days_left(holder):
    return (end(holder) - datetime.now(UTC)) / timedelta(days=1)


@pytest.fixture(name="registry", scope="module")
def _registry(tmp_path_factory):
    """A server whose tokens live for ever unless somebody says otherwise."""
    folder = tmp_path_factory.mktemp("lives")
    running = RunningRegistry(folder, {"ESM_SERVER_TOKEN_DAYS": "0"})
    yield running
    running.kill()


@pytest.fixture(name="ending")
def _ending(world):
    """anna's token that ends tomorrow; her first one does not."""
    assert end(world.anna) is None
    return world.anna.makes_token(expires_in_days=1)


class TestRotating:
    def test_one_that_ends_rotates_none_that_goes_on(self, world, ending, problem):
        longer = world.anna.makes_token("read", expires_in_days=2)
        for other in (world.anna, longer):
            shown = problem(ending.rotates(other), 403, "forbidden")
            assert "lives longer" in shown["detail"]
            assert other.is_let_in()

    def test_it_rotates_what_ends_before_it_and_itself(self, world, ending):
        shorter = world.anna.makes_token(expires_in_days=0)
        same = ending.makes_token("read")
        for other in (shorter, same, ending):
            answer = ending.rotates(other)
            assert answer.status_code == 200, answer.text
            assert answer.json()["expires_at"] == other.token["expires_at"]

    def test_one_that_goes_on_keeps_the_end_of_another(self, world, ending):
        assert world.anna.rotates(ending).json()["expires_at"] == ending.token["expires_at"]

    def test_a_robots(self, world, ending, problem):
        robot = world.boss.makes_robot("ci", world.ours)
        problem(ending.rotates(robot), 403, "forbidden")
        assert robot.is_let_in()

    def test_anybodys_by_an_admin_of_the_registry(self, world, problem):
        ending = world.root.makes_token(expires_in_days=1)
        problem(ending.rotates(world.anna), 403, "forbidden")
        problem(ending.rotates(world.root.makes_token()), 403, "forbidden")
        assert world.anna.is_let_in()

    def test_one_that_is_stronger(self, world, problem):
        for scope in ("read", "write"):
            weak = world.anna.makes_token(scope)
            problem(weak.rotates(world.anna), 403, "forbidden")
            problem(weak.revokes(world.anna), 403, "forbidden")
        assert world.anna.is_let_in()

    def test_one_that_reaches_further(self, world, problem):
        limited = world.anna.makes_token(namespace=world.ours)
        problem(limited.rotates(world.anna), 404, "not-found")
        assert world.anna.is_let_in()

    def test_revoking_needs_no_life(self, ending, world):
        assert ending.revokes(world.anna.makes_token("read")).status_code == 200


class TestMaking:
    @pytest.mark.parametrize("days", [None, 2, 1000])
    def test_none_outlives_its_maker(self, world, ending, days):
        robot = ending.makes_robot("ci", world.ours, expires_in_days=days)
        for made in (ending.makes_token(expires_in_days=days), robot):
            assert end(made) == end(ending)

    def test_nor_one_made_with_that(self, ending):
        assert end(ending.makes_token().makes_token(expires_in_days=500)) == end(ending)

    def test_for_somebody_else_by_an_admin_of_the_registry(self, world):
        ending = world.root.makes_token(expires_in_days=1)
        made = ending.makes_token(user=f"new-{world.space}", expires_in_days=36_500)
        assert end(made) == end(ending)

    def test_a_shorter_one_is_as_it_was_asked_for(self, world):
        assert 2 < days_left(world.anna.makes_token(expires_in_days=3)) <= 3


class TestWhileItIsUsed:
    """The body of a request comes when the sender likes: what ended meanwhile makes nothing."""

    def held(self, holder, world, method, path, document, meanwhile):
        """The answer to a request half of which was sent before `meanwhile`."""
        sent = Event()

        def pieces():
            text = json.dumps(document).encode()
            yield text[:5]
            until(lambda: self.was_used(world, holder))
            meanwhile()
            sent.set()
            yield text[5:]

        headers = {"Content-Type": "application/json"}
        with holder.client() as client:
            answer = client.request(method, path, content=pieces(), headers=headers)
        assert sent.is_set()
        return answer

    @staticmethod
    def was_used(world, holder):
        statement = "SELECT last_used_at FROM tokens WHERE id = :id"
        return world.registry.query(statement, id=holder.token["id"])[0][0] is not None

    def ends(self, world, holder, how):
        """What ends the use of a token."""
        return {
            "revoked": lambda: world.root.revokes(holder).raise_for_status(),
            "rotated": lambda: world.root.rotates(holder).raise_for_status(),
            "disabled": lambda: world.root.patch(
                f"/v1/users/{holder.token['user']}", {"disabled": True}
            ).raise_for_status(),
        }[how]

    @pytest.mark.parametrize("how", ["revoked", "rotated", "disabled"])
    @pytest.mark.parametrize(
        "what",
        [
            "token",
            "robot",
            "member",
            "space",
            "outcome",
            "namespace",
            "ranking",
            "similar",
            "sketches",
        ],
    )
    def test_it_makes_and_reads_nothing(self, world, what, how, problem):
        name = f"{world.space}-late"
        robot = {"user": "late", "kind": "robot", "namespace": world.ours}
        fresh = world.root.makes_token(user=world.anna.token["user"])
        if what == "outcome":
            ranking = world.anna.ranks(world.space)["id"]
            method, path = "POST", f"/v1/rankings/{ranking}/outcomes"
        else:
            member = f"/v1/namespaces/{world.ours}/members/{world.mallory.token['user']}"
            method, path = {
                "member": ("PUT", member), "space": ("POST", "/v1/spaces"),
                "namespace": ("POST", "/v1/namespaces"), "ranking": ("POST", "/v1/rankings"),
                "similar": ("POST", "/v1/similar"), "sketches": ("POST", "/v1/source-sketches"),
            }.get(what, ("POST", "/v1/tokens"))  # fmt: skip
        document = {
            "token": {"name": "late", "scope": "admin"},
            "robot": {"name": "late", "scope": "admin", **robot},
            "member": {"role": "admin"},
            "space": {"name": name, "fingerprint": world.fingerprint()},
            "outcome": {"reference": None, "metric": 0.5},
            "namespace": {"name": name},
            "ranking": ranking_of(world.space),
            "similar": {"space": world.space, "embedding": base64.b64encode(bytes(64)).decode()},
            "sketches": {"digests": ["sha256:" + "0" * 64]},
        }[what]
        meanwhile = self.ends(world, fresh, how)
        problem(self.held(fresh, world, method, path, document, meanwhile), 401, "unauthorized")
        late = world.registry.query("SELECT count(*) FROM tokens WHERE name = 'late'")
        assert late == [(0,)]
        assert world.mallory.get(f"/v1/namespaces/{world.ours}").status_code == 404


@pytest.fixture(name="strict", scope="module")
def _strict(tmp_path_factory):
    """A server with tokens of a week by default, a month at most, and two days of rest."""
    env = {"TOKEN_DAYS": "7", "MAX_TOKEN_DAYS": "30", "UNUSED_TOKEN_DAYS": "2"}
    folder = tmp_path_factory.mktemp("strict")
    running = RunningRegistry(folder, {f"ESM_SERVER_{key}": env[key] for key in env})
    yield running
    running.kill()


class TestSettings:
    @pytest.fixture(name="root")
    def _root(self, strict):
        return Holder(strict, strict.admin_token)

    @pytest.mark.parametrize(("asked", "got"), [(None, 7), (3, 3), (30, 30), (36_500, 30)])
    def test_a_new_token(self, root, asked, got):
        made = root.makes_token("read", expires_in_days=asked)
        assert got - 1 < days_left(made) <= got

    @pytest.mark.parametrize(("asked", "got"), [((), 30), (("--expires-days", "5"), 5)])
    def test_one_of_the_servers_command(self, strict, asked, got):
        words = ("token", "create", "--user", f"op-{got}", "--scope", "read", "--json", *asked)
        told = json.loads(strict.run_command(*words).stdout)
        left = datetime.fromisoformat(told["expires_at"]) - datetime.now(UTC)
        assert timedelta(days=got - 1) < left <= timedelta(days=got)

    def test_the_longest_holds_for_the_first_token_too(self, strict):
        ends = strict.query(
            "SELECT expires_at FROM tokens t JOIN users u ON u.id = t.user_id "
            "WHERE u.name = 'admin'"
        )
        assert ends[0][0] is not None

    def rest(self, holder, column, days):
        """Put back the time at which a token was made or used."""
        at = datetime.now(UTC) - timedelta(days=days)
        statement = f"UPDATE tokens SET {column} = :at WHERE id = :id"
        # as the column keeps it: SQLite has no zones
        at = at.replace(tzinfo=None) if "sqlite" in holder.registry.settings.url else at
        holder.registry.query(statement, at=str(at), id=holder.token["id"])

    def is_used(self, holder):
        """Send a request with a token and wait until that is noted, which is done beside it."""
        statement, key = "SELECT last_used_at FROM tokens WHERE id = :id", holder.token["id"]
        before = holder.registry.query(statement, id=key)
        assert holder.is_let_in()
        until(lambda: holder.registry.query(statement, id=key) != before)

    def test_one_that_is_not_used_ends(self, root, problem):
        holder = root.makes_token("read")
        self.is_used(holder)
        self.rest(holder, "last_used_at", 1.9)
        self.is_used(holder)
        self.rest(holder, "last_used_at", 2.1)
        shown = problem(holder.get("/v1/whoami"), 401, "unauthorized")
        assert "was not used since" in shown["detail"]
        assert not holder.is_let_in(), "asking is no use"

    def test_also_one_that_never_was(self, root):
        holder = root.makes_token("read")
        self.rest(holder, "created_at", 3)
        assert not holder.is_let_in()

    def test_a_stronger_one_brings_it_back(self, root):
        holder = root.makes_token("read")
        self.rest(holder, "created_at", 3)
        secret = root.rotates(holder).json()["secret"]
        assert Holder(root.registry, secret).is_let_in()

    def test_one_without_an_end_gets_one_when_it_is_rotated(self, root):
        """It was made before the setting, which would else never come to hold for it."""
        holder = root.makes_token("read")
        forget = "UPDATE tokens SET expires_at = NULL WHERE id = :id"
        root.registry.query(forget, id=holder.token["id"])
        renewed = root.rotates(holder).json()
        assert 29 < days_left(Holder(root.registry, renewed["secret"], renewed)) <= 30

    def test_by_default_a_year_over_the_wire_and_no_end_on_the_server(self, start_registry):
        running = start_registry()
        assert 364 < days_left(Holder(running, running.admin_token).makes_token("read")) <= 365
        words = ("token", "create", "--user", "x", "--scope", "read", "--json")
        assert json.loads(running.run_command(*words).stdout)["expires_at"] is None
        ends = running.query("SELECT DISTINCT expires_at FROM tokens WHERE name = 'default'")
        assert ends == [(None,)]
