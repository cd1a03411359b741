"""Version, health, metrics, documentation, log."""

import json
import re
import time

import httpx
import pytest


@pytest.fixture(name="client")
def _client(registry):
    with registry.client() as client:
        yield client


def test_info_says_what_it_is(client):
    assert client.get("/v1").json()["service"] == "esm-registry"


def test_health(client):
    assert client.get("/health/live").json() == {"status": "ok"}
    assert client.get("/health/ready").json() == {"status": "ok"}


def test_readiness_notices_a_lost_store(start_registry, problem):
    running = start_registry()
    running.store.spool.rmdir()
    with running.client() as client:
        problem(client.get("/health/ready"), 503, "unavailable")
        assert client.get("/health/live").status_code == 200


def test_metrics_count_by_route(client):
    client.get("/v1/esms/a-name/that-varies")
    client.get("/made/up/path")
    text = client.get("/metrics").text
    route = "/v1/esms/{namespace}/{name}"
    assert f'esm_server_requests_total{{method="GET",route="{route}",status="401"}}' in text
    assert "that-varies" not in text
    assert "/made/up" not in text


def test_metrics_need_a_token_from_elsewhere(registry, client, problem):
    proxied = {"X-Forwarded-For": "192.0.2.1"}
    problem(client.get("/metrics", headers=proxied), 403, "forbidden")
    with registry.client(registry.read_token) as known:
        assert known.get("/metrics", headers=proxied).status_code == 200


def test_documentation_loads_nothing_from_elsewhere(client):
    response = client.get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    text = response.text
    assert "/v1/rankings" in text
    assert "RankingReceipt" in text
    for url in re.findall(r"""(?:src|href)=["']?([^"'> ]+)""", text):
        assert url.startswith(("#", "/openapi.json")), url
    assert "<script" not in text
    assert not re.findall(r"url\(|@import", text)
    anchors = set(re.findall(r'id="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= anchors


def test_every_operation_declares_problems(client):
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, item in document["paths"].items():
        for method, operation in item.items():
            errors = {s for s in operation["responses"] if s[0] in "45"}
            assert "500" in errors, (method, path)
            for status in errors if method != "head" else ():
                assert list(operation["responses"][status]["content"]) == [
                    "application/problem+json"
                ], (method, path, status)


def log_line(registry, text):
    """The line with this text, which is written just after the answer is sent."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for line in registry.log.splitlines():
            if text in line:
                return line
        time.sleep(0.02)
    raise AssertionError(f"{text} is not in the log")


@pytest.mark.parametrize(
    "page",
    ["", "/", "/openapi.json", "/openapi.yaml", "/openapi.yml", "/swagger", "/redoc", "/elements",
     "/rapidoc", "/oauth2-redirect.html"],
)  # fmt: skip
def test_there_is_one_openapi_document(client, page):
    """Litestar's own pages would be made anew for everybody, and load scripts from elsewhere."""
    assert client.get(f"/openapi{page}").status_code == 404


def test_openapi_document_is_closed_and_keeps_the_contract(client):
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    used = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert used <= set(schemas)
    assert schemas["SourceTask"]["properties"]["text_columns"]["items"] == {
        "type": "string",
        "maxLength": 1000,
    }
    assert schemas["RankingCreate"]["properties"]["space"]["pattern"].startswith("^[a-z0-9")


def test_log_has_a_line_without_secrets(registry):
    with registry.client(registry.read_token) as client:
        response = client.post(
            "/v1/rankings?secret-query=1", json={"space": "a", "sketch": "c2VjcmV0LWJvZHk="}
        )
    assert "POST /v1/rankings 404" in log_line(registry, response.headers["x-request-id"])
    for secret in (registry.read_token, "secret-query", "c2VjcmV0", "secret-body"):
        assert secret not in registry.log


def test_path_cannot_forge_log_lines(registry):
    url = httpx.URL(registry.url).copy_with(raw_path=b"/v1/x%0a2026%20ERROR%20forged")
    httpx.get(url, trust_env=False)
    assert "GET /v1/x" in log_line(registry, "ERROR forged")


def test_oversized_header_is_refused(registry):
    headers = {"X-Large": "x" * 80_000}
    assert httpx.get(f"{registry.url}/v1", headers=headers, trust_env=False).status_code == 431
