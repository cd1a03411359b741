"""/metrics after real work; the dashboard and the alerts ask for nothing that is not there."""

import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from support.artifacts import make_esm
from support.registry import RunningRegistry

from esm_client import Client, EsmError, TargetSketch

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture(name="samples", scope="module")
def _samples(tmp_path_factory):
    """All samples of a server that has pushed, pulled, ranked and refused."""
    folder = tmp_path_factory.mktemp("metrics")
    running = RunningRegistry(folder / "data", {"ESM_SERVER_WORKERS": "1"})
    make = partial(make_esm, folder)
    x = np.random.default_rng(1).standard_normal((60, 16))
    sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
    with Client(running.url, running.write_token, cache_dir=folder / "cache") as client:
        for seed in range(3):
            client.push(make(f"e{seed}", seed=seed), f"t/e{seed}", space="s")
        client.push(folder / "e0", "t/e0", space="s")
        with pytest.raises(EsmError):
            client.push(make("other", space_seed=5), "t/other", space="s")
        client.rank(sketch, space="s")
        client.pull("t/e1", folder / "pulled")
    with running.client(running.write_token) as client:
        client.get("/made/up/path")
        text = client.get("/metrics").text
    running.kill()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples, name, **labels):
    return samples[(name, *sorted(labels.items()))]


def test_what_an_operator_needs_is_counted(samples):
    assert value(samples, "esm_server_pushes_total", outcome="new") == 3
    assert value(samples, "esm_server_pushes_total", outcome="known") == 1
    assert value(samples, "esm_server_pushes_total", outcome="refused") == 1
    assert value(samples, "esm_server_pulls_total") == 1
    assert value(samples, "esm_server_rankings_total", outcome="done") == 1
    assert value(samples, "esm_server_ranking_seconds_count") == 1
    assert value(samples, "esm_server_rankings_running") == 0
    assert value(samples, "esm_server_rankings_waiting") == 0
    assert value(samples, "esm_server_workers") == 1
    assert value(samples, "esm_server_workers_alive") == 1
    assert value(samples, "esm_server_pool_maps", space="s") == 3
    assert value(samples, "esm_server_requests_in_progress") == 1
    assert value(samples, "esm_server_database_connections_in_use") == 0
    put = {"method": "PUT", "route": "/v1/namespaces/{namespace}/blobs/{digest}"}
    assert value(samples, "esm_server_received_bytes_total", **put) > 1000
    file = "/v1/esms/{namespace}/{name}/versions/{selector}/files/{filename}"
    assert value(samples, "esm_server_sent_bytes_total", method="GET", route=file) > 1000
    unknown = {"method": "", "route": "unknown", "status": "404"}
    assert value(samples, "esm_server_requests_total", **unknown) == 1
    assert [key for key in samples if key[0] == "esm_server_build_info"]


def test_a_lost_store_is_counted(start_registry):
    running = start_registry()
    (running.data_dir / "blobs" / "incoming").rmdir()
    with running.client() as client:
        assert client.get("/health/ready").status_code == 503
        text = client.get("/metrics").text
    assert 'esm_server_blob_errors_total{operation="check"} 1.0' in text


def queries():
    dashboard = json.loads((DEPLOY / "grafana" / "esm-registry.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    alerts = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
    for group in alerts["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["summary"]
            yield rule["expr"]


@pytest.mark.parametrize("query", list(queries()))
def test_every_query_parses_and_names_what_is_there(samples, query):
    parser = pytest.importorskip("promql_parser")
    parser.parse(query)  # raises for what is no PromQL
    found = re.findall(r"([a-z_]+)(\{[^}]*\})?", re.sub(r'"[^"]*"', '""', query))
    asked = {(name, labels) for name, labels in found if name.startswith("esm_server_")}
    assert asked or "up{" in query
    labels_of = {}
    for name, *labels in samples:
        labels_of.setdefault(name, set()).update(key for key, _ in labels)
    labels_of["esm_server_blob_errors_total"] = {"operation"}  # no error yet, so no series
    for name, matchers in asked:
        assert name in labels_of, query
        assert set(re.findall(r"([a-z_]+)[!=]", matchers)) <= labels_of[name], query
    names = {name for name, _ in asked}
    allowed = set().union(*(labels_of[name] for name in names)) | {"le", "job"}
    for group in re.findall(r"by \(([^)]*)\)", query):
        assert {part.strip() for part in group.split(",")} <= allowed, query


def test_every_metric_is_on_the_dashboard(samples):
    shown = " ".join(queries())
    families = {re.sub(r"_(bucket|count|sum|created)$", "", key[0]) for key in samples}
    ours = {name for name in families if name.startswith("esm_server_")}
    assert {name for name in ours if name not in shown} == set()


def test_prometheus_reads_the_alerts_and_asks_the_server():
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    assert all((DEPLOY / "prometheus" / name).is_file() for name in config["rule_files"])
    (job,) = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["server:8321"]}]
    assert "credentials_file" in job["authorization"]
