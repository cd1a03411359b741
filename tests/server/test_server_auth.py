"""Who may do what, and how refusals look."""

import hashlib
import json
import time
from datetime import timedelta

import pytest
from support.artifacts import make_esm
from support.people import Holder

from esm_client.core.artifact.directory import directory_manifest
from esm_client.core.artifact.manifest import digest_bytes
from esm_server.auth.service import AuthService
from esm_server.db.database import hold

ROUTES = [
    ("GET", "/v1/whoami", "read"),
    ("GET", "/v1/spaces", "read"),
    ("GET", "/v1/spaces/x", "read"),
    ("GET", "/v1/esms", "read"),
    ("GET", "/v1/esms/a/b", "read"),
    ("GET", "/v1/esms/a/b/versions", "read"),
    ("GET", "/v1/esms/a/b/versions/latest", "read"),
    ("GET", "/v1/esms/a/b/versions/latest/files/config.json", "read"),
    ("POST", "/v1/esms/a/b/versions", "write"),
    ("PUT", "/v1/namespaces/blob-tests/blobs/sha256:" + "0" * 64, "write"),
    ("POST", "/v1/rankings", "read"),
    ("GET", "/v1/rankings/x", "read"),
]


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_anonymous_is_unauthorized(registry, problem, method, path, scope):
    with registry.client() as client:
        response = client.request(method, path)
    shown = problem(response, 401, "unauthorized")
    assert "none was sent" in shown["detail"]
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_unknown_token_is_unauthorized(registry, problem, method, path, scope):
    with registry.client("esmr_" + "x" * 43) as client:
        shown = problem(client.request(method, path), 401, "unauthorized")
    assert "does not know this token" in shown["detail"]


@pytest.mark.parametrize(("method", "path"), [r[:2] for r in ROUTES if r[2] == "write"])
def test_read_token_may_not_write(registry, problem, method, path):
    with registry.client(registry.read_token) as client:
        shown = problem(client.request(method, path, content=b"x"), 403, "forbidden")
    assert "'read'" in shown["detail"]
    assert "'write'" in shown["detail"]


@pytest.mark.parametrize("header", ["Basic dTpw", "Bearer", "esmr_abc"])
def test_malformed_header(registry, problem, header):
    with registry.client() as client:
        response = client.get("/v1/whoami", headers={"Authorization": header})
    assert "Bearer <token>" in problem(response, 401, "unauthorized")["detail"]


def test_head_of_a_blob_needs_a_token(registry):
    path = "/v1/namespaces/blob-tests/blobs/sha256:" + "0" * 64
    with registry.client() as client:
        assert client.head(path).status_code == 401
    with registry.client(registry.read_token) as client:
        assert client.head(path).status_code == 403


@pytest.mark.parametrize("scope", ["read", "write", "admin"])
def test_whoami(registry, scope):
    with registry.client(getattr(registry, f"{scope}_token")) as client:
        identity = client.get("/v1/whoami").json()
    assert identity["scope"] == scope
    assert identity["name"].startswith(scope)
    assert identity["expires_at"] is None


def test_expired_token(registry, problem):
    token = registry.create_token("read", lifetime=timedelta(0))
    with registry.client(token) as client:
        assert "expired at" in problem(client.get("/v1/whoami"), 401, "unauthorized")["detail"]


def test_token_that_will_expire_says_when(registry):
    with registry.client(registry.create_token("read", lifetime=timedelta(days=3))) as client:
        assert client.get("/v1/whoami").json()["expires_at"].endswith("Z")


def test_only_the_hash_is_stored(registry):
    secret = registry.admin_token
    hashes = {row[0] for row in registry.query("SELECT secret_sha256 FROM tokens")}
    assert hashlib.sha256(secret.encode()).hexdigest() in hashes
    for path in registry.data_dir.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_token_names_are_unique(registry):
    arguments = ("token", "create", "--scope", "read", "--user")
    assert registry.run_command(*arguments, "twice").returncode == 0
    again = registry.run_command(*arguments, "twice")
    assert again.returncode == 1
    assert again.stderr.splitlines() == [
        "error: 'twice' has a token named 'default' already.",
        "  Choose another --name.",
    ]


def test_unknown_scope_is_refused(registry):
    result = registry.run_command("token", "create", "--scope", "root", "--user", "x")
    assert result.returncode == 1
    assert "'root' is not a scope" in result.stderr


def test_token_from_the_command_line(registry, problem):
    arguments = ("token", "create", "--scope", "write", "--json", "--expires-days")
    lasting = json.loads(registry.run_command(*arguments, "1", "--user", "lasting").stdout)
    assert (lasting["user"], lasting["scope"]) == ("lasting", "write")
    with registry.client(lasting["token"]) as client:
        assert client.get("/v1/whoami").json()["name"] == "lasting"
    over = json.loads(registry.run_command(*arguments, "0", "--user", "over").stdout)
    with registry.client(over["token"]) as client:
        problem(client.get("/v1/whoami"), 401, "unauthorized")


def test_members_leave_with_a_token_that_writes(world, problem):
    """One that reads is not for ending what its user may do."""
    anna = world.anna.token["user"]
    path = f"/v1/namespaces/{world.ours}/members/{anna}"
    problem(world.anna.makes_token("read").delete(path), 403, "forbidden")
    assert world.anna.makes_token("write").delete(path).status_code == 204
    problem(world.anna.get(f"/v1/namespaces/{world.ours}"), 404, "not-found")


def test_where_admins_create_namespaces_private_and_missing_have_one_answer(
    start_registry, problem, tmp_path
):
    running = start_registry(env={"ESM_SERVER_OPEN_NAMESPACES": "False"})
    root = Holder(running, running.admin_token)
    root.post("/v1/namespaces", {"name": "hidden", "private": True}).raise_for_status()
    manifest = directory_manifest(make_esm(tmp_path))[0].model_dump(mode="json")
    blob = f"/v1/namespaces/{{}}/blobs/{digest_bytes(b'x')}"
    asked = [
        ("PUT", blob, {"content": b"x"}),
        ("HEAD", blob, {}),
        ("POST", f"{blob}/upload", {"json": {"size": 1}}),
        ("POST", "/v1/namespaces/{}/packs", {"content": b""}),
        ("POST", "/v1/esms/{}/esm/versions", {"json": {"manifest": manifest}}),
        ("POST", "/v1/namespaces", None),
    ]
    with running.client(root.makes_token("write", user="eve").secret) as client:
        for method, path, body in asked:
            words = set()
            for name in ("hidden", "missing"):
                sent = {"json": {"name": name}} if body is None else body
                answer = client.request(method, path.format(name), **sent)
                assert answer.status_code == 403, (method, path)
                if method != "HEAD":
                    shown = problem(answer, 403, "forbidden")
                    words.add((shown["detail"].replace(name, "NAME"), shown["hint"]))
            assert len(words) <= 1, words


def test_the_use_of_a_token_is_noted_once_at_a_time(registry):
    secret = registry.create_token("read")
    database = registry.database()
    try:
        auth = AuthService(database)
        with database.write() as session:
            hold(session)  # so that the first is not done before the second
            first = auth.note_use(auth.recognise(secret))
            assert first is not None
            assert auth.note_use(auth.recognise(secret)) is None
        first.result(10)
        assert auth.note_use(auth.recognise(secret)) is None
    finally:
        database.close()


def test_no_request_waits_until_the_use_of_its_token_is_noted(registry):
    secrets = [registry.create_token("read") for _ in range(2)]
    database = registry.database()
    try:
        with database.write() as session:
            hold(session)  # for whoever writes the notes
            started = time.monotonic()
            for secret in secrets:
                with registry.client(secret) as client:
                    assert client.get("/v1/whoami").status_code == 200
                    elsewhere = {"X-Forwarded-For": "203.0.113.1"}
                    assert client.get("/metrics", headers=elsewhere).status_code == 200
            assert time.monotonic() - started < 5
    finally:
        database.close()


class TestRevokingWithWhatWasMade:
    """Of a token that has leaked: whoever found it has made others."""

    def test_all_of_it_ends_when_asked_for(self, world):
        leaked = world.anna.makes_token()
        others = [leaked.makes_token("read"), leaked.makes_robot("ci", world.ours)]
        others += [others[0].makes_token("read")]
        made_with = [leaked, leaked, others[0]]
        assert [one.token["made_with"] for one in others] == [one.token["id"] for one in made_with]
        path = f"/v1/tokens/{leaked.token['id']}"
        assert world.anna.delete(path).status_code == 200
        assert [one.is_let_in() for one in (leaked, *others)] == [False, True, True, True]
        assert world.anna.delete(f"{path}?with_made=true").status_code == 200
        assert [one.is_let_in() for one in others] == [False, False, False]
        assert world.anna.is_let_in()
        listed = world.anna.get("/v1/tokens").json()["items"]
        assert {one["id"]: one["made_with"] for one in listed}[leaked.token["id"]] == (
            world.anna.token["id"]
        )

    def test_what_was_rotated_with_it_ends_too(self, world):
        """Else whoever found it takes the secret of another token of its user's."""
        leaked, other = world.anna.makes_token(), world.anna.makes_token()
        stolen = leaked.post(f"/v1/tokens/{other.token['id']}/rotate").json()
        assert stolen["made_with"] == leaked.token["id"]
        own = leaked.post(f"/v1/tokens/{leaked.token['id']}/rotate").json()
        assert own["made_with"] == world.anna.token["id"], "by itself: that changes nothing"
        path = f"/v1/tokens/{leaked.token['id']}?with_made=true"
        assert world.anna.delete(path).status_code == 200
        ended = world.anna.get("/v1/tokens").json()["items"]
        assert next(t for t in ended if t["id"] == stolen["id"])["revoked_at"] is not None

    def test_a_circle_of_rotations_ends_whole(self, world):
        first, second = world.anna.makes_token(), world.anna.makes_token()
        again = first.post(f"/v1/tokens/{second.token['id']}/rotate").json()
        with world.registry.client(again["secret"]) as client:
            client.post(f"/v1/tokens/{first.token['id']}/rotate").raise_for_status()
        path = f"/v1/tokens/{first.token['id']}?with_made=true"
        assert world.anna.delete(path).status_code == 200
        listed = {one["id"]: one for one in world.anna.get("/v1/tokens").json()["items"]}
        assert listed[again["id"]]["revoked_at"] is not None
        assert world.anna.is_let_in()

    def test_nothing_does_where_some_is_not_theirs_to_end(self, world, problem):
        """Who administered a namespace made tokens of its robots, which stay its admins'."""
        leaked = world.anna.makes_token()
        robot, own = leaked.makes_robot("ci", world.ours), leaked.makes_token("read")
        world.root.sets_member(world.ours, world.anna.token["user"], "writer").raise_for_status()
        path = f"/v1/tokens/{leaked.token['id']}?with_made=true"
        shown = problem(world.anna.delete(path), 403, "forbidden")
        assert robot.token["name"] in shown["detail"]
        assert all(one.is_let_in() for one in (leaked, robot, own))
        assert world.root.delete(path).status_code == 200
        assert not any(one.is_let_in() for one in (leaked, robot, own))
