"""Base embeddings of a grid's sources and of every core task, kept on disk for the studies.

    python tests/bench/base_embeddings.py --data DIR --grid OUT [--model FOLDER]

Writes OUT/base.safetensors: `source:<task>` (first 1 500 training rows, D) and `task:<task>`
(first 1 000, D) in float32, and `labels:<task>` as numbers; classes are numbered.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from bench.source_scores import OWN_ROWS, core_tasks, read_plan
from safetensors.numpy import save_file

from esm_client import Embedder
from esm_client.lab.build.reading import read_data_set


def main() -> None:
    """Embed everything once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--grid", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    plan = read_plan(arguments.grid)
    embedder = Embedder(
        arguments.model or plan.base_model.model, name=plan.base_model.name, views=None
    )
    tensors: dict[str, np.ndarray] = {}
    for source in plan.sources:
        path = arguments.data / "tasks" / Path(source.data).name
        task, _ = read_data_set(source.model_copy(update={"data": str(path)}))
        tensors[f"source:{source.name}"] = embedder.embed(task.texts[:OWN_ROWS])
    for entry in core_tasks(arguments.data):
        task, _ = read_data_set(entry)
        tensors[f"task:{entry.name}"] = embedder.embed(task.texts)
        labels = task.labels
        if task.kind == "classification":
            labels = np.unique(labels, return_inverse=True)[1]
        tensors[f"labels:{entry.name}"] = labels
        print(entry.name, len(task), flush=True)
    save_file(tensors, arguments.grid / "base.safetensors")


if __name__ == "__main__":
    main()
