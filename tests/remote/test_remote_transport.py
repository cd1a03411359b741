"""Errors of the way: each is one of ours, says where and why, and what to do."""

import json
import logging
import shutil
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler

import numpy as np
import pytest
from support.relay import Answer

from esm_client import Client, TargetSketch
from esm_client.core import errors

IDENTITY = b'{"name": "me", "scope": "read"}'
BUSY = {"Retry-After": "0", "Content-Type": "application/problem+json"}


def problem(status: int, code: str, **more: str) -> bytes:
    document = {"title": "t", "status": status, "detail": "What.", "code": code, "hint": "How."}
    return json.dumps(document | more).encode()


@pytest.fixture(name="fake")
def _fake(start_relay):
    """A server that answers `fake.rule`, and a client for it."""
    return start_relay()


@pytest.fixture(name="faked")
def _faked(fake):
    with Client(fake.url, "secret-token") as client:
        yield client


class TestRetries:
    @pytest.mark.parametrize("status", [408, 429, 503])
    def test_busy_server_is_asked_again(self, fake, faked, status):
        answers = iter([Answer(status, problem(status, "unavailable"), BUSY)] * 2)
        fake.rule = lambda asked, forward: next(answers, Answer(200, IDENTITY))
        assert faked.whoami().name == "me"
        assert len(fake.requests) == 3

    def test_gives_up_with_the_server_s_own_words(self, fake, faked):
        fake.rule = lambda asked, forward: Answer(503, problem(503, "unavailable"), BUSY)
        with pytest.raises(errors.Unavailable, match=r"What\."):
            faked.whoami()
        assert len(fake.requests) == 4

    def test_nobody_waits_for_an_hour(self, fake, faked):
        headers = BUSY | {"Retry-After": "3600"}
        fake.rule = lambda asked, forward: Answer(429, problem(429, "rate-limited"), headers)
        with pytest.raises(errors.RateLimited):
            faked.whoami()
        assert len(fake.requests) == 1

    def test_retry_after_may_be_a_date(self, fake, faked):
        headers = BUSY | {"Retry-After": "Fri, 01 Jan 2021 00:00:00 GMT"}
        answers = iter([Answer(503, problem(503, "unavailable"), headers)])
        fake.rule = lambda asked, forward: next(answers, Answer(200, IDENTITY))
        assert faked.whoami().name == "me"

    def test_lost_answer_of_a_get_is_asked_for_again(self, fake, faked):
        answers = iter([None])
        fake.rule = lambda asked, forward: next(answers, Answer(200, IDENTITY))
        assert faked.whoami().name == "me"

    def test_uploads_are_sent_again_whole(
        self, relayed, relay, esm_directory, namespace, tmp_path, files
    ):
        refused: set[str] = set()

        def rule(asked, forward):
            if (asked.method, asked.path) in refused or asked.method == "HEAD":
                return forward()
            refused.add((asked.method, asked.path))
            return Answer(503, problem(503, "unavailable"), BUSY)

        relay.rule = rule
        relayed.push(esm_directory(), f"{namespace}/esm")
        assert files(relayed.pull(f"{namespace}/esm", tmp_path / "out")) == files(tmp_path / "esm")

    def test_ranking_is_not_repeated_once_sent(self, fake, faked):
        fake.rule = _at_the_ranking(None)
        with pytest.raises(errors.ConnectionFailed, match="broke"):
            faked.rank(_sketch(), space="some-space")
        assert fake.paths("POST") == ["/v1/rankings"]

    @pytest.mark.parametrize(("status", "tries"), [(408, 1), (429, 4), (503, 1)])
    def test_ranking_is_repeated_only_when_it_was_surely_not_made(self, fake, faked, status, tries):
        fake.rule = _at_the_ranking(Answer(status, problem(status, "unavailable"), BUSY))
        with pytest.raises(errors.Unavailable):
            faked.rank(_sketch(), space="some-space")
        assert len(fake.paths("POST")) == tries

    @pytest.mark.parametrize(
        ("status", "error"), [(408, errors.TooSlow), (503, errors.Unavailable)]
    )
    def test_a_registry_that_says_retry_after_did_not_make_it(self, fake, status, error):
        ours = BUSY | {"X-ESM-Registry": "0"}
        fake.rule = _at_the_ranking(Answer(status, problem(status, error.code), ours))
        with (
            Client(fake.url, "secret-token", patience=0) as faked,
            pytest.raises(error),
        ):
            faked.rank(_sketch(), space="some-space")
        sent = [asked.headers for asked in fake.requests if asked.method == "POST"]
        assert len(sent) == 4
        assert len({headers["x-request-id"] for headers in sent}) == 1

    def test_an_error_without_an_id_has_that_of_its_call(self, fake, faked):
        fake.rule = lambda asked, forward: Answer(404, problem(404, "not-found"))
        with pytest.raises(errors.NotFound) as caught:
            faked.pull("a/b")
        headers = {k.lower(): v for k, v in fake.requests[-1].headers.items()}
        assert caught.value.request_id == headers["x-request-id"]


def _at_the_ranking(answer):
    """A rule that gives this answer to a ranking, once the server has said what it is."""
    said = Answer(200, b'{"service": "esm-registry", "version": "0"}')
    return lambda asked, forward: said if asked.path == "/v1" else answer


def _sketch() -> TargetSketch:
    rng = np.random.default_rng(0)
    return TargetSketch.from_embeddings(
        rng.standard_normal((40, 4)), np.arange(40) % 2, kind="classification"
    )


class TestNoAnswer:
    def test_refused(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            with Client(url) as client, pytest.raises(errors.ConnectionFailed) as caught:
                client.whoami()
        assert caught.value.message == f"Connection refused: {url}."
        assert "address and port" in caught.value.hint

    def test_unknown_host(self):
        with Client("http://registry.invalid") as client:
            with pytest.raises(errors.ConnectionFailed, match=r"no address \(DNS\)"):
                client.whoami()

    def test_silence(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with Client(url, timeout=0.1) as client:
                with pytest.raises(errors.ConnectionFailed, match=r"in time \(timeout\)"):
                    client.whoami()

    def test_https_to_a_plain_port(self, fake):
        with Client(fake.url.replace("http:", "https:")) as client:
            with pytest.raises(errors.ConnectionFailed, match=r"\(TLS\)") as caught:
                client.whoami()
        assert "http://" in caught.value.hint

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
    def test_own_certificate_authority(self, tmp_path, monkeypatch):
        certificate, key = tmp_path / "ca.pem", tmp_path / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
            + ["-keyout", key, "-out", certificate, "-subj", "/CN=localhost"]
            + ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
            check=True,
            capture_output=True,
        )

        class Whoami(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(IDENTITY)))
                self.end_headers()
                self.wfile.write(IDENTITY)

            def log_message(self, *arguments):
                """Nothing to the test's output."""

        server = HTTPServer(("127.0.0.1", 0), Whoami)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"https://localhost:{server.server_port}"
        try:
            with Client(url) as client:
                with pytest.raises(errors.ConnectionFailed, match=r"not trusted \(TLS\)") as caught:
                    client.whoami()
            assert "ESM_REGISTRY_CA_FILE" in caught.value.hint
            with Client(url, ca_file=certificate) as client:
                assert client.whoami().name == "me"
            monkeypatch.setenv("ESM_REGISTRY_CA_FILE", str(certificate))
            with Client(url) as client:
                assert client.whoami().name == "me"
        finally:
            server.shutdown()
            server.server_close()

    def test_broken_certificate_file(self, tmp_path):
        (tmp_path / "ca.pem").write_text("no certificate")
        with pytest.raises(errors.InvalidInput, match="PEM|ca.pem"):
            Client("https://localhost", ca_file=tmp_path / "ca.pem")


class TestNotOurs:
    def test_plain_web_server(self):
        class Quiet(SimpleHTTPRequestHandler):
            def log_message(self, *arguments):
                """Nothing to the test's output."""

        server = HTTPServer(("127.0.0.1", 0), Quiet)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            with Client(f"http://127.0.0.1:{server.server_port}") as client:
                with pytest.raises(errors.NotOurServer, match="status 404 with text/html"):
                    client.whoami()
        finally:
            server.shutdown()
            server.server_close()

    @pytest.mark.parametrize(
        "body",
        [b"<html>", b"", b"[]", b'{"hello": 1}', b'{"service": "other", "version": "1"}', b"\xff"],
    )
    def test_other_answers(self, fake, faked, body):
        fake.rule = lambda asked, forward: Answer(200, body)
        with pytest.raises(errors.NotOurServer, match="not as an ESM registry"):
            faked.server_info()

    def test_json_errors_of_another_service(self, fake, faked):
        fake.rule = lambda asked, forward: Answer(404, b'{"detail": "Not Found"}')
        with pytest.raises(errors.NotOurServer):
            faked.whoami()

    def test_gateway_in_front_of_a_dead_registry(self, fake, faked):
        fake.rule = lambda asked, forward: Answer(502, b"<html>Bad Gateway</html>")
        with pytest.raises(errors.Unavailable, match="502 Bad Gateway"):
            faked.whoami()

    def test_redirect_is_not_followed(self, fake, faked, start_relay):
        other = start_relay()
        headers = {"Location": f"{other.url}/elsewhere?secret=1"}
        fake.rule = lambda asked, forward: Answer(307, b"", headers)
        with pytest.raises(errors.NotOurServer, match=f"a redirect to '{other.url}/elsewhere'"):
            faked.whoami()
        assert other.requests == []


class TestProblems:
    @pytest.mark.parametrize("cls", [errors.StorageFull, errors.TooLarge, errors.ServerFault])
    def test_code_picks_the_class(self, fake, faked, cls):
        body = problem(cls.status, cls.code, request_id="r-1")
        fake.rule = lambda asked, forward: Answer(cls.status, body)
        with pytest.raises(cls) as caught:
            faked.whoami()
        assert (caught.value.message, caught.value.hint) == ("What.", "How.")
        assert caught.value.request_id == "r-1"

    def test_code_of_a_later_version(self, fake, faked):
        fake.rule = lambda asked, forward: Answer(418, problem(418, "teapot"))
        with pytest.raises(errors.EsmError, match=r"What\. How\.") as caught:
            faked.whoami()
        assert type(caught.value) is errors.EsmError

    def test_field_of_a_later_version_is_ignored(self, fake, faked):
        body = b'{"name": "me", "scope": "read", "favourite_colour": "green"}'
        fake.rule = lambda asked, forward: Answer(200, body)
        assert faked.whoami().name == "me"


class TestToken:
    def test_it_travels_in_its_header_and_is_shown_nowhere(self, fake, faked, caplog):
        caplog.set_level(logging.DEBUG)
        fake.rule = lambda asked, forward: Answer(403, problem(403, "forbidden"))
        with pytest.raises(errors.Forbidden) as caught:
            faked.whoami()
        assert fake.requests[0].headers["authorization"] == "Bearer secret-token"
        assert caplog.records
        for shown in (repr(faked), repr(vars(faked)), str(caught.value), caplog.text):
            assert "secret-token" not in shown


def test_an_older_server_does_not_pass_for_having_ended_what_was_made(fake, faked):
    token = dict.fromkeys(("namespace", "expires_at", "last_used_at", "revoked_at"))
    token |= {"id": 7, "name": "x", "user": "me", "kind": "person", "scope": "read"}
    token |= {"created_at": "2026-11-30T12:00:00Z"}
    fake.rule = lambda asked, forward: Answer(200, json.dumps(token).encode())
    assert faked.tokens.revoke(7).id == 7
    with pytest.raises(errors.Conflict, match="7 alone is revoked"):
        faked.tokens.revoke(7, with_made=True)
    token["made_with"] = None
    assert faked.tokens.revoke(7, with_made=True).made_with is None
