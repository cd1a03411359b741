"""Traces, as a collector receives them."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from esm_client import Client, TargetSketch

pytest.importorskip("opentelemetry.sdk", reason="needs the extra `traces`")

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(name="collector")
def _collector():
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            server.paths.add(self.path)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                names = {a.key: a.value.string_value for a in resource.resource.attributes}
                server.services.add(names["service.name"])
                for scope in resource.scope_spans:
                    server.spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    server.spans, server.services, server.paths = [], set(), set()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def attributes(span):
    return {
        a.key: a.value.int_value if a.value.HasField("int_value") else a.value.string_value
        for a in span.attributes
    }


def test_spans_of_requests_transactions_blobs_and_rankings(
    start_registry, collector, esm_directory
):
    endpoint = f"http://127.0.0.1:{collector.server_address[1]}/v1/traces"
    running = start_registry(env={"ESM_SERVER_TRACES_ENDPOINT": endpoint})
    x = np.random.default_rng(1).standard_normal((60, 16))
    sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
    with Client(running.url, running.write_token) as client:
        client.push(esm_directory("a"), "t/a", space="s")
        client.rank(sketch, space="s")
    with running.client(running.read_token) as client:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "traced"}
        path = "/v1/esms/t/a/versions/1/files/model.safetensors"
        assert client.get(f"{path}?q=secret", headers=headers).status_code == 200
    assert running.stop() == 0

    spans = collector.spans
    assert collector.paths == {"/v1/traces"}
    assert collector.services == {"esm-server"}
    inside = [span for span in spans if span.trace_id.hex() == TRACE]
    request = next(span for span in inside if span.parent_span_id.hex() == PARENT)
    route = "/v1/esms/{namespace}/{name}/versions/{selector}/files/{filename}"
    assert request.name == f"GET {route}"
    assert attributes(request) == {
        "http.request.method": "GET",
        "http.route": route,
        "http.response.status_code": 200,
        "request_id": "traced",
    }
    below = [span for span in inside if span.parent_span_id == request.span_id]
    assert {"database", "blob read"} <= {span.name for span in below}
    names = {span.name for span in spans}
    assert {"blob write", "blob local_copy", "ranking"} <= names
    posted = next(span for span in spans if span.name == "POST /v1/rankings")
    ranking = next(span for span in spans if span.name == "ranking")
    assert (ranking.trace_id, ranking.parent_span_id) == (posted.trace_id, posted.span_id)
    writes = [attributes(span) for span in spans if span.name == "database"]
    assert {"db.system.name": "sqlite", "transaction": "write", "end": "commit"} in writes
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano for span in spans)
    assert b"secret" not in b"".join(span.SerializeToString() for span in spans)


def test_a_collector_that_is_not_there_costs_no_answer(start_registry):
    running = start_registry(env={"ESM_SERVER_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces"})
    with running.client() as client:
        assert client.get("/v1").status_code == 200
    assert running.stop() == 0


def test_nothing_is_imported_when_off():
    code = (
        "import sys; from esm_server.asgi import create_app; create_app();"
        "print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.process
def test_without_the_extra(registry, tmp_path, monkeypatch):
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").write_text("raise ImportError('not installed')")
    env = {**registry._env, "ESM_SERVER_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces"}
    env["PYTHONPATH"] = f"{tmp_path}:{env['PYTHONPATH']}"
    monkeypatch.setattr(registry, "_env", env)
    result = registry.run_process("serve", "--port", "0", data_dir=tmp_path / "data")
    assert result.returncode == 1
    assert 'pip install "esm-registry[server,traces]"' in result.stderr
    assert "Traceback" not in result.stderr
