"""Which features, rows and ranks make a map's score agree with its source model's own.

    python tests/bench/view_maps.py --data DIR --out OUT [--part features rows ranks probes]

OUT was made by view_sources.py. Agreement is Spearman's correlation, over the sources, of the exact
score of the mapped embeddings with that of the source model's own embeddings of the same rows; the
mean over targets with a 95 percent bootstrap interval, and paired to the old default. Sources that
share texts with a target are left out. Settings are chosen on every other target and reported on
the rest: both halves are printed.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from bench.view_sources import MEDIANS
from safetensors.numpy import load_file

from esm_client.core.artifact.summary import X_BIAS, X_RIGHT
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.storage import EsmMap
from esm_client.core.maps.wide import WideMap
from esm_client.core.scoring.evidence import log_maximum_evidence
from esm_client.core.scoring.quality import rank_correlation
from esm_client.core.views import SpaceViews
from esm_client.lab.evaluation.study import mean_interval
from esm_client.lab.training.fit.ridge import fit_ridge, without_views

warnings.filterwarnings("ignore")
LAYER = 4
Features = Callable[[str], np.ndarray]
"""Of what is asked for, "probe", "own:NAME" or "task:NAME": embeddings x, or [x, u]."""


class Bench:
    """Everything that view_sources.py made."""

    def __init__(self, data: Path, out: Path) -> None:
        self.base = load_file(out / "base.safetensors")
        self.tuned = {
            path.stem: {k: v.astype(np.float32) for k, v in load_file(path).items()}
            for path in sorted(out.glob("*.safetensors"))
            if path.stem != "base"
        }
        self.facts = {t["task_id"]: t for t in json.loads((data / "tasks.json").read_text())}
        self.alone: dict[str, EsmMap] = {}
        """What stands for the wide maps that were fitted last where there are no views."""
        self.targets = [key[7:] for key in self.base if key.startswith("labels:")]

    def x(self, what: str) -> np.ndarray:
        return self.base[f"x:{what}"]

    def inner(self, what: str, layer: int) -> np.ndarray:
        return self.base[f"m{layer}:{what}"].astype(np.float32)

    def pool(self, target: str) -> list[str]:
        """Sources that share no texts with a target."""
        shared = {target, *self.facts[target]["shares_texts_with"]}
        return [s for s in self.tuned if s not in shared and target not in self._shared(s)]

    def _shared(self, source: str) -> list[str]:
        return self.facts[source]["shares_texts_with"]

    def labels(self, target: str) -> tuple[np.ndarray, str]:
        return self.base[f"labels:{target}"], self.facts[target]["kind"]

    @cached_property
    def truth(self) -> dict[str, np.ndarray]:
        """What the source models of each target's pool say."""
        found = {}
        for target in self.targets:
            y, kind = self.labels(target)
            rows = [self.tuned[source][f"task:{target}"] for source in self.pool(target)]
            found[target] = np.array([log_maximum_evidence(one, y, kind=kind) for one in rows])
        return found

    def fit(
        self,
        features: Features,
        rows: str,
        count: int | None = None,
        probe: str = "probe",
        **settings,
    ) -> dict:
        """Maps of all sources, on their own rows, on probe rows, or on both."""
        maps: dict[str, EsmMap] = {}
        for name, tuned in self.tuned.items():
            pairs = {
                "own": (features(f"own:{name}"), tuned["own"]),
                "probe": (features(probe)[:count], tuned[probe][:count]),
            }
            chosen = [pairs[one] for one in ("own", "probe") if one in rows.split("+")]
            z, y = (np.concatenate(parts) for parts in zip(*chosen, strict=True))
            maps[name] = found = fit_ridge(z, y, **settings).map
            if isinstance(found, WideMap):
                beside = without_views(found, z, np.arange(len(z)))
                self.alone[name] = LowRankMap(
                    found.scale, found.left, beside[X_RIGHT], beside[X_BIAS]
                )
        return maps

    def agreement(self, maps: dict[str, EsmMap], features: Features) -> dict[str, float]:
        """By target."""
        found = {}
        for target in self.targets:
            y, kind = self.labels(target)
            z = features(f"task:{target}")
            made = [maps[name].apply(z) for name in self.pool(target)]
            scores = [log_maximum_evidence(one, y, kind=kind) for one in made]
            found[target] = rank_correlation(scores, self.truth[target])
        return found


def plain(bench: Bench, layer: int = LAYER) -> Features:
    """The layer's mean as it is."""
    return lambda what: np.hstack([bench.x(what), bench.inner(what, layer)])


def principal(bench: Bench, count: int, layer: int = LAYER) -> Features:
    """The strongest directions of what x does not predict of it, on probe rows."""
    x, m = (v.astype(np.float64) for v in (bench.x("probe"), bench.inner("probe", layer)))
    predict = _regression(x, m)
    rest = m - predict(x)
    directions = np.linalg.eigh(rest.T @ rest)[1][:, ::-1][:, :count]
    return lambda what: np.hstack(
        [bench.x(what), (bench.inner(what, layer) - predict(bench.x(what))) @ directions]
    ).astype(np.float32)


def random(bench: Bench, count: int, layer: int = LAYER) -> Features:
    """Sums with signs, as spaces have them: no file is needed for them."""
    views = SpaceViews(layer=layer, count=count)
    return lambda what: np.hstack([bench.x(what), views.of_means(bench.inner(what, layer))])


def _regression(x: np.ndarray, m: np.ndarray) -> Callable:
    mean_x, mean_m = x.mean(axis=0), m.mean(axis=0)
    centred = x - mean_x
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += 1e-3 * np.trace(gram) / len(gram)
    weight = np.linalg.solve(gram, centred.T @ (m - mean_m))
    return lambda values: mean_m + (values - mean_x) @ weight


def part_features(bench: Bench) -> Iterator[tuple[str, dict[str, float]]]:
    """Which layer, how many directions, of what kind; full rank, own and probe rows."""
    kinds = {"x": bench.x, **{f"plain, layer {n}": plain(bench, n) for n in (2, 3, 4, 5)}}
    for count in (64, 128, 192, 256):
        kinds[f"{count} principal"] = principal(bench, count)
        kinds[f"{count} random"] = random(bench, count)
    for name, features in kinds.items():
        yield name, bench.agreement(bench.fit(features, "own+probe"), features)


def part_rows(bench: Bench) -> Iterator[tuple[str, dict[str, float]]]:
    """What the maps are fitted to."""
    for name, features in (("x", bench.x), ("[x, u]", plain(bench))):
        for rows in ("own", "own+probe", "probe"):
            yield f"{name}, {rows}", bench.agreement(bench.fit(features, rows), features)


def part_ranks(bench: Bench) -> Iterator[tuple[str, dict[str, float]]]:
    """How many directions change, in half precision; and the same maps for who holds x alone."""
    features = plain(bench)
    for rank in (16, 32, 64, 128, None):
        maps = bench.fit(features, "own+probe", rank=rank)
        halves = {
            name: WideMap(*(array.astype(np.float16) for array in one.tensors().values()))
            for name, one in maps.items()
        }
        yield f"rank {rank}, float16", bench.agreement(halves, features)
        yield f"rank {rank}, x alone", bench.agreement(bench.alone, bench.x)


def part_probes(bench: Bench) -> Iterator[tuple[str, dict[str, float]]]:
    """How many probe rows, of which median length."""
    features = plain(bench)
    for probe, median in MEDIANS.items():
        for count in (750, 1500, 3000):
            maps = bench.fit(features, "own+probe", count, probe, rank=64)
            yield f"{count} of {median} tokens", bench.agreement(maps, features)


def main() -> None:
    """Print the tables."""
    parts = {"features": part_features, "rows": part_rows, "ranks": part_ranks}
    parts["probes"] = part_probes
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", nargs="*", choices=parts, default=list(parts))
    arguments = parser.parse_args()
    bench = Bench(arguments.data, arguments.out)
    print(f"{len(bench.tuned)} sources, {len(bench.targets)} targets")
    old = bench.agreement(bench.fit(bench.x, "own", rank="auto"), bench.x)
    _line("old default", old, old)
    for name in arguments.part:
        print(name)
        for label, found in parts[name](bench):
            _line(label, found, old)


def _line(label: str, found: dict[str, float], old: dict[str, float]) -> None:
    targets = list(found)
    halves = [np.mean([found[t] for t in targets[start::2]]) for start in (0, 1)]
    mean, low, high = mean_interval({t: [found[t]] for t in targets})
    gain = mean_interval({t: [found[t] - old[t]] for t in targets if t in old})
    print(
        f"  {label:24s} {mean:.3f} [{low:.3f}, {high:.3f}]  to the old default "
        f"{gain[0]:+.3f} [{gain[1]:+.3f}, {gain[2]:+.3f}]  halves {halves[0]:.3f} {halves[1]:.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
