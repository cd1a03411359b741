"""Two hundred clients list, pull, push and rank for five minutes: errors, latencies, memory.

    python tests/bench/load.py [--clients 200] [--seconds 300] [--database D] [--storage S]

A real server on the back ends asked for (sqlite or postgresql, local or s3), and clients with the
SDK in four processes, each client a user of its own who pauses up to `--pause` seconds between two
things. A 429 or 503 that the client retried with success is no error. Prints a table and the
memory of the server and its workers, once a minute; last, one JSON line.
"""

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from faults.backends import backends
from faults.deeds import SPACE, WIDTH, write_esm
from support.registry import RunningRegistry

from esm_client import Client
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.auth.service import AuthService
from esm_server.db.database import Database

PROCESSES, FIRST_ESMS = 4, 200
WEIGHTS = {"list": 40, "pull": 30, "push": 15, "rank": 15}


class User(threading.Thread):
    """One client and what its deeds took."""

    def __init__(self, url: str, token: str, number: int, folder: Path, until: float, pause: float):
        super().__init__(daemon=True)
        self.url, self.token, self.number, self.folder = url, token, number, folder / str(number)
        self.until, self.pause, self.rng = until, pause, random.Random(number)
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.errors: list[str] = []
        self.pushed = 0

    def run(self) -> None:
        with Client(self.url, self.token, cache_dir=self.folder / "cache", timeout=120) as client:
            while time.time() < self.until:
                time.sleep(self.rng.uniform(0, self.pause))
                (name,) = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
                prepared = getattr(self, f"prepare_{name}")()
                began = time.perf_counter()
                try:
                    getattr(self, name)(client, prepared)
                except Exception as error:
                    self.errors.append(f"{name}: {error!r}"[:300])
                self.seconds[name].append(time.perf_counter() - began)

    def prepare_list(self) -> None: ...

    def list(self, client: Client, _: None) -> None:
        for count, _esm in enumerate(client.list(SPACE)):
            if count == 49:
                return

    def prepare_pull(self) -> str:
        return f"faults/first-{self.rng.randrange(FIRST_ESMS)}"

    def pull(self, client: Client, name: str) -> None:
        client.pull(name, self.folder / "pulled" / name.removeprefix("faults/"))

    def prepare_push(self) -> Path:
        self.pushed += 1
        return write_esm(self.folder / str(self.pushed), self.number * 1_000_000 + self.pushed)

    def push(self, client: Client, directory: Path) -> None:
        client.push(directory, f"load-{self.number}/esm-{self.pushed % 10}", space=SPACE)

    def prepare_rank(self) -> TargetSketch:
        rng = np.random.default_rng(self.rng.randrange(10**9))
        x = rng.standard_normal((100, WIDTH))
        return TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")

    def rank(self, client: Client, sketch: TargetSketch) -> None:
        assert len(client.rank(sketch, space=SPACE, limit=20)) == 20


def work(url: str, tokens: list[str], first: int, folder: Path, until: float, pause: float, answer):
    """One process of users; puts their times and errors into the queue."""
    users = [
        User(url, token, first + number, folder, until, pause)
        for number, token in enumerate(tokens)
    ]
    for user in users:
        user.start()
    for user in users:
        user.join()
    seconds: dict[str, list[float]] = defaultdict(list)
    for user in users:
        for name, own in user.seconds.items():
            seconds[name] += own
    answer.put((dict(seconds), [error for user in users for error in user.errors]))


def resident_mb(pid: int) -> float:
    """Memory of a process that is in RAM."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def measure(server: RunningRegistry, folder: Path, wanted: argparse.Namespace) -> dict:
    """Fill the registry, let the users at it, and watch its memory."""
    with Client(server.url, server.admin_token, cache_dir=folder / "cache") as client:
        for number in range(FIRST_ESMS):
            directory = write_esm(folder / "first" / str(number), 10**9 + number)
            client.push(directory, f"faults/first-{number}", space=SPACE)
    database = Database(server.settings.url)
    tokens = [
        AuthService(database).create(f"load-{number}", "write").secret
        for number in range(wanted.clients)
    ]
    database.close()
    spawn, share = multiprocessing.get_context("spawn"), -(-wanted.clients // PROCESSES)
    answer, until = spawn.Queue(), time.time() + wanted.seconds
    for first in range(0, wanted.clients, share):
        own = tokens[first : first + share]
        arguments = (server.url, own, first, folder / "users", until, wanted.pause, answer)
        spawn.Process(target=work, args=arguments, daemon=True).start()
    memory = []
    while time.time() < until:
        time.sleep(min(60, max(0.1, until - time.time())))
        memory.append((resident_mb(server.pid), sum(map(resident_mb, server.workers))))
        print(f"server {memory[-1][0]:.0f} MB, workers {memory[-1][1]:.0f} MB", flush=True)
    seconds: dict[str, list[float]] = defaultdict(list)
    errors: list[str] = []
    for _ in range(0, wanted.clients, share):
        found, wrong = answer.get(timeout=600)
        errors += wrong
        for name, own in found.items():
            seconds[name] += own
    return {"seconds": seconds, "errors": errors, "memory": memory}


def main() -> None:
    """Run the load and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--pause", type=float, default=60, help="longest, between two things")
    parser.add_argument("--database", default="sqlite", choices=["sqlite", "postgresql"])
    parser.add_argument("--storage", default="local", choices=["local", "s3"])
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with backends(wanted.database, wanted.storage, folder) as found:
            server = RunningRegistry(folder / "registry", found.env)
            try:
                result = measure(server, folder, wanted)
            finally:
                server.kill()
    report = {
        name: {
            "count": len(own),
            "p50_ms": round(1e3 * float(np.median(own)), 1),
            "p99_ms": round(1e3 * float(np.quantile(own, 0.99)), 1),
        }
        for name, own in sorted(result["seconds"].items())
    }
    print(f"{'':6} {'count':>7} {'p50 ms':>9} {'p99 ms':>9}")
    for name, row in report.items():
        print(f"{name:6} {row['count']:7} {row['p50_ms']:9} {row['p99_ms']:9}")
    for error in result["errors"][:10]:
        print(f"error: {error}")
    figures = {"errors": len(result["errors"]), "memory_mb": result["memory"], **report}
    print(json.dumps({"database": wanted.database, "storage": wanted.storage, **figures}))


if __name__ == "__main__":
    main()
