"""What the largest body of every endpoint costs the server: others' answers, and memory.

    python tests/bench/bodies.py [--repeat 3]

For each endpoint and filling (tests/support/bodies.py), and for the largest that is valid
(tests/support/full_size.py): the 99th percentile of `GET /health/live` meanwhile and the slowest,
which is how long the event loop was silent, in milliseconds; the server's processor seconds and the
growth of its peak memory. A few milliseconds are the machine's own: the first line is of an idle
server. The last line is JSON. Ends with 1 where a goal is missed, and names the cases.
"""

import argparse
import base64
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.bodies import (
    FILLINGS,
    JSON,
    MAX_RANKING_BYTES,
    PARTS,
    content_type,
    filled,
    forget_peak,
    in_parts,
    memory,
    operations,
    places,
    processor_seconds,
)
from support.full_size import (
    SKETCH_DIMENSION,
    full_sketch,
    labels_attack,
    ranking,
    version_document,
    wide_esm,
)
from support.registry import RunningRegistry

from esm_client.core.limits import MAX_DIMENSION, MAX_SPACE_JSON_BYTES, MAX_VERSION_JSON_BYTES

IDLE_SECONDS = 2.0
LARGE = 2**24
GOALS = {"silence_ms": 200.0, "p99_ms": 500.0, "growth_mib": 300.0}
"""What no body may cost."""
VALID, DIGEST = "valid", "sha256:" + "0" * 64
Case = tuple[str, str, str, str, bytes]
"""Name, method, path, media type and body."""


class Watch:
    """Asks for /health/live again and again; how long each answer took, in seconds."""

    def __init__(self, running: RunningRegistry) -> None:
        self.seconds: list[float] = []
        self._running, self._over = running, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        with self._running.client() as client:
            while not self._over.is_set() or not self.seconds:
                began = time.perf_counter()
                assert client.get("/health/live").status_code == 200
                self.seconds.append(time.perf_counter() - began)
                time.sleep(0.001)


def main() -> None:
    """Measure every endpoint with every filling, and what is valid."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=2)
    arguments = parser.parse_args()
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        running = RunningRegistry(Path(folder) / "registry")
        print(f"{'MiB':>7s} {'p99 ms':>7s} {'silent':>7s} {'cpu s':>6s} {'+MiB':>6s} status")
        with running.client(running.admin_token) as client:
            _show(found, _measured(running, "idle", lambda: time.sleep(IDLE_SECONDS)))
            document = client.get("/openapi.json").json()
            for case in chain(_cases(document), _valid_cases(client, Path(folder))):
                name, body = case[0], case[-1]
                repeat = 1 if len(body) > LARGE else arguments.repeat

                def send(case: Case = case, repeat: int = repeat) -> set[int]:
                    return {_send(client, *case[1:]) for _ in range(repeat)}

                _show(found, _measured(running, name, send, len(body)))
        running.kill()
    every = sorted(second for one in found[1:] for second in one.pop("seconds"))
    found[0].pop("seconds")
    worst = {key: max(one[key] for one in found[1:]) for key in GOALS}
    worst["p99_ms_of_all"] = 1000 * every[int(0.99 * (len(every) - 1))]
    missed = {one["name"]: told for one in found[1:] if (told := _missed(one))}
    print(json.dumps({"worst": worst, "idle": found[0], "cases": len(found) - 1, "missed": missed}))
    sys.exit(1 if missed else 0)


def _missed(one: dict[str, Any]) -> dict[str, Any]:
    """The goals that a case misses, and its figures; a valid one is to be taken, too."""
    missed = {key: one[key] for key, most in GOALS.items() if one[key] > most}
    if one["name"].startswith(VALID) and not set(one["statuses"]) <= {200, 201, 202}:
        missed["statuses"] = one["statuses"]
    return missed


def _cases(document: dict[str, Any]) -> Iterator[Case]:
    """What is refused."""
    schemas = document["components"]["schemas"]
    for operation in operations(document):
        lists = [wrap for kind, wrap in places(operation.schema, schemas) if kind == "array"]
        for filling in FILLINGS:
            whole = ("whole", lambda value: value)
            for place, wrap in [whole, *(("list", one) for one in lists[:1])]:
                body = filled(wrap("@"), filling, operation.limit)
                shown = f"{operation.name} {place} {filling}"
                yield shown, operation.method, operation.path, JSON, body
    files = {name: {"sha256": DIGEST, "size": 3} for name in ("config.json", "model.safetensors")}
    version = {"manifest": {"files": files}, "provenance": {"a": "@"}}
    for filling in FILLINGS:
        body = filled(version, filling, MAX_VERSION_JSON_BYTES)
        yield f"POST versions provenance {filling}", "POST", "/v1/esms/a/b/versions", JSON, body
    for filling, make in FILLINGS.items():
        body = in_parts(("sketch", b"x"), ("request", make(MAX_SPACE_JSON_BYTES - 2**10)))
        yield f"POST /v1/rankings part {filling}", "POST", "/v1/rankings", PARTS, body
    target = {"space": "a", "sketch": "@"}
    body = filled(target, "a long text", MAX_RANKING_BYTES * 5 // 6)
    yield "POST /v1/rankings a large sketch", "POST", "/v1/rankings", JSON, body
    for count in (1, 20):
        sketches = [("sketch", bytes(30 * 2**20))]
        sketches += [("fold", bytes(60 * 2**20 // count))] * count
        body = in_parts(("request", b'{"space": "a"}'), *sketches)
        yield f"POST /v1/rankings {count} large folds", "POST", "/v1/rankings", PARTS, body


def _valid_cases(client: httpx.Client, folder: Path) -> Iterator[Case]:
    """What is taken, as large as it may be; and a target of a known space that is none."""
    for name, dimension in (("widest", MAX_DIMENSION), ("wide", SKETCH_DIMENSION)):
        directory = wide_esm(folder, name, dimension)
        body = version_document(client, directory, "team", name)
        yield f"{VALID} version of {name}", "POST", f"/v1/esms/team/{name}/versions", JSON, body
    body = ranking("wide", full_sketch())
    yield f"{VALID} ranking", "POST", "/v1/rankings", PARTS, body
    encoded = base64.b64encode(full_sketch()).decode()
    body = json.dumps({"space": "wide", "wait": 0, "sketch": encoded}).encode()
    yield f"{VALID} ranking as JSON", "POST", "/v1/rankings", JSON, body
    body = labels_attack("wide", 60 * 2**20, SKETCH_DIMENSION)
    yield "POST /v1/rankings labels in one row", "POST", "/v1/rankings", PARTS, body


def _send(client: httpx.Client, method: str, path: str, media_type: str, body: bytes) -> int:
    pieces = (body[at : at + 2**18] for at in range(0, len(body), 2**18))
    headers = content_type(media_type) | {"Content-Length": str(len(body))}
    answer = client.request(method, path, content=pieces, headers=headers)
    if answer.status_code == 202:  # a ranking, which is not wanted
        client.delete(f"/v1/rankings/{answer.json()['id']}")
    return answer.status_code


def _measured(running: RunningRegistry, name: str, send: Any, size: int = 0) -> dict[str, Any]:
    forget_peak(running)
    before, used = memory(running), processor_seconds(running)
    with Watch(running) as watch:
        statuses = send()
    seconds = sorted(watch.seconds)
    return {
        "name": name,
        "mib": size / 2**20,
        "p99_ms": 1000 * seconds[int(0.99 * (len(seconds) - 1))],
        "silence_ms": 1000 * seconds[-1],
        "cpu_s": processor_seconds(running) - used,
        "growth_mib": (memory(running, "VmHWM") - before) / 2**20,
        "statuses": sorted(statuses or ()),
        "seconds": seconds,
    }


def _show(found: list[dict[str, Any]], one: dict[str, Any]) -> None:
    found.append(one)
    numbers = f"{one['mib']:7.2f} {one['p99_ms']:7.1f} {one['silence_ms']:7.1f} {one['cpu_s']:6.2f}"
    print(f"{numbers} {one['growth_mib']:6.1f} {one['statuses']} {one['name']}", flush=True)


if __name__ == "__main__":
    main()
