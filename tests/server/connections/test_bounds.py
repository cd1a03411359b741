"""How many requests may be in progress: of a user, whatever their tokens, and from an address."""

import asyncio
import base64
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
from support.artifacts import publish
from support.held import half_body, held, is_waiting, request
from support.waiting import held_workers, until

from esm_client.core.errors import RateLimited
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.auth.service import AuthService
from esm_server.connections.addresses import Addresses
from esm_server.connections.bounds import KNOWN_TIMES, BoundedRequests, count_user

MOST = 4
KNOWN = KNOWN_TIMES * MOST
"""Of users from one address."""


@pytest.fixture(name="bounded", scope="module")
def _bounded(registry_of):
    """A server that knows a proxy, and has few places."""
    return registry_of(
        {
            "ESM_SERVER_REQUESTS_PER_USER": str(MOST),
            "ESM_SERVER_REQUESTS_PER_ADDRESS": str(MOST),
            "ESM_SERVER_TRUSTED_PROXIES": "127.0.0.1",
            "ESM_SERVER_BODY_QUIET_SECONDS": "3600",
            "ESM_SERVER_BODY_SECONDS": "3600",
            "ESM_SERVER_WORKERS": "1",
        }
    )


@pytest.fixture(name="tokens_of")
def _tokens_of(bounded):
    """tokens_of(user, count) -> that many tokens of one user."""

    def make(user, count):
        database = bounded.database()
        try:
            auth = AuthService(database)
            made = [auth.create(user, "write", name=f"t{number}") for number in range(count)]
            return [token.secret for token in made]
        finally:
            database.close()

    return make


def asked(bounded, token, **headers):
    with bounded.client(token) as client:
        return client.get("/v1/whoami", headers=headers)


@contextmanager
def full(bounded, attack, token, **headers):
    """full(server, requests, token) -> the refusal of one more, and the connections of all these.

    One that asks while they come may take the place of the last: that is then sent again.
    """
    with ExitStack() as stack:
        connections = stack.enter_context(held(bounded.url, *attack))

        def refused():
            if answered := [n for n, one in enumerate(connections) if not is_waiting(one)]:
                for n in answered:
                    (connections[n],) = stack.enter_context(held(bounded.url, attack[n]))
                return None
            answer = asked(bounded, token, **headers)
            is_full = answer.status_code == 429 and all(map(is_waiting, connections))
            return answer if is_full else None

        yield until(refused), connections


def test_a_user_with_many_tokens_has_the_places_of_one(bounded, tokens_of, unique, problem):
    *used, last = tokens_of(unique, MOST + 1)
    with full(bounded, [*map(half_body, used)], last) as (answer, connections):
        assert "You have 4 requests in progress" in problem(answer, 429, "rate-limited")["detail"]
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["connection"] == "close"
        assert asked(bounded, bounded.read_token).status_code == 200
        assert all(map(is_waiting, connections))
    until(lambda: asked(bounded, last).status_code == 200)


def test_one_token_is_counted_before_it_is_known_whose_it_is(bounded, problem):
    unknown = "esmr_nobody"
    attack = [half_body(bounded.write_token)] * MOST
    with full(bounded, attack, bounded.write_token) as (answer, _):
        problem(answer, 429, "rate-limited")
        problem(asked(bounded, unknown), 401, "unauthorized")
    until(lambda: asked(bounded, bounded.write_token).status_code == 200)


def test_the_answer_of_a_handler_with_two_guards_takes_one_place(bounded, tokens_of, unique):
    (token,) = tokens_of(unique, 1)
    path = f"/v1/esms/{unique}/a/versions/1/source-model"
    attack = [half_body(token, method="PUT", path=path)] * MOST
    with full(bounded, attack, token) as (_, connections):
        for _ in range(3):  # after which all guards have run
            assert asked(bounded, bounded.read_token).status_code == 200
        assert all(map(is_waiting, connections))


def test_places_come_back_however_a_request_ends(bounded, tokens_of, unique):
    (token,) = tokens_of(unique, 1)
    for path in ("/v1/whoami", "/v1/nothing", "/v1/esms/none/none", "/v1/spaces/none/live"):
        with bounded.client(token) as client:
            for _ in range(MOST + 1):
                assert client.get(path).status_code in (200, 404)
                assert client.post(path, content=b"{").status_code in (400, 404, 405)
    for _ in range(3):
        with full(bounded, [half_body(token)] * MOST, token):
            pass
        until(lambda: asked(bounded, token).status_code == 200)


def test_pages_that_are_always_answered(bounded):
    proxied = {"X-Forwarded-For": "192.0.2.33"}
    header = "X-Forwarded-For: 192.0.2.33"
    attack = [half_body(bounded.admin_token, header)] * MOST
    with full(bounded, attack, bounded.admin_token):
        with bounded.client(bounded.admin_token) as client:
            for path in ("/health/live", "/health/ready", "/metrics"):
                assert client.get(path, headers=proxied).status_code == 200
            assert client.get("/v1", headers=proxied).status_code == 429


def test_users_behind_a_proxy_are_told_apart(bounded, tokens_of, unique, problem):
    tokens = [tokens_of(f"{unique}-{number}", 1)[0] for number in range(KNOWN + 1)]
    attack = [
        half_body(token, f"X-Forwarded-For: 198.51.100.{number}, 192.0.2.1")
        for number, token in enumerate(tokens[:KNOWN])
    ]
    own = {"X-Forwarded-For": "203.0.113.9, 192.0.2.1"}
    with full(bounded, attack, tokens[-1], **own) as (answer, _):
        assert (
            f"Your address has {KNOWN} requests" in problem(answer, 429, "rate-limited")["detail"]
        )
        for other in ("192.0.2.1, 198.51.100.7", "192.0.2.2", "2001:db8::1"):
            assert asked(bounded, tokens[-1], **{"X-Forwarded-For": other}).status_code == 200
        assert asked(bounded, tokens[-1]).status_code == 200  # the proxy's own, or this machine's


def test_a_network_of_ipv6_is_one_address(bounded, tokens_of, unique):
    tokens = [tokens_of(f"{unique}-{number}", 1)[0] for number in range(KNOWN + 1)]
    attack = [
        half_body(token, f"X-Forwarded-For: 2001:db8:0:7::{number + 1:x}")
        for number, token in enumerate(tokens[:KNOWN])
    ]
    with full(bounded, attack, tokens[-1], **{"X-Forwarded-For": "2001:db8:0:7:ffff::1"}):
        other = {"X-Forwarded-For": "2001:db8:0:8::1"}
        assert asked(bounded, tokens[-1], **other).status_code == 200


def test_unknown_tokens_have_the_places_of_their_address(bounded):
    """Who has no token cannot hold a place by a body, which nobody waits for."""
    attack = [
        half_body(f"esmr_unknown{number}", "X-Forwarded-For: 192.0.2.77") for number in range(50)
    ]
    with held(bounded.url, *attack) as connections:
        until(lambda: not any(map(is_waiting, connections)))
        own = {"X-Forwarded-For": "192.0.2.77"}
        assert asked(bounded, bounded.read_token, **own).status_code == 200


def test_event_streams_count_for_as_long_as_they_last(bounded, esm_directory, tokens_of, unique):
    (token,) = tokens_of(unique, 1)
    publish(bounded, esm_directory(unique), f"{unique}/a", space=unique).raise_for_status()
    with bounded.client(token) as client:
        client.post("/v1/rankings", json=ranking(unique, seed=0)).raise_for_status()
        with held_workers(bounded):
            job = client.post("/v1/rankings", json=ranking(unique, seed=1, wait=0)).json()["id"]
            stream = request("GET", f"/v1/rankings/{job}/events", token)
            with held(bounded.url, *[stream] * MOST) as connections:
                for one in connections:
                    assert b"text/event-stream" in one.recv(65536)
                assert asked(bounded, token).status_code == 429
                assert asked(bounded, bounded.read_token).status_code == 200
            until(lambda: asked(bounded, token).status_code == 200)
        until(lambda: client.get(f"/v1/rankings/{job}").status_code == 200)


def ranking(space, seed, **wanted):
    x = np.random.default_rng(seed).standard_normal((60, 16))
    sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
    return {"space": space, "sketch": base64.b64encode(sketch.to_bytes()).decode(), **wanted}


def test_the_openapi_document_declares_the_refusals(bounded):
    with bounded.client() as client:
        document = client.get("/openapi.json").json()
    operation = document["paths"]["/v1/esms"]["get"]["responses"]
    assert {"408", "429"} <= operation.keys()


def test_requests_that_are_refused_late_do_not_keep_others_from_beginning(registry):
    """Who they are is not known, and they are drained for a while: they have begun all the same."""
    attack = [half_body(f"esmr_unknown{number}") for number in range(60)]
    attack += [half_body(None)] * 60
    with held(registry.url, *attack) as connections:
        with registry.client(registry.read_token) as client:
            assert client.get("/v1/whoami").status_code == 200
        assert any(map(is_waiting, connections))


class Neighbours:
    """Requests of one address to an app that knows tokens which begin with `user`.

    Each stays in progress after the beginning of its answer.
    """

    def __init__(self):
        self._over = asyncio.Event()
        self._app = BoundedRequests(
            self._answer, Addresses(()), per_user=10 * MOST, per_address=MOST
        )
        self._tasks = []

    async def _answer(self, scope, receive, send):
        token = dict(scope["headers"]).get(b"authorization", b"")
        status = 200
        if scope["path"] != "/for-everybody":
            try:
                count_user(scope, int(token.removeprefix(b"user")))
            except ValueError:
                status = 401
            except RateLimited:
                status = 429
        await send({"type": "http.response.start", "status": status, "headers": []})
        await self._over.wait()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def ask(self, token=None, path="/"):
        """The status of a new request's answer."""
        told = asyncio.get_running_loop().create_future()

        async def send(message):
            if message["type"] == "http.response.start":
                told.set_result(message["status"])

        headers = [] if token is None else [(b"authorization", token.encode())]
        scope = {"type": "http", "path": path, "client": ("192.0.2.1", 1), "headers": headers}
        self._tasks.append(asyncio.create_task(self._app(scope, None, send)))
        return await told

    async def end(self):
        """Let all requests end."""
        self._over.set()
        await asyncio.gather(*self._tasks)
        self._over.clear()


@pytest.mark.parametrize("strangers", [[None], ["nobody"], [None, "nobody", "else"]])
def test_whom_nobody_knows_keeps_no_user_of_the_same_address_out(strangers):
    async def run():
        address = Neighbours()
        for turn in range(MOST):
            assert await address.ask(strangers[turn % len(strangers)]) == 401
        for stranger in (None, "nobody", "another"):
            assert await address.ask(stranger) == 429
            assert await address.ask(stranger, "/for-everybody") == 429
        for turn in range(KNOWN):
            assert await address.ask(f"user{turn % 3}") == 200
        for user in ("user0", "user9"):
            assert await address.ask(user) == 429
        await address.end()
        for stranger in (None, "nobody"):
            assert await address.ask(stranger) == 401
        await address.end()

    asyncio.run(run())


def test_a_user_whom_the_server_knows_is_known_on_pages_for_everybody():
    async def run():
        address = Neighbours()
        for _ in range(MOST - 1):
            await address.ask()
        assert await address.ask("user1", "/for-everybody") == 200
        assert await address.ask("user2", "/for-everybody") == 429
        assert await address.ask("user1") == 200
        assert await address.ask("user1", "/for-everybody") == 200
        await address.end()

    asyncio.run(run())
