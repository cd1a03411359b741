"""Recall of the five best against the share of a real pool that is scored (make bench-index).

    python tests/bench/prefilter.py --pool low16.npz --targets targets.safetensors [--plot FILE.svg]

low16.npz is what real_pool.py wrote, targets.safetensors what source_models.py did. For each target
everything is scored once; then each way of choosing a part is tried, as often as it is drawn:

random      any maps
text        those whose mean text embedding is nearest to the target's (TextEmb)
neighbours  half at random, then what lies near the best, by the reduced map (index.prefilter)
surrogate   half at random, then what a Gaussian process over the reduced maps puts on top

Prints a table and, last, one JSON line.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.scoring.low_rank import LowRankScorer
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.admission.signature import signature_of
from esm_server.index.prefilter import Prefilter, recall
from esm_server.index.space import SpaceIndex

SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
DRAWS, ROWS, ROUNDS = 3, 600, 10


class Pool:
    """Maps, their signatures, and the mean embeddings of their rows."""

    def __init__(self, path: Path) -> None:
        arrays = np.load(path)
        self.arrays = {name: arrays[name] for name in ("scale", "left", "right", "bias")}
        self.means = arrays["means"]
        self.names = arrays["names"]
        maps = zip(*(self.arrays[name] for name in self.arrays), strict=True)
        self.signatures = np.stack(
            [signature_of(LowRankMap(scale.reshape(1), *rest)) for scale, *rest in maps]
        )
        self.index = SpaceIndex()
        self.index.follow(range(len(self)), lambda new: {"map": (np.array(new), self.signatures)})

    def __len__(self) -> int:
        return len(self.means)

    def scores(self, sketch: TargetSketch) -> np.ndarray:
        scorer = LowRankScorer(sketch.design())
        scale, left, right, bias = self.arrays.values()
        parts = [slice(start, start + 16) for start in range(0, len(self), 16)]
        return np.concatenate(
            [scorer.scores(scale[p].reshape(-1), left[p], right[p], bias[p]) for p in parts]
        )


def at_random(pool, scores, mean, count, seed):
    return np.random.default_rng(seed).permutation(len(pool))[:count]


def by_text(pool, scores, mean, count, seed):
    cosines = pool.means @ mean / np.linalg.norm(pool.means, axis=1)
    return np.argsort(-cosines)[:count]


def by_neighbours(pool, scores, mean, count, seed):
    choose = Prefilter(range(len(pool)), pool.index, count / len(pool), seed)
    seen = np.full(len(pool), np.nan)
    while (chosen := choose(seen)).size:
        seen[chosen] = scores[chosen]
    return np.flatnonzero(~np.isnan(seen))


def by_surrogate(pool, scores, mean, count, seed):
    x = (pool.signatures - pool.signatures.mean(axis=0)) / pool.signatures.std(axis=0)
    chosen = list(at_random(pool, scores, mean, max(5, count // 2), seed))
    squares = (x**2).sum(axis=1)
    while len(chosen) < count:
        known = x[chosen]
        width = np.median(squares)
        gaps = squares[:, None] + squares[chosen] - 2.0 * x @ known.T
        kernel = np.exp(-gaps / (2.0 * width))
        y = (scores[chosen] - scores[chosen].mean()) / (scores[chosen].std() + 1e-12)
        weights = np.linalg.solve(kernel[chosen] + 0.01 * np.eye(len(chosen)), y)
        guess = kernel @ weights
        guess[chosen] = -np.inf
        step = min(count - len(chosen), max(5, count // ROUNDS))
        chosen += np.argsort(-guess)[:step].tolist()
    return np.array(chosen)


WAYS = {
    "random": at_random,
    "text": by_text,
    "neighbours": by_neighbours,
    "surrogate": by_surrogate,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--targets", type=Path, required=True)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    pool, data = Pool(arguments.pool), load_file(arguments.targets)
    sources = len({str(name).partition(" ")[0] for name in pool.names})
    names = [key[5:] for key in data if key.startswith("base:")]
    known = {}
    for name in names:
        x, y = data[f"base:{name}"][:ROWS], data[f"labels:{name}"][:ROWS]
        kind = "regression" if y.dtype.kind == "f" else "classification"
        sketch = TargetSketch.from_embeddings(x, y, kind=kind)
        known[name] = (pool.scores(sketch), x.mean(axis=0))
    print(f"{len(pool)} maps of {sources} sources, {len(names)} targets of {ROWS} rows")
    print("share scored " + "".join(f"{share:8.0%}" for share in SHARES))
    found = {}
    for way, choose in WAYS.items():
        found[way] = [
            float(np.mean([
                recall(scores, choose(pool, scores, mean, int(share * len(pool)), seed))
                for scores, mean in known.values()
                for seed in range(DRAWS)
            ]))
            for share in SHARES
        ]  # fmt: skip
        print(f"{way:13s}" + "".join(f"{value:8.2f}" for value in found[way]), flush=True)
    if arguments.plot:
        arguments.plot.write_text(plot(found))
    print(json.dumps(found))


def plot(found: dict[str, list[float]]) -> str:
    """Recall over share, a line each, as SVG."""
    colours = dict(zip(found, ("#888888", "#b8860b", "#1f6fb2", "#b23a48"), strict=True))

    def at(share: float, value: float) -> str:
        return f"{60 + 640 * share / SHARES[-1]:.1f},{330 - 300 * value:.1f}"

    lines = []
    for number, (way, values) in enumerate(found.items()):
        points = " ".join(at(*pair) for pair in zip(SHARES, values, strict=True))
        lines.append(
            f'<polyline fill="none" stroke="{colours[way]}" stroke-width="2" points="{points}"/>'
            f'<text x="610" y="{250 + 18 * number}" fill="{colours[way]}">{way}</text>'
        )
    for value in (0.0, 0.5, 1.0):
        x, y = at(0, value).split(",")
        lines.append(
            f'<line x1="{x}" x2="700" y1="{y}" y2="{y}" stroke="#dddddd"/>'
            f'<text x="20" y="{float(y) + 4}">{value:.1f}</text>'
        )
    for share in SHARES[2:]:
        x = at(share, 0).partition(",")[0]
        lines.append(f'<text x="{float(x) - 12}" y="350">{share:.0%}</text>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 380" font-family="sans-serif" '
        'font-size="13"><rect width="720" height="380" fill="white"/>'
        + "".join(lines)
        + '<text x="60" y="20">recall of the five best</text>'
        '<text x="560" y="370">share of the pool scored</text></svg>\n'
    )


if __name__ == "__main__":
    main()
