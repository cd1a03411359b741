"""Ranking with one base model for another (Schulte et al. 2024, section 7.3).

    python tests/bench/second_base_model.py --data DIR --grid OUT [--rows 1000] [--epochs 2]

OUT as agreement.py wants it. The other base model is MiniLM cut to its first three layers; its
sources are fine-tuned here, on fewer rows, and kept in OUT/cut. Prints how the scores of either
model's maps agree with what MiniLM's source models say of 500 rows of every second core task.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from bench.agreement_bench import Bench, agreement, line, mapped_scores
from bench.factory import _cut_model
from bench.source_scores import core_tasks, read_plan
from safetensors.numpy import load_file, save_file

from esm_client import Embedder, EsmArtifact
from esm_client.lab.build.reading import read_data_set
from esm_client.lab.training.recipe import FineTuneRecipe
from esm_client.lab.training.train import train_esm

ROWS = 500


def main() -> None:
    """Train what is missing of the cut model's ESMs, embed, compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--grid", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    folder = arguments.grid / "cut"
    folder.mkdir(exist_ok=True)
    bench = Bench(arguments.data, arguments.grid)
    embedder = Embedder(_cut_model(folder / "model"), device="cpu", views=None)
    maps = {}
    for source in read_plan(arguments.grid).sources:
        path = folder / source.name
        if not path.exists():
            data = str(arguments.data / "tasks" / Path(source.data).name)
            told = {"data": data, "limit_rows": arguments.rows}
            task, _ = read_data_set(source.model_copy(update=told))
            recipe = FineTuneRecipe(epochs=arguments.epochs)
            train_esm(task, embedder, recipe, shield=False, progress=False).write(path)
            print(source.name, flush=True)
        maps[source.name] = EsmArtifact.read(path).map
    bench.targets = bench.targets[::2]
    file = folder / "tasks.safetensors"
    if not file.exists():
        tasks = {task.name: task for task in core_tasks(arguments.data)}
        chosen = {name: read_data_set(tasks[name])[0].texts[:ROWS] for name in bench.targets}
        save_file({f"task:{n}": embedder.embed(texts) for n, texts in chosen.items()}, file)
    print(f"{'':38s} tasks  mean [95 %]          top 5  chosen on")
    line("MiniLM's own maps", bench, agreement(bench, mapped_scores(bench.default), ROWS))
    bench.base |= load_file(file)
    line("maps of MiniLM cut to three layers", bench, agreement(bench, mapped_scores(maps), ROWS))
    rng = np.random.default_rng(0)
    drawn = agreement(bench, lambda x, y, kind, names: rng.random(len(names)), ROWS)
    line("random", bench, drawn)


if __name__ == "__main__":
    main()
