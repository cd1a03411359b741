"""Real source models' embeddings, kept on disk: what the studies of the fit compare maps with.

    python tests/bench/source_models.py --data DIR --out OUT [--rows 1500] [--epochs 3]

DIR holds `tasks/<task>.jsonl.gz` with rows {"text", "text_pair", "label", "split"}. For each
source task MiniLM is fine-tuned; OUT/<source>.safetensors holds `base` and `tuned` (rows, D) of
its own texts, and `target:<task>` (target rows, D) of every target's. OUT/targets.safetensors
holds the base model's embeddings and the labels of the targets. A second run makes what is missing.
"""

import argparse
import copy
import gzip
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from docs.demo.base_model import base_model_path
from safetensors.numpy import save_file

from esm_client import Embedder
from esm_client.core.schemas import SourceTask
from esm_client.lab.data.task import TextTask
from esm_client.lab.training.finetune import fine_tune
from esm_client.lab.training.recipe import FineTuneRecipe

SOURCES = (
    "sst2", "subj", "trec6", "tweeteval_irony", "tweeteval_emoji", "davidson_hate", "clinc150",
    "mrpc", "goemotions", "cola", "query_wellformedness", "stsb_en", "vader_amazon", "affect_joy",
)  # fmt: skip
TARGETS = (
    "tweeteval_emotion", "cr", "ag_news", "sick_entailment", "airline_complaint", "humor_detection",
    "emobank_valence", "question_intimacy",
)  # fmt: skip


def read_task(data: Path, name: str, rows: int) -> TextTask:
    """The first training rows of a task; its files are shuffled already."""
    with gzip.open(data / "tasks" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    found = [row for row in found if row["split"] == "train"][:rows]
    labels = [row["label"] for row in found]
    kind = "regression" if any(isinstance(label, float) for label in labels) else "classification"
    texts = [
        row["text"] if row["text_pair"] is None else (row["text"], row["text_pair"])
        for row in found
    ]
    return TextTask(texts, np.array(labels), kind, SourceTask(data_set=name, kind=kind))


def main() -> None:
    """Write what is missing of OUT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--target-rows", type=int, default=600)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=SOURCES)
    parser.add_argument("--no-targets", action="store_true", help="only what maps are fitted to")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    embedder = Embedder(base_model_path(), device="cpu", views=None)
    targets = {name: read_task(arguments.data, name, arguments.target_rows) for name in TARGETS}
    if not (arguments.out / "targets.safetensors").exists():
        tensors = {f"base:{name}": embedder.embed(task.texts) for name, task in targets.items()}
        tensors |= {f"labels:{name}": np.asarray(task.labels) for name, task in targets.items()}
        save_file(tensors, arguments.out / "targets.safetensors")
    for name in arguments.only:
        path = arguments.out / f"{name}.safetensors"
        if path.exists():
            continue
        started = time.perf_counter()
        task = read_task(arguments.data, name, arguments.rows)
        encoder = embedder.encoder
        source = encoder.with_model(copy.deepcopy(encoder.model))
        recipe = FineTuneRecipe(epochs=arguments.epochs)
        tuned = fine_tune(source, task, recipe, held_out=np.arange(0, len(task), 10))
        tensors = {"base": embedder.embed(task.texts), "tuned": source.embed(task.texts)}
        if not arguments.no_targets:
            tensors |= {f"target:{name}": source.embed(t.texts) for name, t in targets.items()}
        save_file(tensors, path)
        seconds = time.perf_counter() - started
        print(
            f"{name:24s} {len(task):5d} rows, {tuned.metric_name} {tuned.metric:.3f}, "
            f"{seconds:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
