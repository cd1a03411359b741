"""Memory of the server and its workers over many rankings.

    python tests/bench/memory.py [--rankings 10000] [--esms 100]

Each ranking is of a target of its own, so that nothing is answered from what was computed before.
Prints private memory every tenth of the way: it must not grow. Last, one JSON line.
"""

import argparse
import base64
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.engine import anonymous
from bench.engine_pools import sketch_of, target
from bench.large_pool import Bench as Pool
from support.registry import RunningRegistry


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rankings", type=int, default=10_000)
    parser.add_argument("--esms", type=int, default=100)
    parser.add_argument("--dimension", type=int, default=48)
    parser.add_argument("--rank", type=int, default=4)
    arguments = parser.parse_args()
    arguments.keep = None
    found = []
    with tempfile.TemporaryDirectory() as folder:
        pool = Pool(arguments, Path(folder))
        server = RunningRegistry(Path(folder) / "registry")
        token = server.create_token("write")
        pool.push_all(server, token)
        print("rankings  server MB  workers MB")
        with server.client(token) as client:
            for number in range(arguments.rankings + 1):
                if number % (arguments.rankings // 10) == 0 and number:
                    own, workers = memory(server)
                    found.append({"rankings": number, "server": own, "workers": workers})
                    print(f"{number:8d}  {own:9.1f}  {workers:10.1f}", flush=True)
                sketch = sketch_of(*target(120, pool.dimension, 2 + number % 3, seed=number))
                encoded = base64.b64encode(sketch.to_bytes()).decode()
                body = {"space": "large", "sketch": encoded, "wait": 60, "limit": 20}
                assert client.post("/v1/rankings", json=body).status_code == 201
        server.stop()
    print(json.dumps(found))


def memory(server: RunningRegistry) -> tuple[float, float]:
    """Private megabytes of a server, and of its workers together."""
    return anonymous(server.pid) / 1e3, sum(map(anonymous, server.workers)) / 1e3


if __name__ == "__main__":
    main()
