"""Two thousand slow connections of twenty users, while others list, show, rank and ask for health.

    python tests/bench/slow_connections.py [--connections 2000] [--users 20] [--seconds 30]
    python tests/bench/slow_connections.py --attacks 600

A real server, the attackers in a process of their own. A sixth of their connections each: bodies of
which one byte came, uploads of which half came, bodies that drip a byte a second, downloads that
nobody reads, the largest pushes, whose last thousand bytes drip, and uploads that stop a byte
before a megabyte; what the server ends is opened again. Prints the latencies of others before,
while the connections arrive and while they stand, how many of their requests were refused, and the
server's memory; last, one JSON line.

`--attacks SECONDS`: every attack of slow_attacks.py as often as an hour has it, one round every
ten seconds, without the pauses, but for SECONDS at most; and latencies and memory before, and
after what they asked for is worked off.
"""

import argparse
import asyncio
import json
import multiprocessing
import socket
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from bench.slow_attacks import ROUNDS, attack_once
from bench.slow_others import KINDS, SMALL_ESMS, SPACE, WIDTH, Other, resident_mb, settled
from support.artifacts import make_esm, publish
from support.held import half_body, request, short_upload, short_version
from support.registry import RunningRegistry

from esm_server.auth.service import AuthService

LARGE = "/v1/esms/t/large/versions/latest/files/model.safetensors"
OTHERS = 5
ARRIVING_SECONDS = 8
"""In which the server refuses most of two thousand connections that come at once."""
SHAPES = ("byte", "half", "drip", "unread", "push", "megabyte")
AGAIN_SECONDS = {"push": 30, "megabyte": 30}
"""After which what was ended is opened again, if not after one: slow it is to be, no flood."""


class Bench:
    """A server with a few ESMs, and tokens of those who attack it and of others."""

    def __init__(self, folder: Path, users: int) -> None:
        self.server = RunningRegistry(folder / "registry", {"ESM_SERVER_WORKERS": "1"})
        for number in range(SMALL_ESMS):
            directory = make_esm(folder, f"e{number}", dimension=WIDTH, seed=number)
            publish(self.server, directory, f"t/e{number}", space=SPACE).raise_for_status()
        directory = make_esm(folder, "large", dimension=1536)
        publish(self.server, directory, "t/large", space="large").raise_for_status()
        database = self.server.database()
        auth = AuthService(database)
        self.attackers = [auth.create(f"attacker-{n}", "write").secret for n in range(users)]
        self.others = [auth.create(f"other-{n}", "write").secret for n in range(OTHERS)]
        self.many = [auth.create("many", "write", name=f"t{n}").secret for n in range(70)]
        database.close()
        self.measured = 0

    def warm_up(self) -> None:
        """The worker starts, caches fill."""
        other = Other(self.server, self.others[0], 0, 0.0)
        with self.server.client(other.token) as client:
            for kind in KINDS:
                other.ask(client, kind, 0).raise_for_status()

    def measure(self, seconds: float) -> dict:
        """Latencies by kind in milliseconds, what was refused, and the server's memory."""
        self.measured += 1
        until = time.monotonic() + seconds
        first = self.measured * OTHERS
        others = [
            Other(self.server, token, first + number, until)
            for number, token in enumerate(self.others)
        ]
        for other in others:
            other.start()
        for other in others:
            other.join()
        found: dict = {}
        for kind in KINDS:
            times = np.array([one for other in others for one in other.seconds[kind]]) * 1e3
            assert len(times), f"not one {kind} was answered"
            found[kind] = {
                "count": len(times),
                "p50_ms": round(float(np.median(times)), 1),
                "p99_ms": round(float(np.quantile(times, 0.99)), 1),
            }
        refused = sum((other.refused for other in others), Counter())
        return {"refused": dict(refused), "server_mb": resident_mb(self.server.pid), **found}


def shape_of(number: int) -> str:
    """Of the connection of this number."""
    return SHAPES[number % len(SHAPES)]


def sent(number: int, token: str) -> bytes:
    """What it sends at first."""
    upload = f"/v1/namespaces/slow-{number}/blobs/sha256:{number:064x}"
    match shape_of(number):
        case "byte":
            return half_body(token)
        case "half":
            return request("PUT", upload, token, "Content-Length: 4096", body=bytes(2048))
        case "drip":
            return half_body(token, path="/v1/similar")
        case "push":
            return short_version(token, f"/v1/esms/slow-{number}/a/versions")
        case "megabyte":
            return short_upload(token, upload)
        case _:
            return request("GET", LARGE, token)


async def hold(number: int, url: str, token: str, came: Counter[str]) -> None:
    """One slow connection, opened again whenever the server ends it."""
    parts = urlsplit(url)
    while True:
        with suppress(OSError):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(connection, (parts.hostname, parts.port))
            reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
            came["connections"] += 1
            writer.write(sent(number, token))
            try:
                came[(await outcome(number, reader, writer))] += 1
            finally:
                writer.close()
        await asyncio.sleep(AGAIN_SECONDS.get(shape_of(number), 1))


async def outcome(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """How the server ended a connection: a status, or b"" for none."""
    if shape_of(number) == "unread":
        await asyncio.sleep(70)
        return "unread"
    answer = asyncio.ensure_future(reader.read(100))
    while not answer.done():
        if shape_of(number) in ("drip", "push"):
            writer.write(b" ")
        await asyncio.wait({answer}, timeout=1)
    return answer.result()[9:12].decode() or "closed"


def attack(url: str, tokens: list[str], count: int, ready, stop, answer) -> None:
    """The process of the attackers."""

    async def run() -> Counter[str]:
        came = Counter[str]()
        tasks = list[asyncio.Task[None]]()
        for number in range(count):
            token = tokens[number // len(SHAPES) % len(tokens)]
            tasks.append(asyncio.ensure_future(hold(number, url, token, came)))
        while not stop.is_set():
            if came["connections"] >= count:
                ready.set()
            await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return came

    answer.put(dict(asyncio.run(run())))


def under_slow_connections(bench: Bench, wanted: argparse.Namespace) -> dict:
    """Others' latencies while the connections stand."""
    spawn = multiprocessing.get_context("spawn")
    ready, stop, answer = spawn.Event(), spawn.Event(), spawn.Queue()
    arguments = (bench.server.url, bench.attackers, wanted.connections, ready, stop, answer)
    process = spawn.Process(target=attack, args=arguments, daemon=True)
    process.start()
    try:
        assert ready.wait(60), "not all connections could be opened"
        arriving = bench.measure(ARRIVING_SECONDS)
        show("arriving", arriving)
        found = bench.measure(wanted.seconds)
        with bench.server.client() as client:
            told = client.get("/metrics").text.splitlines()
        (line,) = [x for x in told if x.startswith("esm_server_requests_in_progress ")]
        found["requests_in_progress"] = float(line.split()[1])
    finally:
        stop.set()
    found["attackers"] = answer.get(timeout=60)
    process.join(30)
    return {"arriving": arriving, "meanwhile": found}


def under_attacks(bench: Bench, seconds: float) -> dict:
    """An hour's rounds of attacks, or as many as there is time for."""
    until, rounds, tried = time.monotonic() + seconds, 0, Counter[str]()
    while rounds < ROUNDS and time.monotonic() < until:
        attack_once(bench.server, bench.attackers, bench.many, LARGE, rounds, tried)
        rounds += 1
    return {"rounds": rounds, "of": ROUNDS, "tried": dict(tried)}


def show(name: str, found: dict) -> None:
    """One line for people."""
    times = "  ".join(
        f"{kind} {found[kind]['p50_ms']:.0f}/{found[kind]['p99_ms']:.0f}" for kind in KINDS
    )
    refused = sum(found["refused"].values())
    print(f"{name:9} p50/p99 ms  {times}  refused {refused}  {found['server_mb']} MB", flush=True)


def main() -> None:
    """Measure before, during and after."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--attacks", type=float, default=0, metavar="SECONDS")
    wanted = parser.parse_args()
    result: dict = {"connections": wanted.connections, "users": wanted.users}
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), wanted.users)
        try:
            bench.warm_up()
            result["before"] = bench.measure(10)
            show("before", result["before"])
            if wanted.attacks:
                result["attacks"] = under_attacks(bench, wanted.attacks)
                print(f"{result['attacks']['rounds']} rounds of attacks", flush=True)
            else:
                result |= under_slow_connections(bench, wanted)
                show("meanwhile", result["meanwhile"])
            result["settled_s"] = settled(
                Other(bench.server, bench.others[0], 0, 0.0), result["before"]["list"]["p99_ms"]
            )
            print(f"settled after {result['settled_s']} s", flush=True)
            result["after"] = bench.measure(10)
            show("after", result["after"])
        finally:
            bench.server.kill()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
