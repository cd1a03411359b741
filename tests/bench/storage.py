"""Pushing and pulling over a bucket: over the registry and past it, beside the raw S3 client.

    python tests/bench/storage.py [--megabytes 64] [--repeat 3] [--pushes 20]

Starts a private S3 server and a registry on it; large files are those of source models. Shares
are of what the raw client moves in the same run; `checked` is that client, and the digest of what
it pulled read from the file, as every other way verifies too. Prints a table and one JSON line.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from minio import Minio
from safetensors.numpy import save_file
from support.registry import RunningRegistry
from support.storage import s3_server

from esm_client import Client
from esm_client.core.artifact.config import EsmConfig
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.artifact.manifest import digest_file
from esm_client.core.maps.affine import AffineMap
from esm_client.core.schemas import FitReport, SourceTask
from esm_client.core.spaces import CANARIES, SpaceIdentity

MB = 2**20
WAYS = ("raw", "checked", "proxied", "direct")


def main() -> None:
    """Measure, in turn, so that what else the machine does falls on all alike."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--pushes", type=int, default=20)
    arguments = parser.parse_args()
    server = s3_server()
    bucket = server.create_bucket()
    with tempfile.TemporaryDirectory() as folder:
        env = server.env(bucket) | {"ESM_SERVER_S3_PRESIGN": "true"}
        running = RunningRegistry(Path(folder) / "data", env)
        try:
            found = _large(running, server, bucket, Path(folder), arguments)
            found["small"] = _small(running, arguments.pushes)
        finally:
            running.kill()
    size = arguments.megabytes
    print(f"{size} MB object    push MB/s  share   pull MB/s  share")
    for way in WAYS:
        push, pull = (size / found[way][step] for step in ("push", "pull"))
        shares = [found["raw"][step] / found[way][step] for step in ("push", "pull")]
        print(f"{way:14s} {push:10.1f} {shares[0]:6.0%} {pull:11.1f} {shares[1]:6.0%}")
    print(f"files of 600 kB a second, one client: {found['small']:.1f}")
    print(json.dumps(found))


def _large(running, server, bucket: str, folder: Path, arguments) -> dict:
    raw = server.client()
    seconds: dict = {way: {"push": [], "pull": []} for way in WAYS}
    esm = _write_esm(folder / "esm")
    with Client(running.url, running.write_token, cache_dir=folder / "cache") as client:
        for turn in range(arguments.repeat):
            for way, times in seconds.items():
                model, pulled = folder / f"model-{way}-{turn}", folder / f"pulled-{way}-{turn}"
                _write_model(model, arguments.megabytes)
                file, name = model / "model.safetensors", f"bench/{way}-{turn}"
                if way in ("raw", "checked"):
                    push = partial(raw.fput_object, bucket, name, str(file))
                    pull = partial(_pull_raw, raw, bucket, name, pulled, checked=way != "raw")
                else:
                    client.push(esm, name)
                    client._transport.files.store.is_open = way == "direct"
                    push = partial(client.push_source_model, name, model)
                    pull = partial(client.pull_source_model, name, pulled)
                times["push"].append(_timed(push))
                times["pull"].append(_timed(pull))
                _remove(model, pulled)  # before they are written back to disk beside the next
                if way in ("proxied", "direct"):
                    assert client._transport.files.store.is_open == (way == "direct")
    return {way: {k: median(v) for k, v in times.items()} for way, times in seconds.items()}


def _write_model(folder: Path, megabytes: int) -> None:
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    numbers = np.random.default_rng().standard_normal((megabytes, MB // 4), np.float32)
    save_file({"w": numbers}, folder / "model.safetensors")


def _pull_raw(raw: Minio, bucket: str, name: str, target: Path, *, checked: bool) -> None:
    raw.fget_object(bucket, name, str(target))
    if checked:
        digest_file(target)


def _remove(*paths: Path) -> None:
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _write_esm(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    task = SourceTask(data_set="bench", label_column="label", kind="classification")
    fit = FitReport(solver="ridge", held_out_mse=0.05, identity_mse=0.2, held_out_rows=20)
    space = SpaceIdentity(base_model="bench/b", revision="main", pooling="mean", dimension=16)
    config = EsmConfig(base_model="bench/b", task=task, dimension=16, space=space, fit=fit)
    weight = (np.eye(16) + rng.standard_normal((16, 16)) / 16).astype(np.float32)
    esm_map = AffineMap(weight, np.zeros(16, np.float32))
    canaries = rng.standard_normal((len(CANARIES), 16)).astype(np.float32)
    return EsmArtifact(config, esm_map, {"canaries": canaries}, "# x").write(folder)


def _timed(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _small(running, pushes: int) -> float:
    with running.client(running.write_token) as client:
        contents = [os.urandom(600_000) for _ in range(pushes)]
        started = time.perf_counter()
        for content in contents:
            digest = hashlib.sha256(content).hexdigest()
            path = f"/v1/namespaces/b/blobs/sha256:{digest}"
            client.put(path, content=content).raise_for_status()
        return pushes / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
