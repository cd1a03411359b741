"""Rankings while ESMs come and go, and workers and the server are killed: no wrong score.

RANKINGS=1000 does the full run; the default is a short one. Every answer is compared with the
kernel on maps this test knows, and with what was live from before its request to after its answer.
"""

import base64
import os
import random
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
from support.artifacts import upload
from support.registry import RunningRegistry
from support.waiting import until

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.scoring.sketch import TargetSketch

RANKINGS = int(os.environ.get("RANKINGS", "80"))
WIDTH, CHECKED = 24, 8
MOST = 20
"""Times as many are ranked, at most, until a worker and a server were killed."""


class World:
    """The server, what was pushed, and when it went."""

    def __init__(self, folder: Path, make) -> None:
        self.folder, self.make = folder, make
        self.server = RunningRegistry(folder / "registry", {"ESM_SERVER_WORKERS": "2"})
        self.token, self.admin = self.server.write_token, self.server.admin_token
        self.maps: dict[str, AffineMap | LowRankMap] = {}
        self.alive: set[str] = set()
        self.known: set[int] = set()
        self.lock, self.stopped = threading.Lock(), threading.Event()
        self.number = self.ranked = self.kills = self.crashes = 0
        self.failures: list[str] = []

    def ask(self, method: str, path: str, token: str | None = None, **more) -> httpx.Response:
        """Until a server answers, which may be a new one."""

        def once() -> httpx.Response | None:
            with suppress(httpx.HTTPError), self.server.client(token or self.token) as client:
                return client.request(method, path, **more)
            return None

        answer = until(once)
        assert answer is not None
        return answer

    def push(self) -> None:
        number = self.number = self.number + 1
        rng = np.random.default_rng(number)
        made = EsmArtifact.read(self.make(f"e{number}", dimension=WIDTH, seed=number))
        if number % 3:
            parts = (rng.normal(size=1) + 1, *(rng.normal(size=(WIDTH, 2)) / 4 for _ in range(2)))
            esm_map = LowRankMap(*(p.astype(np.float16) for p in (*parts, rng.normal(size=WIDTH))))
            config = made.config.model_copy(update={"architecture": "low-rank"})
            made = EsmArtifact(config, esm_map, made.summary)
        directory = made.write(self.folder / "esms" / f"e{number}")
        reference = f"t/e{number}@1"

        def published() -> bool:
            with suppress(httpx.HTTPError), self.server.client(self.token) as client:
                body = {"manifest": upload(client, directory, "t"), "space": "s"}
                body["fingerprint"] = made.fingerprint.model_dump(mode="json")
                path = f"/v1/esms/t/e{number}/versions"
                client.post(path, json=body).raise_for_status()
                return True
            return False

        until(published)
        with self.lock:
            self.maps[reference] = made.map
            self.alive.add(reference)

    def take_away(self, rng: random.Random) -> None:
        with self.lock:
            if len(self.alive) < 40:
                return
            reference = rng.choice(sorted(self.alive))
            self.alive.discard(reference)
        name = reference.partition("@")[0]
        if rng.random() < 0.5:
            self.ask("PUT", f"/v1/esms/{name}/versions/1/yank", json={"reason": "test"})
        else:
            self.ask("DELETE", f"/v1/esms/{name}", token=self.admin)

    def rank(self, seed: int) -> None:
        rng = np.random.default_rng([9, seed])
        x = rng.normal(size=(60, WIDTH))
        sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
        encoded = base64.b64encode(sketch.to_bytes()).decode()
        body = {"space": "s", "sketch": encoded, "wait": 0 if seed % 2 else 20}
        with self.lock:
            before = set(self.alive)
        answer = self.ask("POST", "/v1/rankings", json=body)
        if answer.status_code == 202:
            path = f"/v1/rankings/{answer.json()['id']}"
            answer = until(lambda: self._ended(path))
        assert answer.is_success, answer.text
        rows = {row["reference"]: row for row in answer.json()["rows"]}
        with self.lock:
            missing = (before & self.alive) - rows.keys()
        assert not missing, f"{seed}: {sorted(missing)[:5]} were live and are not ranked"
        scores = [row["score"] for row in rows.values()]
        assert scores == sorted(scores, reverse=True)
        for reference in rng.permutation(sorted(rows))[:CHECKED]:
            affine = self.maps[reference].as_affine() if reference in self.maps else None
            if affine is None:  # acknowledged after this ranking saw it
                continue
            wanted = sketch.log_maximum_evidence(affine.weight, affine.bias)
            assert rows[reference]["score"] == pytest.approx(wanted, abs=1e-6), reference

    def _ended(self, path: str) -> httpx.Response | None:
        answer = self.ask("GET", path)
        return None if answer.status_code == 202 else answer

    def kill_a_worker(self, rng: random.Random) -> None:
        """One that was there a while ago too: others may be starting still."""
        workers = self.server.workers
        if known := sorted(self.known & set(workers)):
            os.kill(rng.choice(known), signal.SIGKILL)
            self.kills += 1
        self.known = set(workers)

    def kill_the_server(self) -> None:
        self.server.kill()
        self.server = RunningRegistry(self.server.data_dir, {"ESM_SERVER_WORKERS": "2"})
        self.crashes += 1

    def until_stopped(self, deed, pause: float) -> threading.Thread:
        def run() -> None:
            while not self.stopped.wait(pause):
                try:
                    deed()
                except Exception as error:
                    self.failures.append(repr(error))
                    raise

        thread = threading.Thread(target=run)
        thread.start()
        return thread


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_wrong_score_and_no_stuck_job(tmp_path, esm_directory):
    world, rng = World(tmp_path, esm_directory), random.Random(1)
    for _ in range(45):
        world.push()
    share = RANKINGS / 80  # a long run kills no more often
    started = time.monotonic()
    world.rank(RANKINGS)
    slow = max(1.0, (time.monotonic() - started) / 0.7)  # workers start late on a busy machine
    threads = [
        world.until_stopped(world.push, 0.1),
        world.until_stopped(lambda: world.take_away(rng), 0.1),
        world.until_stopped(lambda: world.kill_a_worker(rng), 0.7 * slow),
        world.until_stopped(world.kill_the_server, (4.0 + share / 4) * slow),
    ]
    try:
        for seed in range(MOST * RANKINGS):
            if seed >= RANKINGS and (world.failures or (world.kills and world.crashes)):
                break
            world.rank(seed)
            world.ranked += 1
    finally:
        world.stopped.set()
        for thread in threads:
            thread.join()
        world.server.kill()
    assert not world.failures
    assert world.kills
    assert world.crashes
    print(
        f"{world.ranked} rankings, {world.number} pushes, {world.kills} workers and "
        f"{world.crashes} servers killed, no wrong score"
    )
