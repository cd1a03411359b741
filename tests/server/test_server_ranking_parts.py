"""Rankings that were sent in parts, by a real server: alike, kept over a kill, and bounded."""

import socket
from pathlib import Path

import numpy as np
import pytest
from fuzz.connections import connect, request, statuses
from server.test_server_ranking_forms import RNG, SPACE, D, as_json, parts
from support.artifacts import make_esm, publish
from support.bodies import BOUNDARY, PARTS, content_type, in_parts
from support.registry import RunningRegistry
from support.waiting import held_workers, until

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.maps.mlp import MlpMap
from esm_server.rankings.incoming import MAX_BODY_BYTES

pytestmark = pytest.mark.xdist_group("serial")  # it fills the memory of its server
IN_PARTS = content_type(PARTS)
WANTED = {"space": "a", "wait": 60}


def make_pool(folder: Path) -> RunningRegistry:
    """Two full maps and an MLP of one space, which only rows are scored with."""
    running = RunningRegistry(folder / "registry", {"ESM_SERVER_WORKERS": "1"})
    for seed in range(2):
        esm = make_esm(folder, f"full-{seed}", D, seed)
        publish(running, esm, f"team/full-{seed}", space="a").raise_for_status()
    made = EsmArtifact.read(make_esm(folder, "other", D, 9))
    config = made.config.model_copy(update={"architecture": "mlp"})
    draw = [RNG.standard_normal(shape).astype(np.float32) for shape in ((5, D), 5, (D, 5), D)]
    mlp = EsmArtifact(config, MlpMap(*draw), made.summary, made.card).write(folder / "mlp")
    publish(running, mlp, "team/mlp", space="a").raise_for_status()
    return running


@pytest.fixture(name="running", scope="module")
def _running(tmp_path_factory):
    running = make_pool(tmp_path_factory.mktemp("forms"))
    yield running
    running.kill()


def rows_of(receipt) -> list:
    rows = [(row["reference"], row["score"], row["standard_error"]) for row in receipt["rows"]]
    assert len(rows) == 3, receipt
    assert all(error > 0 for reference, _, error in rows if "full" in reference)
    return rows


def test_both_forms_are_ranked_alike(running):
    with running.client(running.read_token) as client:
        by_json = client.post("/v1/rankings", content=as_json(WANTED))
        again = {**WANTED, "mode": "exhaustive"}  # else it is answered from the same scores
        by_parts = client.post("/v1/rankings", content=parts(again), headers=IN_PARTS)
    assert (by_json.status_code, by_parts.status_code) == (201, 201), by_parts.text
    assert rows_of(by_json.json()) == rows_of(by_parts.json())


@pytest.mark.parametrize("form", ["json", "parts"])
def test_a_job_keeps_folds_and_rows_over_a_kill(tmp_path, form):
    first = make_pool(tmp_path)
    try:
        with first.client(first.read_token) as client:
            expected = client.post("/v1/rankings", content=as_json(WANTED)).json()
            later = {**WANTED, "wait": 0, "mode": "exhaustive"}
            with held_workers(first):
                answer = client.post(
                    "/v1/rankings",
                    content=as_json(later) if form == "json" else parts(later),
                    headers={} if form == "json" else IN_PARTS,
                )
                assert answer.status_code == 202, answer.text
                first.kill()
    finally:
        first.kill()
    again = RunningRegistry(first.data_dir, {"ESM_SERVER_WORKERS": "1"})
    try:
        with again.client(first.read_token) as client:
            path = f"/v1/rankings/{answer.json()['id']}"
            receipt = until(lambda: (got := client.get(path)).status_code == 200 and got.json())
    finally:
        again.kill()
    assert rows_of(receipt) == rows_of(expected)


def test_targets_beyond_what_one_user_may_hold_are_told_to_come_back(running):
    """Bodies that do not end, three of one user; the third is refused while it arrives."""
    fold = b'--%b\r\nContent-Disposition: form-data; name="fold"\r\n\r\n' % BOUNDARY.encode()
    fold += bytes(45 * 2**20) + b"\r\n"
    token = running.create_token("read")
    kind, length = f"Content-Type: {IN_PARTS['Content-Type']}", f"Content-Length: {MAX_BODY_BYTES}"
    head = request("POST", "/v1/rankings", token, kind, length)
    held: list[socket.socket] = []
    try:
        for _ in range(2):
            held.append(connect(running.url))
            held[-1].sendall(head + fold + fold)
        held.append(connect(running.url))
        held[-1].sendall(head + fold + fold)
        answer = b""
        while part := held[-1].recv(65536):
            answer += part
        assert statuses(answer) == [429]
        assert b"retry-after: 5" in answer.lower()
        with running.client(running.read_token) as client:  # another user's
            wanted = client.post("/v1/rankings", content=parts(WANTED), headers=IN_PARTS)
            assert wanted.status_code == 201
    finally:
        for connection in held:
            connection.close()
    large = in_parts(SPACE, ("sketch", bytes(60 * 2**20)))
    with running.client(token) as client:  # what they held is let go with the connections
        send = lambda: client.post("/v1/rankings", content=large, headers=IN_PARTS)  # noqa: E731
        until(lambda: send().status_code == 400)
