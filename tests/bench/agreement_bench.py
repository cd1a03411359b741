"""Sources, targets and what source models say of them; and how scores agree with it."""

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
from bench.source_scores import read_plan
from safetensors.numpy import load_file

from esm_client.core.errors import EsmError
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.scoring.map_scores import MapScorer
from esm_client.core.scoring.quality import rank_correlation
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.lab.evaluation.study import mean_interval
from esm_client.lab.training.fit.ridge import fit_ridge

Maps = dict[str, AffineMap | LowRankMap]


class Bench:
    """Sources, targets and what source models say."""

    def __init__(self, data: Path, grid: Path) -> None:
        self.base = load_file(grid / "base.safetensors")
        self.tuned = {}
        for path in sorted(grid.glob("tuned-*.safetensors")):
            self.tuned |= load_file(path)
        self.facts = {t["task_id"]: t for t in json.loads((data / "tasks.json").read_text())}
        self.sources = sorted(self.tuned)
        self.targets = sorted(key[5:] for key in self.base if key.startswith("task:"))
        self.reported = {target.name for target in read_plan(grid).targets}
        self.said = {}
        for line in (grid / "source_scores.jsonl").read_text().splitlines():
            row = json.loads(line)
            self.said[row["source"], row["target"], row["rows"]] = row

    def pool(self, target: str) -> list[str]:
        """Sources that share no rows with a target."""
        shared = {target, *self.facts[target]["shares_texts_with"]}
        return [source for source in self.sources if source not in shared]

    def rows(self, target: str, rows: int):
        """Base embeddings, labels and kind of a target's first rows; None where it has fewer."""
        x, y = self.base[f"task:{target}"], self.base[f"labels:{target}"]
        if (self.sources[0], target, rows) not in self.said:
            return None
        return x[:rows].astype(np.float64), y[:rows], self.facts[target]["kind"]

    def truth(self, target: str, rows: int, variant: str = "exact"):
        """What the source models of a pool say; None where one says nothing."""
        found = [self.said.get((s, target, rows), {}).get(variant) for s in self.pool(target)]
        return None if any(value is None for value in found) else np.array(found)

    def fit(self, rows: int = 1500, **settings) -> Maps:
        """Maps of all sources."""
        return {
            name: fit_ridge(self.base[f"source:{name}"][:rows],
                            self.tuned[name][:rows].astype(np.float32), **settings).map
            for name in self.sources
        }  # fmt: skip

    @cached_property
    def default(self) -> Maps:
        """As `train` fits them."""
        return self.fit(rank="auto")


def mapped_scores(maps: Maps, *, intercept: bool = True) -> Callable:
    """Exact ESM-LogME of some sources on a target."""

    def score(x, y, kind, names):
        sketch = TargetSketch.from_embeddings(x, y, kind=kind)
        scorer = MapScorer(sketch, None, intercept=intercept)
        found = [scorer.scores([maps[name]])[0] for name in names]
        return np.array([np.nan if isinstance(one, EsmError) else one for one in found])

    return score


def direct(maps: Maps, one: Callable) -> Callable:
    """Any score of the mapped embeddings themselves."""

    def score(x, y, kind, names):
        return np.array([one(maps[name].apply(x), y, kind) for name in names])

    return score


def text_similarity(bench: Bench) -> Callable:
    def score(x, y, kind, names):
        mine = x.mean(axis=0)
        means = np.stack([bench.base[f"source:{n}"].mean(axis=0, dtype=np.float64) for n in names])
        return means @ mine / np.linalg.norm(means, axis=1) / np.linalg.norm(mine)

    return score


def agreement(bench: Bench, score: Callable, rows: int = 1000, truth: str = "exact", noise=0.0):
    """By target: Spearman's correlation, and the share of the five best that are found."""
    found = {}
    for target in bench.targets:
        given, said = bench.rows(target, rows), bench.truth(target, rows, truth)
        if given is None or said is None:
            continue
        x, y, kind = given
        if noise:
            rng = np.random.default_rng(0)
            wrong = np.flatnonzero(rng.random(len(y)) < noise)
            y = y.copy()
            y[wrong] = y[rng.permutation(wrong)]
        try:
            values = score(x, y, kind, bench.pool(target))
        except EsmError:
            continue
        if not np.isfinite(values).all():
            continue
        best = {*np.argsort(-said)[:5].tolist()} & {*np.argsort(-values)[:5].tolist()}
        found[target] = (rank_correlation(values, said), len(best) / 5)
    return found


def line(name: str, bench: Bench, found: dict, only=None) -> dict:
    """Print a row; held-out tasks and the grid's own targets apart."""
    if only is not None:
        found = {target: value for target, value in found.items() if only(target)}
    mean, low, high = mean_interval({t: [value[0]] for t, value in found.items()})
    top = np.mean([value[1] for value in found.values()])
    held = [value[0] for target, value in found.items() if target not in bench.reported]
    chosen = np.mean(held) if held else float("nan")
    print(f"{name:38s} {len(found):4d}  {mean:5.2f} [{low:5.2f}, {high:5.2f}]  {top:5.2f}  "
          f"{chosen:5.2f}", flush=True)  # fmt: skip
    return {"targets": len(found), "mean": mean, "low": low, "high": high, "top5": top,
            "chosen_on": chosen}  # fmt: skip
