"""Two things at once, and things that change in the middle: one clear outcome each."""

import base64
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.errors import QuotaExceeded
from esm_client.core.schemas import RankingCreate, RankingJob
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.auth.service import AuthService
from esm_server.engine.scoring import Engine
from esm_server.rankings.prefiltering import Prefiltering
from esm_server.rankings.queue import RankingQueue
from esm_server.rankings.service import RankingService
from esm_server.registry.removal import RemovalService
from esm_server.similar.service import SimilarService
from esm_server.telemetry.metrics import Metrics

CONTENT = b"x" * 300_000


@pytest.fixture(name="root")
def _root(registry):
    with registry.client(registry.admin_token) as client:
        yield client


def writer(root, namespace):
    """A token of its own in a namespace of its own: its number and secret."""
    root.post("/v1/namespaces", json={"name": namespace}).raise_for_status()
    body = {"name": "own", "scope": "write", "user": f"u-{namespace}"}
    token = root.post("/v1/tokens", json=body).json()
    path = f"/v1/namespaces/{namespace}/members/u-{namespace}"
    root.put(path, json={"role": "writer"}).raise_for_status()
    return token["id"], token["secret"]


def test_token_revoked_during_an_upload(registry, root, unique, problem):
    number, secret = writer(root, unique)

    def chunks():
        yield CONTENT[:100_000]
        root.delete(f"/v1/tokens/{number}").raise_for_status()
        yield CONTENT[100_000:]

    path = f"/v1/namespaces/{unique}/blobs/{digest_bytes(CONTENT)}"
    with registry.client(secret) as client:
        shown = problem(client.put(path, content=chunks()), 401, "unauthorized")
    assert "was revoked" in shown["detail"]
    assert root.head(path).status_code == 404
    assert not any(registry.store.spool.glob("*.tmp"))


def test_member_removed_during_an_upload(registry, root, unique, problem):
    _, secret = writer(root, unique)

    def chunks():
        yield CONTENT[:1000]
        member = f"/v1/namespaces/{unique}/members/u-{unique}"
        root.delete(member).raise_for_status()
        yield CONTENT[1000:]

    path = f"/v1/namespaces/{unique}/blobs/{digest_bytes(CONTENT)}"
    with registry.client(secret) as client:
        problem(client.put(path, content=chunks()), 403, "forbidden")
    assert root.head(path).status_code == 404


def test_quota_exceeded_in_the_middle_of_an_upload(registry, root, unique, problem):
    _, secret = writer(root, unique)
    quota = {"quota_bytes": 200_000}
    root.patch(f"/v1/namespaces/{unique}", json=quota).raise_for_status()
    path = f"/v1/namespaces/{unique}/blobs/{digest_bytes(CONTENT)}"
    with registry.client(secret) as client:
        pieces = (CONTENT[start : start + 50_000] for start in range(0, 300_000, 50_000))
        streamed = client.put(path, content=pieces)  # nobody announced how much comes
        shown = problem(streamed, 413, QuotaExceeded.code)
        assert "may hold 200000 bytes" in shown["detail"]
        problem(client.put(path, content=CONTENT), 413, QuotaExceeded.code)
    assert root.head(path).status_code == 404
    assert not any(registry.store.spool.glob("*.tmp"))


def test_yank_during_a_ranking(registry, push, esm_directory, unique, tmp_path):
    for seed in range(3):
        push(esm_directory(f"e{seed}", seed=seed), f"{unique}/e{seed}", space=unique)
    database = registry.database()
    store = registry.store
    caller = AuthService(database).recognise(registry.write_token)
    yanked = []

    @contextmanager
    def open_blob(digest: str):
        """The store's own file; while the first map is read, somebody yanks and deletes."""
        if not yanked:
            yanked.append(RemovalService(database).yank(caller, unique, "e1", "1", "leaked"))
            admin = AuthService(database).recognise(registry.admin_token)
            RemovalService(database).delete_esm(admin, unique, "e2")
        with store.local_copy(digest) as path:
            yield Path(path)

    rankings = rankings_of(database, Engine(tmp_path, open_blob, 1))
    over = Event()
    ranking = rankings.start(request_of(unique, 0), caller)
    ranking.when_over(over.set)
    assert over.wait(60)
    receipt = ranking.receipt
    assert [row.reference for row in receipt.rows] == [f"{unique}/e0@1"]
    assert (receipt.rows[0].rank, receipt.rows[0].log_bayes_factor) == (1, 0)
    assert {s.reference: s.code for s in receipt.skipped} == {f"{unique}/e1@1": "yanked"}
    assert rankings.get(receipt.id, caller).rows == receipt.rows
    rankings.close()
    database.close()


def test_a_ranking_that_ends_while_it_is_asked_for(registry, push, esm_directory, unique, tmp_path):
    """Whoever asks is told how far it is or gets its receipt: none is done without one."""
    push(esm_directory("e", seed=1), f"{unique}/e", space=unique)
    database = registry.database()
    caller = AuthService(database).recognise(registry.write_token)
    rankings = rankings_of(database, Engine(tmp_path, registry.store.local_copy, 1))
    told = Counter()
    for seed in range(20):
        ranking = rankings.start(request_of(unique, seed), caller)
        while isinstance(answer := rankings.get(ranking.id, caller), RankingJob):
            told[answer.state] += 1
        assert len(answer.rows) == 1
    assert told["queued"] + told["running"] > 0
    assert told["done"] == 0, told
    rankings.close()
    database.close()


def rankings_of(database, engine):
    queue = RankingQueue(running=1, waiting=1, waiting_per_owner=1)
    prefiltering = Prefiltering(database, SimilarService(database))
    return RankingService(
        database, engine, queue, AuthService(database), prefiltering, Metrics("0"), budget=60.0
    )


def request_of(space, seed):
    embeddings = np.random.default_rng(seed).standard_normal((40, 16))
    sketch = TargetSketch.from_embeddings(embeddings, np.arange(40) % 2, kind="classification")
    return RankingCreate(space=space, sketch=base64.b64encode(sketch.to_bytes()))


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "a%2Fb",
        ".hidden",
        "..",
        "A",
        "x" * 97,
        "n\u0430me",
        "na me",
        "na\u200bme",
        "",
        "a\\b",
    ],
)
def test_names_that_are_none(root, name, unique):
    response = root.post("/v1/namespaces", json={"name": name})
    assert response.status_code == 400, response.text
    body = {"version": 1}
    path = f"/v1/esms/{unique}/{name or '.'}/aliases/stable"
    assert root.put(path, json=body).status_code in (400, 404, 405)


@pytest.mark.parametrize("name", ["latest", "admin", "v1", "all", "none", "me"])
def test_reserved_namespaces(root, problem, name):
    shown = problem(root.post("/v1/namespaces", json={"name": name}), 400, "invalid-name")
    assert "reserved" in shown["detail"]
