"""Texts a second, embedding and fine-tuning, ours and hf-dataset-selector's on the same rows.

    python tests/bench/throughput.py --data DIR --peer PYTHON [--threads 1]

PYTHON is that of an environment with hf-dataset-selector. DIR holds `tasks/<task>.jsonl.gz`. Both
run on one device with one number of threads, in turn, three times; the median counts. Prints a
table and, last, one JSON line.
"""

import argparse
import copy
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from docs.demo.base_model import base_model_path

from esm_client import Embedder
from esm_client.core.schemas import SourceTask
from esm_client.lab.data.task import TextTask
from esm_client.lab.training.finetune import fine_tune
from esm_client.lab.training.recipe import FineTuneRecipe

TASKS = ("trec6", "tweeteval_emotion", "ag_news")
ROWS, STEPS, BATCH, REPEAT = 512, 12, 32, 3


def main() -> None:
    """Measure every task."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "sentence-transformers" / "all-MiniLM-L6-v2"
        shutil.copytree(base_model_path(), model)
        embedder = Embedder(model, device="cpu", views=None)
        for name in TASKS:
            rows = _rows(arguments.data, name)
            path = Path(folder) / f"{name}.jsonl"
            path.write_text("\n".join(map(json.dumps, rows)))
            found = []
            for _ in range(REPEAT):
                theirs = _peer(arguments, path, model)
                found.append((_ours(embedder, name, rows), theirs))
            tokens = embedder.encoder.tokenise([row["text"] for row in rows])
            results[name] = {
                "tokens": float(np.mean([len(row) for row in tokens])),
                "ours": {k: median(ours[k] for ours, _ in found) for k in found[0][0]},
                "peer": {k: median(peer[k] for _, peer in found) for k in found[0][1]},
            }
    columns = f"{'tokens':>6s} {'step':>12s} {'ours':>7s} {'peer':>7s} {'ratio':>6s}"
    print(f"{'texts a second':20s} {columns}")
    for name, row in results.items():
        for step, ours in row["ours"].items():
            peer = row["peer"][step]
            print(
                f"{name:20s} {row['tokens']:6.1f} {step:>12s} {ours:7.1f} {peer:7.1f} "
                f"{ours / peer:6.2f}"
            )
    print(json.dumps(results))


def _ours(embedder: Embedder, name: str, rows: list[dict]) -> dict[str, float]:
    texts = [row["text"] for row in rows]
    started = time.perf_counter()
    embedder.embed(texts)
    embedding = time.perf_counter() - started
    labels = np.array([row["label"] for row in rows[: STEPS * BATCH]])
    source = SourceTask(data_set=name, kind="classification")
    task = TextTask(texts[: STEPS * BATCH], labels, "classification", source)
    encoder = embedder.encoder.with_model(copy.deepcopy(embedder.encoder.model))
    started = time.perf_counter()
    fine_tune(encoder, task, FineTuneRecipe(epochs=1, batch_size=BATCH))
    tuning = time.perf_counter() - started
    return {"embedding": len(rows) / embedding, "fine-tuning": STEPS * BATCH / tuning}


def _peer(arguments: argparse.Namespace, path: Path, model: Path) -> dict[str, float]:
    script = Path(__file__).with_name("peer_throughput.py")
    told = subprocess.run(
        [arguments.peer, script, path, model, str(STEPS), str(BATCH), str(arguments.threads)],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ).stdout  # fmt: skip
    return json.loads(told.splitlines()[-1])


def _rows(data: Path, name: str) -> list[dict]:
    with gzip.open(data / "tasks" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][:ROWS]
    return [{"text": row["text"], "label": row["label"]} for row in rows]


if __name__ == "__main__":
    main()
