"""Real source models' embeddings of everything that maps with views are fitted to and judged on.

    python tests/bench/view_sources.py --data DIR --out OUT [--rows 1000] [--target-rows 300]
        [--targets 24] [--only NAME ...] [--precision bfloat16]

DIR holds tasks.json and `tasks/<task>.jsonl.gz`. OUT/base.safetensors gets, of the probe rows, of
each source's own rows and of each target's, the base model's embeddings (`x:...`) and the means of
its inner layers (`m2:...` to `m5:...`), and the targets' labels; OUT/<source>.safetensors what the
source model makes of the probe rows, of its own rows and of all targets', in half precision. Maps
are judged by them in view_maps.py. A second run makes what is missing.
"""

import argparse
import copy
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.source_models import read_task
from bench.study_plan import SOURCES, target_names
from docs.demo.base_model import base_model_path
from safetensors.numpy import save_file

from esm_client import Embedder
from esm_client.lab.data.task import TextTask
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.probes import MEDIAN, probe_rows
from esm_client.lab.tokens import TokenStore
from esm_client.lab.training.finetune import fine_tune
from esm_client.lab.training.recipe import FineTuneRecipe

LAYERS = (2, 3, 4, 5)
LENGTH = 64
OWN_ROWS = 1000
MEDIANS = {"probe": MEDIAN, "probe:24": 24}
"""Probe rows of two lengths, as they are named in what is made."""
HELD_OUT = 100
"""Of a source's rows, for its metric."""


def tokens_of(encoder: TextEncoder, task: TextTask) -> TokenStore:
    return TokenStore.of(encoder.join(task.texts), encoder.tokenise)


def main() -> None:
    """Make what is missing of OUT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--target-rows", type=int, default=300)
    parser.add_argument("--targets", type=int, default=24)
    parser.add_argument("--probes", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", nargs="*", default=SOURCES)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    model = arguments.model or base_model_path()
    encoder = Embedder(model, device=arguments.device, max_length=LENGTH).encoder
    targets = {
        name: read_task(arguments.data, name, arguments.target_rows)
        for name in target_names(arguments.data, arguments.targets)
    }
    asked = {
        name: probe_rows(encoder, arguments.probes, median=median)
        for name, median in MEDIANS.items()
    }
    asked |= {f"task:{name}": tokens_of(encoder, task) for name, task in targets.items()}
    if not (arguments.out / "base.safetensors").exists():
        sources = {name: read_task(arguments.data, name, OWN_ROWS) for name in SOURCES}
        own = {f"own:{name}": tokens_of(encoder, task) for name, task in sources.items()}
        tensors = _base(encoder, asked | own)
        for name, task in targets.items():
            labels = task.labels
            if task.kind == "classification":
                labels = np.unique(labels, return_inverse=True)[1]
            tensors[f"labels:{name}"] = np.asarray(labels)
        save_file(tensors, arguments.out / "base.safetensors")
    for name in arguments.only:
        if not (arguments.out / f"{name}.safetensors").exists():
            _source(arguments, encoder, name, asked)


def _base(encoder: TextEncoder, asked: dict[str, TokenStore]) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {}
    for what, tokens in asked.items():
        tensors[f"x:{what}"], means = encoder.embed_with_layers(tokens, LAYERS)
        for layer, m in zip(LAYERS, means, strict=True):
            tensors[f"m{layer}:{what}"] = m.astype(np.float16)
        print("base", what, len(tokens), flush=True)
    return tensors


def _source(
    arguments: argparse.Namespace, encoder: TextEncoder, name: str, asked: dict[str, TokenStore]
) -> None:
    started = time.perf_counter()
    task = read_task(arguments.data, name, OWN_ROWS)
    trained = read_task(arguments.data, name, arguments.rows)
    source = encoder.with_model(copy.deepcopy(encoder.model))
    recipe = FineTuneRecipe(learning_rate=5e-5, precision=arguments.precision)
    tuned = fine_tune(source, trained, recipe, held_out=np.arange(HELD_OUT), progress=False)
    seconds = time.perf_counter() - started
    every = {**asked, "own": tokens_of(encoder, task)}
    found = {what: source.embed_tokens(tokens) for what, tokens in every.items()}
    halves = {what: values.astype(np.float16) for what, values in found.items()}
    save_file(halves, arguments.out / f"{name}.safetensors")
    print(
        f"{name:24s} {tuned.metric_name} {tuned.metric:.3f}, tuned in {seconds:.0f} s, "
        f"all in {time.perf_counter() - started:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
