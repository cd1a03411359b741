"""SIGTERM in the midst of work: what was acknowledged is there, and nothing by half."""

import base64
import re
import signal
import socket
import threading

import httpx
import numpy as np
import pytest
from support.registry import RunningRegistry
from support.waiting import held_workers, until

from esm_client import Client, EsmError
from esm_client.core.artifact.directory import directory_manifest
from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.scoring.sketch import TargetSketch

WIDTH, POOL = 640, 24


def restarted(running: RunningRegistry) -> RunningRegistry:
    """A new server at the same address."""
    port = str(httpx.URL(running.url).port)
    return RunningRegistry(running.data_dir, {"ESM_SERVER_WORKERS": "1"}, port=port)


def upload_to(running, size, token):
    """An upload that stops half-way: its socket, and how it ends."""
    url = httpx.URL(running.url)
    data = b"x" * size
    path = f"/v1/namespaces/n/blobs/{digest_bytes(data)}"
    connection = socket.create_connection((url.host, url.port), timeout=60)
    head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    connection.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode() + data[: size // 2])
    until(lambda: any(running.store.spool.iterdir()))  # the server has begun to write it
    return connection, data[size // 2 :], path


def answer_of(connection):
    return connection.recv(65536).decode()


def test_an_upload_that_goes_on_ends_well(start_registry):
    running = start_registry(env={"ESM_SERVER_LOG_FORMAT": "json"})
    connection, rest, path = upload_to(running, 400_000, running.write_token)
    running.send_signal(signal.SIGTERM)
    with running.client(running.read_token) as client:
        until(lambda: client.get("/health/ready").status_code != 200)
        refused = client.get("/health/ready")
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert refused.json()["request_id"] == refused.headers["x-request-id"]
        assert client.get("/v1/whoami").status_code == 503
        assert client.get("/health/live").status_code == 200
        assert "esm_server_requests_total" in client.get("/metrics").text
    connection.sendall(rest)
    assert answer_of(connection).startswith("HTTP/1.1 201")
    connection.close()
    assert running.wait() == 0
    again = start_registry(running.data_dir)
    with again.client(running.write_token) as client:  # it shows to whoever sent it
        assert client.head(path).status_code == 200


def test_an_upload_that_stalls_is_cut_off(start_registry):
    running = start_registry(env={"ESM_SERVER_STOP_SECONDS": "0.5"})
    connection, _, path = upload_to(running, 400_000, running.write_token)
    running.send_signal(signal.SIGTERM)
    assert running.wait() == 0
    connection.close()
    assert "cut off" in running.log
    assert list((running.data_dir / "blobs" / "incoming").iterdir()) == []
    again = start_registry(running.data_dir)
    with again.client(again.write_token) as client:
        assert client.head(path).status_code == 404


def test_a_second_signal_ends_at_once(start_registry):
    running = start_registry(env={"ESM_SERVER_STOP_SECONDS": "600"})
    connection, _, _ = upload_to(running, 400_000, running.write_token)
    running.send_signal(signal.SIGTERM)
    until(lambda: "stopping" in running.log)
    assert running.is_running
    running.send_signal(signal.SIGTERM)
    assert running.wait() == -signal.SIGTERM
    connection.close()


@pytest.fixture(name="patient")
def _patient(monkeypatch):
    """Clients wait for a registry that restarts for as long as that takes on a busy machine."""
    monkeypatch.setenv("ESM_REGISTRY_PATIENCE", "600")


@pytest.mark.filterwarnings("ignore:Waiting for http")
def test_pushes_go_on_at_the_restarted_server(start_registry, esm_directory):
    running = start_registry()
    fresh = [esm_directory(f"e{n}", dimension=256, seed=n) for n in range(24)]
    pushed, failed = {}, []

    def push(part):
        with Client(running.url, running.write_token) as client:
            for number in part:
                try:
                    pushed[number] = client.push(fresh[number], f"stop/e{number}").digest
                except EsmError as error:
                    failed.append((number, error))

    threads = [
        threading.Thread(target=push, args=(range(n, 24, 3),), daemon=True) for n in range(3)
    ]
    for thread in threads:
        thread.start()
    until(lambda: pushed.keys() >= {0, 1, 2} or failed)
    running.send_signal(signal.SIGTERM)
    assert running.wait() == 0
    again = restarted(running)
    try:
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
        with Client(again.url, again.read_token) as client:
            listed = {esm.latest.reference: esm.latest.digest for esm in client.list()}
        assert failed == []
        assert listed == {f"stop/e{n}@1": directory_manifest(d)[1] for n, d in enumerate(fresh)}
    finally:
        again.kill()


@pytest.fixture(name="ranking_for")
def _ranking_for(start_registry, esm_directory):
    """A server with maps that take a while, and a sketch for them."""
    running = start_registry(env={"ESM_SERVER_WORKERS": "1"})
    with Client(running.url, running.write_token) as client:
        for seed in range(POOL):
            directory = esm_directory(f"e{seed}", dimension=WIDTH, seed=seed)
            client.push(directory, f"t/e{seed}", space="wide")
        client.rank(target(seed=2), space="wide")  # which starts the worker
    return running, target(seed=1)


def target(seed):
    x = np.random.default_rng(seed).standard_normal((WIDTH + 300, WIDTH))
    return TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")


def stopped_during(running, work):
    """Stop a server while it ranks for `work`, a thread: its worker is held, then ended by it."""
    until(lambda: running_rankings(running) == 0)
    with held_workers(running):
        work.start()
        until(lambda: running_rankings(running) == 1)
        running.send_signal(signal.SIGTERM)
        assert running.wait() == 0


def running_rankings(running):
    with running.client() as client:
        told = client.get("/metrics").text
    return float(re.search(r"^esm_server_rankings_running (\S+)", told, re.MULTILINE)[1])


def test_a_ranking_is_handed_back_to_who_waits(ranking_for):
    running, sketch = ranking_for
    encoded = base64.b64encode(sketch.to_bytes()).decode()
    answers = []

    def ask():
        with running.client(running.write_token) as client:
            body = {"space": "wide", "sketch": encoded, "wait": 60}
            answers.append(client.post("/v1/rankings", json=body))

    work = threading.Thread(target=ask, daemon=True)
    stopped_during(running, work)
    work.join(120)
    assert not work.is_alive()
    assert answers[0].status_code == 503, answers[0].text
    assert answers[0].json()["code"] == "unavailable"
    assert int(answers[0].headers["retry-after"]) > 0


@pytest.mark.filterwarnings("ignore:Waiting for http")
@pytest.mark.usefixtures("patient")
def test_the_client_asks_for_its_ranking_again(ranking_for):
    running, sketch = ranking_for
    rankings = []

    def rank():
        with Client(running.url, running.write_token) as client:
            rankings.append(client.rank(sketch, space="wide"))

    work = threading.Thread(target=rank, daemon=True)
    stopped_during(running, work)
    again = restarted(running)
    try:
        work.join(120)
        assert not work.is_alive()
        assert len(rankings[0]) == POOL
    finally:
        again.kill()
