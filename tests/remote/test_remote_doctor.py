"""Eight broken set-ups and a sound one: the doctor names each, with its fix."""

import json
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import trustme

from esm_client.core.compatibility import misfit
from esm_client.remote.config.settings import resolve_settings
from esm_client.remote.doctor.examine import examine


@pytest.fixture(name="serve")
def _serve():
    """serve(answer, context=None) -> port; answer(handler) gives (status, type, body)."""
    running = []

    def serve(answer, context=None):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, kind, body = answer(self)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return server.server_address[1]

    yield serve
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture(name="in_front")
def _in_front(serve, registry):
    """in_front(change, context=None) -> port of a real registry whose JSON `change` alters."""

    def start(change, context=None):
        def answer(handler):
            headers = {"Authorization": handler.headers.get("Authorization", "")}
            with httpx.Client(trust_env=False) as client:
                response = client.get(registry.url + handler.path, headers=headers)
            document = change(handler.path, response.json())
            kind = response.headers["content-type"]
            return response.status_code, kind, json.dumps(document).encode()

        return serve(answer, context)

    return start


def examined(url, token, **options):
    checks = list(examine(resolve_settings(url, token, **options)))
    assert [check.name for check in checks] == [
        "address", "proxy", "DNS", "TCP", "TLS", "server", "version", "clock", "token",
        "bytes", "credentials", "cache",
    ]  # fmt: skip
    return {check.name: check for check in checks}


def only_failure(checks):
    failed = [check for check in checks.values() if check.state == "failed"]
    assert len(failed) == 1, failed
    assert failed[0].fix
    return failed[0]


def test_all_is_well(registry):
    checks = examined(registry.url, registry.write_token)
    assert {check.state for check in checks.values()} == {"ok"}


def test_wrong_host(registry):
    checks = examined("http://registry.no-such-host.invalid:8321", registry.write_token)
    found = only_failure(checks)
    assert found.name == "DNS"
    assert "'registry.no-such-host.invalid'" in found.found
    assert "spelling" in found.fix
    assert checks["token"].state == "skipped"


def test_wrong_port(registry, serve):
    from esm_server.runner import free_port

    found = only_failure(examined(f"http://127.0.0.1:{free_port('127.0.0.1')}", "t"))
    assert found.name == "TCP"
    assert "Connection refused" in found.found
    assert "port" in found.fix


def test_not_our_server(serve):
    seen = []

    def answer(handler):
        seen.append(handler.headers.get("Authorization"))
        return 200, "text/html", b"<h1>Welcome to nginx</h1>"

    found = only_failure(examined(f"http://127.0.0.1:{serve(answer)}", "esmr_secret"))
    assert found.name == "server"
    assert "not as an ESM registry" in found.found
    assert set(seen) == {None}  # a stranger never sees the token


def certificate(*names):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA()
    authority.issue_cert(*names).configure_cert(context)
    return authority, context


def test_certificate_of_an_unknown_authority(in_front, registry, tmp_path):
    authority, context = certificate("localhost")
    port = in_front(lambda path, document: document, context)
    found = only_failure(examined(f"https://localhost:{port}", registry.write_token))
    assert found.name == "TLS"
    assert "signed" in found.found
    assert "`ca_file`" in found.fix
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    url = f"https://localhost:{port}"
    mended = examined(url, registry.write_token, ca_file=tmp_path / "ca.pem")
    assert {check.state for check in mended.values()} == {"ok"}


def test_self_signed_certificate(in_front, registry, tmp_path):
    pem, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    self_signed(pem, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    port = in_front(lambda path, document: document, context)
    found = only_failure(examined(f"https://localhost:{port}", registry.write_token))
    assert found.name == "TLS"
    assert "signs itself" in found.found
    assert "`ca_file`" in found.fix


def self_signed(pem, key):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def test_certificate_for_another_host(in_front, registry, tmp_path):
    authority, context = certificate("registry.example.org")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    port = in_front(lambda path, document: document, context)
    url = f"https://localhost:{port}"
    found = only_failure(examined(url, registry.write_token, ca_file=tmp_path / "ca.pem"))
    assert (found.name, "another host name" in found.found) == ("TLS", True)


@pytest.mark.parametrize(
    ("status", "body"), [(407, b""), (200, b"<html>Sign in to the network</html>"), (403, b"no")]
)
def test_proxy_in_the_way(serve, monkeypatch, registry, status, body):
    port = serve(lambda handler: (status, "text/html", body))
    monkeypatch.setenv("HTTP_PROXY", f"http://user:secret@127.0.0.1:{port}")
    monkeypatch.setenv("http_proxy", f"http://user:secret@127.0.0.1:{port}")
    checks = examined("http://registry.example.org", registry.write_token)
    found = only_failure(checks)
    assert found.name == "server"
    assert "the proxy answered instead" in found.found
    assert "NO_PROXY" in found.fix
    assert "secret" not in repr(checks)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert only_failures(examined(registry.url, registry.write_token)) == []


def only_failures(checks):
    return [check for check in checks.values() if check.state == "failed"]


def test_proxy_that_nobody_runs(monkeypatch, registry):
    from esm_server.runner import free_port

    proxy = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, proxy)
    found = only_failure(examined("http://registry.example.org", registry.write_token))
    assert (found.name, "NO_PROXY=registry.example.org" in found.fix) == ("proxy", True)


def test_expired_token(registry):
    token = registry.create_token("read", lifetime=timedelta(0))
    found = only_failure(examined(registry.url, token))
    assert found.name == "token"
    assert "expired at" in found.found
    assert "new token" in found.fix


def test_token_that_expires_soon(registry):
    token = registry.create_token("read", lifetime=timedelta(days=2))
    check = examined(registry.url, token)["token"]
    assert (check.state, "Ask an admin for a new one" in check.fix) == ("warning", True)
    assert "; it expires at " in check.found


@pytest.mark.parametrize(("hours", "side"), [(2, "behind"), (-2, "ahead of")])
def test_wrong_clock(in_front, registry, hours, side):
    def shift(path, document):
        if path == "/v1":
            time = datetime.fromisoformat(document["time"]) + timedelta(hours=hours)
            document["time"] = time.isoformat()
        return document

    found = only_failure(examined(f"http://127.0.0.1:{in_front(shift)}", registry.write_token))
    assert found.name == "clock"
    assert side in found.found
    assert "72" in found.found  # 7200 s, give or take one
    assert "time server" in found.fix


def test_old_server(in_front, registry):
    def older(path, document):
        return {"service": "esm-registry", "version": "0.0.1"} if path == "/v1" else document

    checks = examined(f"http://127.0.0.1:{in_front(older)}", registry.write_token)
    found = only_failure(checks)
    assert found.name == "version"
    assert "0.0.1" in found.found
    assert "update it" in found.fix
    assert checks["clock"].state == "skipped"


@pytest.mark.parametrize(
    ("client", "server", "word"),
    [
        ("0.1.0", "0.1.9", None),
        ("0.1.0", "0.2.0", "update the client"),
        ("0.2.0", "0.1.0", "operator"),
        ("1.2.0", "1.9.3", None),
        ("1.2.0", "2.0.0", "update the client"),
        ("0.9.0", "1.0.0", "update the client"),
        ("2.0.0", "1.9.0", "operator"),
        ("0.1.0", "0", None),
    ],
)
def test_versions(client, server, word):
    problem = misfit(client, server)
    assert problem is None if word is None else word in problem
