"""What each selection method costs a user, per source and target, on this machine.

    python tests/bench/selection_costs.py --data DIR --esms FOLDER [--sources 6] [--rows 1000]

FOLDER holds ESM directories (OUT/esms of grid.py). The base model stands for every source model:
a pass takes as long whatever its weights are. Phase 1 is what is done once per source, phase 2 what
a user does for a target of so many rows; passes that methods share are told apart. Prints a table
and, last, one JSON line.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from bench.source_models import read_task
from docs.demo.base_model import base_model_path

from esm_client import Embedder, EsmArtifact
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.ranking import METHODS, make_methods, prepare, score
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.selection.target import TargetTask
from esm_client.lab.training.finetune import fine_tune
from esm_client.lab.training.recipe import FineTuneRecipe

TARGET = "tweeteval_emotion"


def main() -> None:
    """Time every method on a few sources."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--esms", type=Path, required=True)
    parser.add_argument("--sources", type=int, default=6)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    embedder = Embedder(base_model_path(), device="cpu", views=None)
    target = TargetTask(read_task(arguments.data, TARGET, arguments.rows), embedder.encoder)
    started = time.perf_counter()
    _ = target.embeddings, target.scorer, target.vocabulary
    shared = time.perf_counter() - started
    few = read_task(arguments.data, "sst2", 64)
    tuned = fine_tune(embedder.encoder, few, FineTuneRecipe(epochs=1, learning_rate=1e-12))
    names = sorted(arguments.esms.iterdir())[: arguments.sources]
    candidates = [
        Candidate.of_artifact(
            path.name, EsmArtifact.read(path),
            SourceModel(embedder.encoder, "classification", tuned.head, few),
        )
        for path in names
    ]  # fmt: skip
    passes = []
    for candidate in candidates[:2]:
        started = time.perf_counter()
        target.embedded_by(candidate.model)
        passes.append(time.perf_counter() - started)
    for candidate in candidates[2:]:
        target._by_model[candidate.model] = target.embeddings
    target.keep("task-embedding", METHODS["task-embedding"]().prepare(candidates[0]))
    print(f"target: {arguments.rows} rows of {TARGET}; once for all sources: {shared:.2f} s")
    print(f"a source model's pass over the target: {np.mean(passes):.2f} s")
    print(
        f"{'method':18s} {'phase 1 ms':>12s} {'phase 2 ms':>12s} {'with pass ms':>13s} {'KB':>10s}"
    )
    told = {"shared": shared, "pass": float(np.mean(passes))}
    for method in make_methods(tuple(METHODS)):
        kept = [prepare(method, candidate) for candidate in candidates]
        score(method, kept[0], target)  # what the target needs once
        seconds = [score(method, one, target).seconds for one in kept]
        needs = isinstance(kept[0].prepared, SourceModel)
        second = float(np.mean(seconds))
        whole = second + (told["pass"] if needs else 0.0)
        size = float(np.mean([one.num_bytes for one in kept]))
        first = float(np.mean([one.seconds for one in kept]))
        told[method.name] = {"first": first, "second": second, "whole": whole, "bytes": size}
        print(f"{method.name:18s} {1e3 * first:12.2f} {1e3 * second:12.2f} {1e3 * whole:13.2f} "
              f"{size / 1e3:10.1f}")  # fmt: skip
    ratio = {key: told["esm-logme"][key] / told["logme"][key] for key in ("whole", "bytes")}
    print(f"esm-logme takes {ratio['whole']:.2%} of logme's time and {ratio['bytes']:.2%} of its "
          "bytes")  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    main()
