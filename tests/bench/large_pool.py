"""A large pool of small low-rank ESMs, pushed in packs to a real server, restarted and ranked.

    python tests/bench/large_pool.py [--esms 100000] [--dimension 384] [--rank 8] [--keep DIR]

Made-up maps in half precision, each an ESM of its own name. Prints the time to push them, bytes on
disk, the first ranking after a restart (which opens the maps at hand), later ones, memory of the
server and its workers, and how long one more push takes until a ranking holds it. Last, one JSON
line. With --keep the registry stays in DIR, and a second run goes on with it.
"""

import argparse
import base64
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from bench.engine import anonymous
from bench.engine_pools import sketch_of, target
from support.registry import RunningRegistry

from esm_client.core.artifact.config import EsmConfig
from esm_client.core.artifact.directory import CONFIG, MODEL
from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.storage import dump_map
from esm_client.core.packs import blob_name, document, esm_name, pack_bytes
from esm_client.core.schemas import FileEntry, FitReport, Manifest, PackedEsm, SourceTask
from esm_client.core.spaces import CANARIES, SpaceFingerprint, SpaceIdentity

PER_PACK = 500


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--esms", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Bench(arguments, arguments.keep or Path(folder)).run()


class Bench:
    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.wanted, self.rank = arguments.esms, arguments.rank
        self.dimension, self.folder = arguments.dimension, folder
        shape = (len(CANARIES), self.dimension)
        self.fingerprint = SpaceFingerprint(
            identity=SpaceIdentity(
                base_model="bench/base", pooling="mean", dimension=self.dimension
            ),
            canaries=tuple(map(tuple, np.random.default_rng(0).normal(size=shape).tolist())),
        )
        self.sketch = sketch_of(*target(1000, self.dimension, 4))
        self.found: dict[str, float] = {}

    def run(self) -> None:
        server = RunningRegistry(self.folder / "registry")
        token = server.create_token("admin")  # which a second run on a kept registry needs
        self.push_all(server, token)
        disk = sum(p.stat().st_size for p in server.data_dir.rglob("*") if p.is_file())
        self.tell("GB on disk before the first ranking", disk / 1e9)
        self.tell("first ranking, s", self.rank_once(server, token))
        server.stop()
        started = time.perf_counter()
        server = RunningRegistry(self.folder / "registry")
        self.tell("restart until it answers, s", time.perf_counter() - started)
        self.tell("first ranking after a restart, s", self.rank_once(server, token, limit=20))
        for mode in ("exhaustive", "prefiltered"):
            self.tell(f"ranking, {mode}, s", self.rank_once(server, token, limit=20, mode=mode))
        few = {"filter": {"namespace": ["late"]}, "limit": 20}
        started = time.perf_counter()
        self.post(server, token, "late", [self.wanted])
        with server.client(token) as client:
            rows = client.post("/v1/rankings", json=self.body(**few)).json()["rows"]
        assert len(rows) == 1
        self.tell("one more push until a ranking holds it, s", time.perf_counter() - started)
        self.tell("server's memory, MB", anonymous(server.pid) / 1e3)
        server.stop()
        print(json.dumps(self.found))

    def push_all(self, server: RunningRegistry, token: str) -> None:
        with server.client(token) as client:
            known = client.get("/v1/esms/facets", params={"namespace": "bench"}).json()
        started, first = time.perf_counter(), known["num_esms"]
        for number in range(first, self.wanted, PER_PACK):
            numbers = range(number, min(self.wanted, number + PER_PACK))
            self.post(server, token, "bench", numbers)
            if number % 10_000 < PER_PACK:
                seconds = time.perf_counter() - started
                print(f"  {numbers[-1] + 1} pushed after {seconds:.0f} s", flush=True)
        if self.wanted > first:
            pushed = self.wanted - first
            self.tell(f"pushing {pushed} in packs, s", time.perf_counter() - started)

    def post(self, server: RunningRegistry, token: str, namespace: str, numbers) -> None:
        members = [member for number in numbers for member in self.members(number)]
        with server.client(token) as client:
            answer = client.post(
                f"/v1/namespaces/{namespace}/packs", content=b"".join(pack_bytes(members)),
                timeout=600,
            )  # fmt: skip
        answer.raise_for_status()
        bad = [result for result in answer.json()["results"] if result["problem"]]
        assert not bad, bad[0]

    def members(self, number: int):
        rng = np.random.default_rng(number)
        wide, rank = self.dimension, self.rank
        parts = (
            np.array([rng.uniform(0.7, 1.1)]),
            rng.normal(size=(wide, rank)),
            rng.normal(size=(wide, rank)) / wide,
            0.1 * rng.normal(size=wide),
        )
        model = dump_map(LowRankMap(*(part.astype(np.float16) for part in parts)))
        task = SourceTask(
            data_set=f"made-up/{number}", text_columns=("text",), label_column="label",
            split="train", num_rows=1000, kind="classification", num_labels=2,
        )  # fmt: skip
        config = EsmConfig(
            base_model="bench/base",
            architecture="low-rank",
            task=task,
            dimension=wide,
            space=self.fingerprint.identity,
            fit=FitReport(
                solver="ridge", held_out_mse=0.1, identity_mse=0.2, held_out_rows=100, rank=rank
            ),
        ).to_json()
        files = {CONFIG: config, MODEL: model}
        entries = {
            name: FileEntry(sha256=digest_bytes(data), size=len(data))
            for name, data in files.items()
        }
        esm = PackedEsm(
            name=f"e{number}", manifest=Manifest(files=entries), space="large",
            fingerprint=self.fingerprint,
        )  # fmt: skip
        for name, data in files.items():
            yield document(blob_name(entries[name].sha256), data)
        yield document(esm_name(number), esm.model_dump_json().encode())

    def rank_once(self, server: RunningRegistry, token: str, **more) -> float:
        started = time.perf_counter()
        with server.client(token) as client:
            answer = client.post("/v1/rankings", json=self.body(**more), timeout=600)
            while answer.status_code == 202:
                time.sleep(0.2)
                answer = client.get(f"/v1/rankings/{answer.json()['id']}")
        answer.raise_for_status()
        receipt = answer.json()
        assert receipt["rows"]
        print(f"  {receipt['num_exact']} of {receipt['pool_size']} scored, {receipt['mode']}")
        # another sketch every time: the same one is not scored again
        self.sketch = sketch_of(*target(1000, self.dimension, 4, seed=int(1e3 * started) % 2**31))
        return time.perf_counter() - started

    def body(self, **more):
        encoded = base64.b64encode(self.sketch.to_bytes()).decode()
        return {"space": "large", "sketch": encoded, "wait": 60, **more}

    def tell(self, what: str, number: float) -> None:
        self.found[what] = round(number, 3)
        print(f"{what}: {number:.2f}", flush=True)


if __name__ == "__main__":
    main()
