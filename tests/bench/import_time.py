"""Seconds that `import esm_client` takes in a fresh interpreter: median of 15 runs, goal 0.3.

Beside it, in the same run: an interpreter that imports nothing, and the first use of each wing.
"""

import json
import statistics
import subprocess
import sys
import time

STATEMENTS = {
    "nothing": "pass",
    "import esm_client": "import esm_client",
    "TargetSketch": "from esm_client import TargetSketch",
    "Client": "from esm_client import Client",
    "Embedder": "from esm_client import Embedder",
    "peer: import numpy, httpx": "import numpy, httpx",
}
RUNS = 15


def _seconds(statement: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Print one line per statement and, last, one JSON line."""
    medians: dict[str, float] = {}
    for label, statement in STATEMENTS.items():
        _seconds(statement)
        medians[label] = statistics.median(_seconds(statement) for _ in range(RUNS))
        print(f"{label:28s} {medians[label]:6.3f} s")
    net = medians["import esm_client"] - medians["nothing"]
    print(json.dumps({"seconds": medians, "import_esm_client_net": net, "goal": 0.3}))


if __name__ == "__main__":
    main()
