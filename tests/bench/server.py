"""Rankings a second over HTTP under 1, 8 and 64 clients, with pushes going on (make bench-server).

    python tests/bench/server.py [--esms 500] [--dimension 384] [--rank 16] [--seconds 20]

A real server with a pool of made-up low-rank ESMs. Every client ranks one target after the other,
each a new one, so that nothing is answered from what was computed before; who is told to come back
does so. Prints rankings a second and latencies; last, one JSON line.
"""

import argparse
import base64
import json
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from bench.engine import anonymous
from bench.engine_pools import sketch_of, target
from bench.large_pool import Bench as Pool
from support.registry import RunningRegistry

CLIENTS = (1, 8, 64)


class Load:
    """Clients of one server, and a pusher beside them."""

    def __init__(self, server: RunningRegistry, token: str, pool: Pool, seconds: float) -> None:
        self.server, self.token, self.pool, self.seconds = server, token, pool, seconds
        self.bodies: list[dict] = []
        self.pushed = pool.wanted
        self.lock = threading.Lock()

    def prepare(self, count: int) -> None:
        """Sketches of targets, made before the clock runs."""
        for seed in range(count):
            sketch = sketch_of(*target(600, self.pool.dimension, 2 + seed % 4, seed=seed))
            encoded = base64.b64encode(sketch.to_bytes()).decode()
            self.bodies.append({"space": "large", "sketch": encoded, "wait": 60, "limit": 20})

    def run(self, clients: int) -> dict[str, float]:
        stop, until = threading.Event(), time.perf_counter() + self.seconds
        pusher = threading.Thread(target=self.push, args=(stop,))
        pusher.start()
        began, before = time.perf_counter(), self.pushed
        try:
            with ThreadPoolExecutor(clients) as several:
                found = list(several.map(lambda _: self.client(until), range(clients)))
            spent = time.perf_counter() - began
        finally:
            stop.set()
            pusher.join()
        times = np.array([seconds for own, _ in found for seconds in own])
        return {
            "rankings a second": len(times) / spent,
            "median ms": 1e3 * float(np.median(times)),
            "p95 ms": 1e3 * float(np.quantile(times, 0.95)),
            "told to come back": sum(refused for _, refused in found),
            "pushes": self.pushed - before,
        }

    def client(self, until: float) -> tuple[list[float], int]:
        times, refused = [], 0
        with self.server.client(self.token) as client:
            client.timeout = 600.0  # many wait longer than a request does
            while time.perf_counter() < until:
                with self.lock:
                    if not self.bodies:
                        break
                    body = self.bodies.pop()
                started = time.perf_counter()
                while (answer := client.post("/v1/rankings", json=body)).status_code == 429:
                    refused += 1
                    time.sleep(0.2)
                while answer.status_code == 202:
                    time.sleep(0.1)
                    answer = client.get(f"/v1/rankings/{answer.json()['id']}")
                answer.raise_for_status()
                times.append(time.perf_counter() - started)
        return times, refused

    def push(self, stop: threading.Event) -> None:
        while not stop.wait(0.5):
            self.pool.post(self.server, self.token, "bench", [self.pushed])
            self.pushed += 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--esms", type=int, default=500)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    arguments.keep = None
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        pool = Pool(arguments, Path(folder))
        server = RunningRegistry(
            Path(folder) / "registry",
            {"ESM_SERVER_WAITING_RANKINGS": "200", "ESM_SERVER_WAITING_RANKINGS_PER_USER": "200"},
        )
        token = server.create_token("write")
        pool.push_all(server, token)
        load = Load(server, token, pool, arguments.seconds)
        load.prepare(len(CLIENTS) * int(20 * arguments.seconds))
        load.client(time.perf_counter() + 1.0)  # opens the maps at hand, starts the workers
        for clients in CLIENTS:
            row = load.run(clients)
            row["server MB"] = anonymous(server.pid) / 1e3
            found[f"{clients} clients"] = row
            shown = "  ".join(f"{name} {value:.1f}" for name, value in row.items())
            print(f"{clients:3d} clients  {shown}", flush=True)
        server.stop()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
