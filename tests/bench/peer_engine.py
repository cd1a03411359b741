"""hf-dataset-selector's own scores of some maps, in its own environment; one JSON line.

    python tests/bench/peer_engine.py FOLDER KIND

FOLDER holds x.npy (N, D), y.npy and maps.npz with weight (M, D, D) and bias (M, D). `logme` are
the seconds per map of its LogME on embeddings that are transformed already, `transform` those of
the torch layer that its ESM is.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from hfselect.logme import LogME

folder, kind = Path(sys.argv[1]), sys.argv[2]
x, y = np.load(folder / "x.npy"), np.load(folder / "y.npy")
maps = np.load(folder / "maps.npz")
embeddings = torch.from_numpy(x)
seconds = {"transform": 0.0, "logme": 0.0}
for weight, bias in zip(maps["weight"], maps["bias"], strict=True):
    layer = torch.nn.Linear(*weight.shape)
    layer.weight.data, layer.bias.data = torch.from_numpy(weight), torch.from_numpy(bias)
    started = time.perf_counter()
    with torch.no_grad():
        features = layer(embeddings).numpy()
    between = time.perf_counter()
    LogME(regression=kind == "regression").fit(features, y)
    seconds["transform"] += between - started
    seconds["logme"] += time.perf_counter() - between
print(json.dumps({name: total / len(maps["bias"]) for name, total in seconds.items()}))
