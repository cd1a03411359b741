"""Rankings that take longer than a request: as jobs, cancelled, refused, resumed, shared."""

import base64
import json
import os
import re
import signal
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
from support.artifacts import make_esm, upload
from support.registry import RunningRegistry
from support.waiting import held_workers, until

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.errors import Conflict, RateLimited
from esm_client.core.scoring.sketch import TargetSketch

WIDTH, POOL = 640, 40  # full maps: one worker needs more than a second for all of them
PATIENCE = 300.0
ONE_WORKER = {"ESM_SERVER_WORKERS": "1"}
NO_ROOM = {"ESM_SERVER_RUNNING_RANKINGS": "1", "ESM_SERVER_WAITING_RANKINGS": "1"}
"""Fewer places than there are jobs to go on with: those were let in before."""


@pytest.fixture(name="wide", scope="module")
def _wide(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wide")
    running = RunningRegistry(
        folder / "registry",
        {
            "ESM_SERVER_WORKERS": "1",
            "ESM_SERVER_RUNNING_RANKINGS": "1",
            "ESM_SERVER_WAITING_RANKINGS_PER_USER": "2",
        },
    )
    make = partial(make_esm, folder)
    with running.client(running.write_token) as client:
        for seed in range(POOL):
            directory = make(f"e{seed}", dimension=WIDTH, seed=seed)
            fingerprint = EsmArtifact.read(directory).fingerprint
            version = {
                "manifest": upload(client, directory, "t"),
                "fingerprint": fingerprint.model_dump(mode="json"),
                "space": "wide",
            }
            client.post(f"/v1/esms/t/e{seed}/versions", json=version).raise_for_status()
    yield running
    running.kill()


@pytest.fixture(name="client")
def _client(wide):
    with wide.client(wide.write_token) as client:
        yield client


def sketch_of(seed: int) -> TargetSketch:
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((WIDTH + 300, WIDTH))
    return TargetSketch.from_embeddings(embeddings, embeddings[:, 0] > 0, kind="classification")


def body(seed: int, **fields):
    encoded = base64.b64encode(sketch_of(seed).to_bytes()).decode()
    return {"space": "wide", "sketch": encoded, **fields}


def settled(client: httpx.Client, ranking: str) -> dict:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = client.get(f"/v1/rankings/{ranking}")
        busy = answer.status_code == 503  # the server has too much to do: clients ask again
        if not busy and (
            answer.status_code != 202 or answer.json()["state"] not in ("queued", "running")
        ):
            return answer.json()
        time.sleep(0.05)
    raise AssertionError("the ranking does not end")


@pytest.fixture(name="held")
def _held(wide, client):
    """held(): a block in which the server's workers score nothing."""
    if not wide.workers:
        client.post("/v1/rankings", json=body(0, wait=60)).raise_for_status()
    return lambda: held_workers(wide)


def test_a_long_ranking_is_a_job_with_events(client, held):
    seen = []
    with ExitStack() as until_half_is_done:
        until_half_is_done.enter_context(held())
        answer = client.post("/v1/rankings", json=body(1, wait=0))
        assert answer.status_code == 202
        job = answer.json()
        with client.stream("GET", f"/v1/rankings/{job['id']}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    seen.append(json.loads(line[5:]))
                    if 0 < seen[-1]["done"] < seen[-1]["total"]:
                        until_half_is_done.close()
    assert seen[-1]["state"] == "done"
    assert any(0 < one["done"] < one["total"] == POOL for one in seen)
    receipt = client.get(f"/v1/rankings/{job['id']}")
    assert receipt.status_code == 200
    assert len(receipt.json()["rows"]) == receipt.json()["num_exact"] == POOL
    problem = client.delete(f"/v1/rankings/{job['id']}")
    assert (problem.status_code, problem.json()["code"]) == (409, Conflict.code)


def test_a_waiting_caller_gets_the_receipt_and_may_have_few_rows(client):
    answer = client.post("/v1/rankings", json=body(2, wait=60, limit=3))
    assert answer.status_code == 201
    receipt = answer.json()
    assert [row["rank"] for row in receipt["rows"]] == [1, 2, 3]
    assert receipt["pool_size"] == receipt["num_exact"] == POOL


def test_cancelled(client, held):
    with held():
        job = client.post("/v1/rankings", json=body(3, wait=0)).json()
        assert client.delete(f"/v1/rankings/{job['id']}").status_code == 204
    ended = settled(client, job["id"])
    assert (ended["state"], ended["problem"]["code"]) == ("cancelled", "cancelled")


def test_a_caller_who_goes_calls_it_off(wide, client, held):
    before, called_off = _rankings_done(wide), _called_off(wide)
    with held():
        with pytest.raises(httpx.ReadTimeout), wide.client(wide.write_token) as leaving:
            leaving.post("/v1/rankings", json=body(4, wait=60), timeout=1)
        until(lambda: _called_off(wide) > called_off)
    # one at a time: what was not called off would be done before this one
    client.post("/v1/rankings", json=body(5, wait=60)).raise_for_status()
    assert _rankings_done(wide) == before + 1


def _called_off(running: RunningRegistry) -> int:
    return len(re.findall(r"ranking \w+ cancelled", running.log))


def _rankings_done(running: RunningRegistry) -> int:
    return running.query("SELECT count(*) FROM rankings")[0][0]


def test_beyond_the_bound_is_told_to_come_back(client, problem, held):
    jobs, refused = [], []
    with held():
        for seed in range(10, 16):
            answer = client.post("/v1/rankings", json=body(seed, wait=0))
            (jobs if answer.status_code == 202 else refused).append(answer)
        assert len(jobs) >= 2
        assert refused
        problem(refused[0], 429, RateLimited.code)
        assert int(refused[0].headers["retry-after"]) > 0
        for job in jobs:
            client.delete(f"/v1/rankings/{job.json()['id']}")


def test_equal_requests_are_computed_once(client, held):
    wanted = body(20, wait=0)
    until(lambda: _computations(client) == 0)
    with held():
        jobs = [client.post("/v1/rankings", json=wanted) for _ in range(6)]
        assert [job.status_code for job in jobs] == [202] * 6
        assert _computations(client) == 1
    receipts = [settled(client, job.json()["id"]) for job in jobs]
    assert len({receipt["id"] for receipt in receipts}) == 6
    assert len({json.dumps(receipt["rows"]) for receipt in receipts}) == 1


def _computations(client: httpx.Client) -> int:
    """How many run or wait."""
    told = client.get("/metrics").text
    counts = re.findall(r"^esm_server_rankings_(?:running|waiting) (\S+)", told, re.MULTILINE)
    assert len(counts) == 2
    return sum(int(float(count)) for count in counts)


def test_a_killed_worker_costs_nothing(wide, client, held):
    with held():
        job = client.post("/v1/rankings", json=body(30, wait=0)).json()
        until(lambda: client.get(f"/v1/rankings/{job['id']}").json()["done"])  # a chunk is with it
        for worker in wide.workers:
            os.kill(worker, signal.SIGKILL)
    receipt = settled(client, job["id"])
    assert receipt["num_exact"] == POOL


@pytest.mark.slow  # two servers and their workers; test_server_ranking_parts has a kill too
@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_server_that_ended_goes_on_with_its_jobs(wide, end):
    running = wide if wide.is_running else RunningRegistry(wide.data_dir, ONE_WORKER)
    with running.client(wide.write_token) as client:
        answered = client.post("/v1/rankings", json=body(39, wait=0)).json()["id"]
        settled(client, answered)
        jobs = [client.post("/v1/rankings", json=body(40 + i, wait=0)).json() for i in range(3)]
    workers = running.workers
    getattr(running, end)()
    # as after a kill between a receipt and the end of its job
    statement = "UPDATE ranking_jobs SET state = 'running' WHERE id = :id RETURNING id"
    assert running.query(statement, id=answered) == [(answered,)]
    again = RunningRegistry(wide.data_dir, {**ONE_WORKER, **NO_ROOM})
    try:
        with again.client(wide.write_token) as client:
            receipts = [settled(client, job["id"]) for job in jobs]
        for seed, receipt in enumerate(receipts, start=40):
            assert receipt.get("num_exact") == POOL, receipt
            identity = sketch_of(seed).identity_log_maximum_evidence()
            assert receipt["identity_score"] == pytest.approx(identity, abs=1e-8)
    finally:
        again.kill()
    states = running.query("SELECT DISTINCT state FROM ranking_jobs")
    assert not {"running", "failed"} & {state for (state,) in states}
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
