"""Those who want nothing but an answer while others attack (see slow_connections.py)."""

import base64
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

import httpx
import numpy as np
from support.registry import RunningRegistry

from esm_client.core.scoring.sketch import TargetSketch

SPACE, SMALL_ESMS, WIDTH = "space", 20, 16
PAUSE = 0.05
KINDS = ("list", "show", "rank", "live", "ready")


class Other(threading.Thread):
    """Somebody who wants nothing but an answer, again and again."""

    def __init__(self, server: RunningRegistry, token: str, number: int, until: float) -> None:
        super().__init__(daemon=True)
        self.server, self.token, self.number, self.until = server, token, number, until
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.refused: Counter[str] = Counter()

    def run(self) -> None:
        with self.server.client(self.token) as client:
            for turn in range(10**9):
                for kind in KINDS:
                    if time.monotonic() > self.until:
                        return
                    asked = self.request(client, kind, turn)
                    began = time.perf_counter()
                    try:
                        status = str(client.send(asked).status_code)
                    except httpx.HTTPError as error:
                        status = type(error).__name__
                    self.seconds[kind].append(time.perf_counter() - began)
                    if status not in ("200", "201"):
                        self.refused[f"{kind} {status}"] += 1
                    time.sleep(PAUSE)

    def ask(self, client: httpx.Client, kind: str, turn: int) -> httpx.Response:
        return client.send(self.request(client, kind, turn))

    def request(self, client: httpx.Client, kind: str, turn: int) -> httpx.Request:
        """What is asked for, made before the time is taken."""
        if kind == "rank":
            body = ranking(1000 * self.number + turn)
            return client.build_request("POST", "/v1/rankings", json=body)
        path = {
            "list": "/v1/esms?limit=20", "show": f"/v1/esms/t/e{turn % SMALL_ESMS}",
            "live": "/health/live", "ready": "/health/ready",
        }[kind]  # fmt: skip
        return client.build_request("GET", path)


def ranking(seed: int) -> dict:
    """A request for a ranking of a target that nobody asked for before."""
    x = np.random.default_rng(seed).standard_normal((60, WIDTH))
    sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
    encoded = base64.b64encode(sketch.to_bytes()).decode()
    return {"space": SPACE, "sketch": encoded, "wait": 60}


def resident_mb(pid: int) -> float:
    """Memory of a process that is in RAM."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


def settled(other: Other, usual_ms: float) -> float:
    """How many seconds it takes until five lists in a row come as fast as they used to.

    What attackers asked for is worked off, though nobody waits for it any more.
    """
    began, fast = time.monotonic(), 0
    with other.server.client(other.token) as client:
        while fast < 5 and time.monotonic() - began < 120:
            asked = time.perf_counter()
            other.ask(client, "list", 0).raise_for_status()
            fast = fast + 1 if (time.perf_counter() - asked) * 1e3 < 2 * usual_ms else 0
            time.sleep(PAUSE)
    return round(time.monotonic() - began, 1)
