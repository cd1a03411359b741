"""The engine against hf-dataset-selector, on one machine in one run (make bench-engine).

    python tests/bench/engine.py [--peer PYTHON] [--dimension 768] [--rows 1000] [--pool 1553]
        [--device cuda]

PYTHON has hf-dataset-selector 0.2.1; it scores 50 maps on the same embeddings. Prints milliseconds
per map, and the ratio to the peer's LogME on transformed embeddings; the whole pool, with the
peer's transformation counted in and its 50 maps scaled up; the largest difference to the kernel
(singular values of every map's features); memory; growth with rows. Last, one JSON line.

On a GPU a row also says what share of the floor it reaches (engine_floor.py), and times are of a
ranking after the first, which compares checksums.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from bench.engine_floor import Floor
from bench.engine_pools import Blobs, sketch_of, target

from esm_server.engine.device import num_workers
from esm_server.engine.request import Request
from esm_server.engine.scoring import Engine
from esm_server.settings import usable_cores

PEER_MAPS = 50
EXACT_MAPS = 24


def main() -> None:
    """Measure, print, and print as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer")
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--pool", type=int, default=1553)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, Path(folder))
        try:
            bench.run()
        finally:
            bench.engine.close()
    print(json.dumps(bench.found))


class Bench:
    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.arguments, self.folder = arguments, folder
        self.blobs = Blobs(arguments.dimension)
        workers = arguments.workers or num_workers(arguments.device, usable_cores())
        self.engine = Engine(folder / "engine", self.blobs.open, workers, arguments.device)
        self.found: dict[str, object] = {"workers": workers, "device": arguments.device}
        on_gpu = arguments.device != "cpu"
        self.floor = Floor(arguments.dimension, arguments.device) if on_gpu else None

    def run(self) -> None:
        sizes = {"full": (0, 48), "rank 16": (16, 400), "rank 32": (32, 200)}
        print("target       maps      ms a map  peer ms  ratio    error")
        for classes in (2, 4, 77, 0):
            x, y = target(self.arguments.rows, self.arguments.dimension, classes)
            sketch = sketch_of(x, y)
            name = f"{classes} classes" if classes else "regression"
            peer = self.peer(x, y) if self.arguments.peer else None
            for kind, (rank, count) in sizes.items():
                digests = self.blobs.digests(rank, count)
                seconds, scores = self.timed(sketch, digests)
                error = self.error(sketch, digests, scores)
                row = {"ms": 1e3 * seconds / count, "error": error}
                if peer:
                    row |= {
                        "peer ms": 1e3 * peer["logme"],
                        "ratio": peer["logme"] / row["ms"] * 1e3,
                    }
                if self.floor:
                    row["floor ms"] = 1e3 * self.floor.seconds(rank, sketch.num_label_columns)
                self.found[f"{name}, {kind}"] = row
                print(
                    f"{name:12s} {kind:8s} {row['ms']:9.2f} {row.get('peer ms', np.nan):8.0f} "
                    f"{row.get('ratio', np.nan):6.0f} {error:8.0e}{share_of_floor(row)}",
                    flush=True,
                )
            if classes == 4:
                self.whole_pool(sketch, peer)
        self.growth()

    def whole_pool(self, sketch, peer) -> None:
        pool = self.arguments.pool
        mixed = self.blobs.digests(16, pool * 3 // 4) + self.blobs.digests(0, pool - pool * 3 // 4)
        ways = (
            ("mixed, exhaustive", mixed, "exhaustive"),
            ("mixed, screened", mixed, "screened"),
            ("all rank 16", self.blobs.digests(16, pool), "exhaustive"),
        )
        tops = {}
        for name, digests, mode in ways:
            seconds, scores = self.timed(sketch, digests, mode)
            row = {"seconds": seconds, "MB": self.memory(), "exact": int(scores.exact.sum())}
            row["margin"] = scores.margin
            if peer:
                row["ratio"] = pool * (peer["logme"] + peer["transform"]) / seconds
            tops[name] = np.argsort(-scores.scores)[:10].tolist()
            self.found[f"{pool} maps, {name}"] = row
            print(
                f"{pool} maps, {name:18s} {seconds:6.2f} s  {row.get('ratio', np.nan):5.0f} times "
                f"as fast  {row['exact']} exact  margin {row['margin']:.1e}  {row['MB']:.0f} MB",
                flush=True,
            )
        same = tops["mixed, exhaustive"] == tops["mixed, screened"]
        print(f"the same ten first: {same}")

    def growth(self) -> None:
        digests = self.blobs.digests(16, 200)
        for rows in (1000, 100_000):
            x, y = target(rows, self.arguments.dimension, 4)
            seconds, _ = self.timed(sketch_of(x, y), digests)
            self.found[f"200 maps of rank 16, {rows} rows"] = seconds
            print(f"200 maps of rank 16 for {rows} rows: {seconds:.2f} s")

    def timed(self, sketch, digests, mode="exhaustive"):
        """Seconds of a ranking whose maps are resident and whose workers run."""
        data = sketch.to_bytes()
        request = Request(1, data, True, digests, "bench", mode)
        self.engine.pool(1).place(digests)
        self.engine.score(request if self.floor else replace(request, digests=digests[:4]))
        started = time.perf_counter()
        scores = self.engine.score(request)
        return time.perf_counter() - started, scores

    def error(self, sketch, digests, scores) -> float:
        chosen = np.linspace(0, len(digests) - 1, EXACT_MAPS).astype(int)
        found = []
        for index in chosen:
            wide = self.blobs.map(digests[index])
            weight = wide.as_affine().weight.astype(np.float64)
            if hasattr(wide, "left"):
                left, right = wide.left.astype(np.float64), wide.right.astype(np.float64)
                weight = left @ right.T + float(wide.scale[0]) * np.eye(len(left))
            found.append(sketch.log_maximum_evidence(weight) - scores.scores[index])
        return float(np.abs(found).max())

    def memory(self) -> float:
        """Megabytes of server and workers that are not pages of the maps' files."""
        return sum(anonymous(pid) for pid in (os.getpid(), *self.engine.crew.process_ids())) / 1e3

    def peer(self, x, y) -> dict[str, float]:
        np.save(self.folder / "x.npy", x)
        np.save(self.folder / "y.npy", y)
        maps = [self.blobs.map(digest) for digest in self.blobs.digests(0, PEER_MAPS)]
        arrays = {part: np.stack([getattr(m, part) for m in maps]) for part in ("weight", "bias")}
        np.savez(self.folder / "maps.npz", **arrays)
        kind = "regression" if y.dtype.kind == "f" else "classification"
        script = Path(__file__).with_name("peer_engine.py")
        command = [self.arguments.peer, str(script), str(self.folder), kind]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return json.loads(output.splitlines()[-1])


def share_of_floor(row: dict[str, float]) -> str:
    """For the end of a line: the floor, and what share of it was reached."""
    floor = row.get("floor ms")
    return "" if floor is None else f"  floor {floor:.3f} ms, {floor / row['ms']:.0%} of it"


def anonymous(pid: int) -> float:
    """Kilobytes of private memory of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


if __name__ == "__main__":
    main()
