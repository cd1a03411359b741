"""A registry that is away for a while: waited for if it answered before, and nothing done twice."""

import socket
import threading
import warnings
from http.server import ThreadingHTTPServer

import numpy as np
import pytest
from support.relay import Answer, Relay

from esm_client import Client, TargetSketch
from esm_client.core import errors
from esm_client.core.references import Reference
from esm_client.core.schemas import FileEntry
from esm_client.core.warnings import EsmWarning
from esm_client.remote.cache.cache import Cache
from esm_client.remote.http import exchange, retries
from esm_client.remote.publishing.download import fetch
from esm_client.remote.resources.rankings import RankingResource

IDENTITY = b'{"name": "me", "scope": "read"}'
ME = Answer(200, IDENTITY, {"Connection": "close"})  # no connection outlives the server
SAID = Answer(200, b'{"service": "esm-registry", "version": "0"}', {"Connection": "close"})
PROBLEM = b'{"title": "t", "status": 503, "detail": "What.", "code": "unavailable", "hint": "How."}'
OURS = {"X-ESM-Registry": "0", "Content-Type": "application/problem+json"}
AWAY = 8.0


class Registry(Relay):
    """A server that can be stopped, and started again at the same address."""

    def stop(self) -> None:
        self.close()

    def start(self) -> None:
        host, port = self._server.server_address[:2]
        self._server = ThreadingHTTPServer((host, port), self._server.RequestHandlerClass)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()


class Clock:
    """Goes only while the client sleeps; tells `at` whoever wants to know."""

    def __init__(self) -> None:
        self.now, self.pauses, self.at = 1000.0, [], {}

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        for moment in [moment for moment in self.at if moment <= self.now]:
            self.at.pop(moment)()

    @property
    def slept(self) -> float:
        return sum(self.pauses)


@pytest.fixture(name="clock")
def _clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(exchange, "sleep", clock.sleep)
    monkeypatch.setattr(retries, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture(name="server")
def _server():
    server = Registry(None)
    server.rule = lambda asked, forward: ME
    yield server
    server.close()


@pytest.fixture(name="known")
def _known(server):
    """A client that had an answer."""
    with Client(server.url, "secret-token") as client:
        client.whoami()
        server.requests.clear()
        yield client


def sketch() -> TargetSketch:
    x = np.random.default_rng(0).standard_normal((40, 4))
    return TargetSketch.from_embeddings(x, np.arange(40) % 2, kind="classification")


class TestAKnownRegistry:
    def test_is_waited_for_longer_than_it_takes_to_restart(self, server, known, clock):
        server.stop()
        clock.at = {clock.now + AWAY: server.start}
        told = rf"Waiting for {server.url}: connection refused; giving up in (5\d|60) s\."
        with pytest.warns(EsmWarning, match=told) as warned:
            assert known.whoami().name == "me"
        assert AWAY <= clock.slept <= AWAY + retries.LONGEST_PAUSE
        assert len(warned) == 1
        assert len(server.requests) == 1

    def test_is_told_of_again_in_the_next_outage(self, server, known, clock):
        for _ in range(2):
            server.stop()
            clock.at = {clock.now + AWAY: server.start}
            with pytest.warns(EsmWarning, match="Waiting for"):
                known.whoami()

    def test_is_given_up_in_the_end(self, server, known, clock):
        server.stop()
        with pytest.warns(EsmWarning), pytest.raises(errors.ConnectionFailed, match="refused"):
            known.whoami()
        assert 60 - retries.LONGEST_PAUSE <= clock.slept <= 60
        server.start()

    def test_gets_a_ranking_once_however_often_it_was_refused(self, server, known, clock):
        server.stop()
        refused = Answer(422, PROBLEM, OURS)
        server.rule = lambda asked, forward: SAID if asked.path == "/v1" else refused
        clock.at = {clock.now + AWAY: server.start}
        with pytest.warns(EsmWarning), pytest.raises(errors.EsmError):
            known.rank(sketch(), space="some-space")
        assert [asked.method for asked in server.requests] == ["GET", "POST"]

    def test_never_gets_a_ranking_twice_when_the_answer_was_lost(self, server, known, clock):
        server.rule = lambda asked, forward: SAID if asked.path == "/v1" else None
        with pytest.raises(errors.ConnectionFailed, match="broke"):
            known.rank(sketch(), space="some-space")
        assert server.paths("POST") == ["/v1/rankings"]
        assert clock.pauses == []

    def test_may_stop_for_longer_and_says_when_to_come_back(self, server, known, clock):
        busy = Answer(503, PROBLEM, OURS | {"Retry-After": "5"})
        answers = iter([busy] * 6)
        server.rule = lambda asked, forward: next(answers, ME)
        with pytest.warns(EsmWarning, match="it is unavailable; giving up in"):
            assert known.whoami().name == "me"
        assert len(clock.pauses) == 6
        assert min(clock.pauses) >= 5

    def test_is_not_hammered_where_it_says_come_back_at_once(self, server, known, clock):
        server.rule = lambda asked, forward: Answer(503, PROBLEM, OURS | {"Retry-After": "0"})
        with pytest.warns(EsmWarning), pytest.raises(errors.Unavailable, match=r"What\."):
            known.whoami()
        assert 60 - retries.LONGEST_PAUSE <= clock.slept <= 60
        assert len(server.requests) < 200

    @pytest.mark.filterwarnings("ignore:Waiting for http")
    def test_breaks_an_answer_which_is_then_asked_for_again(self, server, known, clock):
        answers = iter([None] * 6)
        server.rule = lambda asked, forward: next(answers, ME)
        assert known.whoami().name == "me"
        assert len(server.requests) == 7

    def test_that_limits_the_rate_is_not_pressed(self, server, known, clock):
        server.rule = lambda asked, forward: Answer(429, PROBLEM, {"Retry-After": "0"})
        with pytest.raises(errors.EsmError):
            known.whoami()
        assert len(server.requests) == retries.FEW_TRIES

    def test_that_limits_the_rate_promises_no_deadline(self, server, known, clock):
        server.rule = lambda asked, forward: Answer(429, PROBLEM, {"Retry-After": "10"})
        with pytest.warns(EsmWarning) as warned, pytest.raises(errors.EsmError):
            known.whoami()
        told = [str(one.message) for one in warned]
        assert told == [f"Waiting for {server.url}: too many requests."]

    def test_that_is_away_is_not_waited_for_to_call_a_ranking_off(self, server, known, clock):
        server.stop()
        with pytest.raises(errors.ConnectionFailed):
            RankingResource(known._transport).cancel("r1")
        assert clock.slept <= 3.5
        server.start()

    def test_that_is_away_is_given_up_once_by_a_download(self, server, known, clock, tmp_path):
        """The outer tries of a download do not begin again what the patience has ended."""
        reference, entry = Reference.parse("team/a@1"), FileEntry(sha256=f"sha256:{0:064}", size=10)
        server.stop()
        with pytest.warns(EsmWarning), pytest.raises(errors.ConnectionFailed, match="refused"):
            fetch(known.esms, Cache(tmp_path).blobs, reference, "model.safetensors", entry)
        assert 60 - retries.LONGEST_PAUSE <= clock.slept <= 60
        server.start()


class TestPatience:
    @pytest.mark.parametrize("way", ["argument", "variable"])
    def test_is_a_setting(self, server, clock, monkeypatch, way):
        if way == "variable":
            monkeypatch.setenv("ESM_REGISTRY_PATIENCE", "20")
        with Client(server.url, patience=20 if way == "argument" else None) as client:
            client.whoami()
            server.stop()
            with pytest.warns(EsmWarning), pytest.raises(errors.ConnectionFailed):
                client.whoami()
        assert 20 - retries.LONGEST_PAUSE <= clock.slept <= 20
        server.start()

    @pytest.mark.parametrize("value", ["-1", "nan", "inf", "soon"])
    def test_must_be_possible(self, monkeypatch, value):
        monkeypatch.setenv("ESM_REGISTRY_PATIENCE", value)
        with pytest.raises(errors.InvalidInput, match=r"(?i)patience"):
            Client("http://127.0.0.1:9")


class TestAnAddressThatNeverAnswered:
    @pytest.mark.parametrize("kind", ["refused", "busy"])
    def test_gets_few_tries(self, server, clock, kind):
        if kind == "refused":
            with socket.socket() as taken:  # bound, but nothing listens
                taken.bind(("127.0.0.1", 0))
                url = f"http://127.0.0.1:{taken.getsockname()[1]}"
                self.fails(url)
        else:
            server.rule = lambda asked, forward: Answer(503, PROBLEM, OURS)
            self.fails(server.url)
            assert len(server.requests) == retries.FEW_TRIES
        assert len(clock.pauses) == retries.FEW_TRIES - 1
        assert clock.slept <= 3.5

    def test_is_known_once_it_says_when_to_come_back(self, server, clock):
        busy = Answer(503, PROBLEM, OURS | {"Retry-After": "5"})
        answers = iter([busy] * 6)
        server.rule = lambda asked, forward: next(answers, ME)
        told = r"it is unavailable; giving up in \d\d s\."
        with Client(server.url) as client, pytest.warns(EsmWarning, match=told) as warned:
            assert client.whoami().name == "me"
        assert len(clock.pauses) == 6
        assert len(warned) == 1

    @staticmethod
    def fails(url: str) -> None:
        with warnings.catch_warnings(), Client(url) as client:
            warnings.simplefilter("error")
            with pytest.raises(errors.EsmError):
                client.whoami()
