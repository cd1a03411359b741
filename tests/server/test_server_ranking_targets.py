"""The target of a ranking: how it must come, what of it is kept, and how many are begun at once."""

import asyncio
import gc
import json
import threading
import time
import weakref
from types import SimpleNamespace
from typing import Any, cast

import pytest
from litestar import Litestar, Request, post
from server.test_server_ranking_forms import FOLDS, SKETCH, WHOLE, D

from esm_client.core.scoring.sketch import TargetSketch
from esm_server.connections.deadlines import BodyDeadlines
from esm_server.db.space import SpaceRow
from esm_server.held_bytes import HeldBytes
from esm_server.problems import problem_response
from esm_server.rankings import controllers, incoming, service
from esm_server.rankings.service import RankingService
from esm_server.rankings.stored import as_asked, as_stored
from esm_server.registry.controllers import EsmController


def test_a_target_must_come_faster_than_other_bodies(monkeypatch):
    """Of 16 MiB that came, the rest would have half an hour at the rate of others."""
    monkeypatch.setattr(incoming, "SLOWEST", 2**40)

    @post("/")
    async def rank(request: Request[Any, Any, Any]) -> None:
        await incoming.read_ranking(request, HeldBytes(2**30, "").of("x"))

    app = Litestar(
        [rank], exception_handlers={Exception: problem_response}, logging_config=None,
        openapi_config=None, request_max_body_size=None,
    )  # fmt: skip
    scope: Any = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "", "scheme": "http",
        "server": ("x", 80), "client": ("127.0.0.1", 1), "state": {},
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"33554432")],
    }  # fmt: skip
    pieces = [b'{"sketch": "' + b"A" * 2**24]
    sent: list[Any] = []

    async def receive() -> Any:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(), "more_body": True}
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    slow = BodyDeadlines(app, quiet=3600, total=0.2)
    asyncio.run(slow(scope, receive, send))
    assert sent[0]["status"] == 408


@pytest.mark.parametrize(
    "target",
    [{}, {"embedded": None}, {"folds": ()}, {"folds": (), "embedded": None}],
    ids=["all", "no rows", "no folds", "sketch alone"],
)
def test_a_job_keeps_the_bytes_of_a_target_as_they_are(target):
    """Were base64 in JSON: several copies of them at a time."""
    asked = WHOLE.model_copy(update=target)
    document, data = as_stored(asked)
    assert as_asked(json.loads(json.dumps(document)), data) == asked
    assert len(json.dumps(document)) < 1000
    assert len(data) == sum(map(len, (asked.sketch, *asked.folds, asked.embedded or b"")))


def test_a_job_of_an_earlier_version_is_run_again():
    document = WHOLE.model_dump(mode="json", exclude={"sketch"})
    assert as_asked(document, SKETCH) == WHOLE


class Queue:
    """Keeps what it is given to compute, and begins nothing."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def submit(self, *given: Any, **_: Any) -> None:
        self.given.append(given)


def test_a_ranking_that_waits_holds_nothing_decoded(monkeypatch):
    read: list[weakref.ref[TargetSketch]] = []
    from_bytes = TargetSketch.from_bytes

    def noted(data: bytes) -> TargetSketch:
        sketch = from_bytes(data)
        read.append(weakref.ref(sketch))
        return sketch

    monkeypatch.setattr(TargetSketch, "from_bytes", noted)
    space = SpaceRow(
        name="a", base_model="m", pooling="mean", max_length=128, separator=" ", dimension=D,
        canaries=[], created_by="x",
    )  # fmt: skip
    pool = SimpleNamespace(space=space, digests=[], digest="")
    monkeypatch.setattr(service, "read_pool", lambda *_: pool)
    nothing, queue = cast("Any", None), cast("Any", Queue())
    auth = cast("Any", SimpleNamespace(recheck=lambda _: None))
    rankings = RankingService(nothing, nothing, queue, auth, nothing, nothing, budget=1.0)
    rankings.start(WHOLE, cast("Any", SimpleNamespace(name="x")))
    gc.collect()
    assert len(queue.given) == 1
    assert len(read) == 1 + len(FOLDS)
    assert [one for one in read if one() is not None] == []


class Busy:
    """Counts how many are at it at a time."""

    def __init__(self) -> None:
        self.most, self._now = 0, 0
        self._lock = threading.Lock()

    def work(self, *_: Any) -> Any:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.05)
        with self._lock:
            self._now -= 1
        return SimpleNamespace(version=None, is_new=True)


def test_few_rankings_are_begun_at_a_time():
    busy = Busy()
    rankings, caller = cast("Any", SimpleNamespace(start=busy.work)), cast("Any", None)

    async def many() -> None:
        await asyncio.gather(*[controllers._begun(rankings, WHOLE, caller) for _ in range(12)])

    asyncio.run(many())
    assert busy.most == 2


def test_few_versions_are_published_at_a_time():
    busy = Busy()
    publish: Any = EsmController.create_version.fn
    fields = {"caller": None, "namespace": "a", "name": "b", "data": None}

    async def many() -> None:
        publishing = SimpleNamespace(publish=busy.work)
        await asyncio.gather(*[publish(None, publishing=publishing, **fields) for _ in range(12)])

    asyncio.run(many())
    assert busy.most == 4
