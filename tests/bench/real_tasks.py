"""ESMs from real tasks, pushed to a running registry, and a ranking beside the truth it imitates.

    python tests/bench/real_tasks.py --data DIR [--out DIR] [--rows 600] [--epochs 3]

DIR holds `tasks/<task>.jsonl.gz` with rows {"text", "text_pair", "label", "split"}. For each
source task: fine-tune MiniLM, fit the linear ESM, push it. For the target: `esm-client rank`, and
beside each row the evidence of the actual source model's embeddings of the same target rows.
Trained ESMs and source models stay in --out; a second run trains only what is missing.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from docs.demo.base_model import BASE_MODEL_NAME, base_model_path
from docs.demo.registry import running_registry

SOURCES = (
    "sst2", "cr", "subj", "trec6", "tweeteval_irony", "tweeteval_offensive", "sms_spam",
    "clickbait", "snips", "query_wellformedness", "goemotions", "stsb_en",
)  # fmt: skip
TARGET = "tweeteval_emotion"
PAIRS = ("stsb_en",)


def main() -> None:
    """Train, push, rank, compare; prints a table and, last, one JSON line."""
    arguments = _arguments()
    out: Path = arguments.out
    base_model = base_model_path()
    for name in (*SOURCES, arguments.target):
        _extract(arguments.data / "tasks" / f"{name}.jsonl.gz", out / "tasks" / f"{name}.jsonl")
    for name in SOURCES:
        _train(name, out, base_model, arguments)
    seconds = _training_seconds(out)
    with running_registry(out / f"registry-{os.getpid()}") as (url, token):
        environment = {**os.environ, "ESM_REGISTRY_URL": url, "ESM_REGISTRY_TOKEN": token}
        started = time.perf_counter()
        for name in SOURCES:
            _client(environment, "push", str(out / "esms" / name), f"core/{name}")
        seconds[f"push {len(SOURCES)} ESMs"] = time.perf_counter() - started
        space = json.loads(_client(environment, "list", "--json"))[0]["latest"]["space"]
        question = ["rank", str(out / "tasks" / f"{arguments.target}.jsonl")]
        question += ["--text-column", "text", "--label-column", "label", "--space", space]
        question += ["--base-model", str(base_model), "--limit-rows", str(arguments.rows)]
        started = time.perf_counter()
        print(_client(environment, *question))
        seconds["rank, all of the command"] = time.perf_counter() - started
        receipt = json.loads(_client(environment, *question, "--json"))
        seconds["rank, on the server"] = receipt["seconds"]
    _compare(receipt, out, arguments)
    for step, value in seconds.items():
        print(f"{step:34s} {value:8.2f} s")
    print(json.dumps({"seconds": seconds, "target": arguments.target}))


def _training_seconds(out: Path) -> dict[str, float]:
    """What each ESM's provenance says of its own training, summed over the sources."""
    seconds: dict[str, float] = {}
    for name in SOURCES:
        provenance = json.loads((out / "esms" / name / "provenance.json").read_text())
        for step, value in provenance["seconds"].items():
            label = f"train, all sources: {step}"
            seconds[label] = seconds.get(label, 0.0) + value
    return seconds


def _compare(receipt: dict, out: Path, arguments: argparse.Namespace) -> None:
    from scipy.stats import kendalltau, spearmanr

    scores = {row["reference"].split("/")[1].split("@")[0]: row["score"] for row in receipt["rows"]}
    truth = {name: _source_model_score(name, out, arguments) for name in scores}
    print(f"\n{'source':24s} {'ESM':>9s} {'source model':>13s}   (log maximum evidence per row)")
    for name, score in scores.items():
        print(f"{name:24s} {score:9.4f} {truth[name]:13.4f}")
    print(f"{'identity map':24s} {receipt['identity_score']:9.4f}")
    pairs = list(scores.values()), [truth[name] for name in scores]
    print(f"Spearman {spearmanr(*pairs)[0]:.2f}, Kendall {kendalltau(*pairs)[0]:.2f}")


def _source_model_score(name: str, out: Path, arguments: argparse.Namespace) -> float:
    from esm_client import Embedder, log_maximum_evidence

    task = _task(arguments.target, out, arguments.rows)
    embedder = Embedder(out / "models" / name, pooling="mean")
    return log_maximum_evidence(embedder.embed(task.texts), task.labels, kind=task.kind)


def _train(name: str, out: Path, base_model: Path, arguments: argparse.Namespace) -> None:
    from esm_client import Embedder
    from esm_client.lab.training.recipe import FineTuneRecipe
    from esm_client.lab.training.train import train_esm

    if (out / "esms" / name).exists():
        return
    started = time.perf_counter()
    task = _task(name, out, arguments.rows)
    esm = train_esm(
        task,
        Embedder(base_model, name=BASE_MODEL_NAME),
        FineTuneRecipe(arguments.epochs, arguments.learning_rate),
        keep_model=out / "models" / name,
    )
    esm.write(out / "esms" / name)
    fit = esm.config.fit
    print(
        f"{name:24s} {len(task.texts):5d} rows  {fit.validation_metric_name} "
        f"{fit.validation_metric:5.3f}  map error {fit.held_out_mse:.5f}  "
        f"identity {fit.identity_mse:.5f}  {time.perf_counter() - started:6.1f} s",
        flush=True,
    )


def _task(name: str, out: Path, rows: int):
    from esm_client.lab.data.loading import load_task

    columns = ("text", "text_pair") if name in PAIRS else ("text",)
    path = out / "tasks" / f"{name}.jsonl"
    return load_task(path, text_columns=columns, label_column="label", limit_rows=rows, name=name)


def _extract(packed: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(packed, "rt") as source, target.open("w") as file:
        for line in source:
            row = json.loads(line)
            if row.pop("split") == "train":
                file.write(json.dumps(row) + "\n")


def _client(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "esm_client.cli", *arguments]
    return subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.rstrip()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(".bench"))
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--target", default=TARGET)
    return parser.parse_args()


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
