"""The leak and copy shield on real tasks, beside the exact truth: recall, false alarms, cost.

    python tests/bench/shield.py --data DIR [--size 2048]

DIR holds `tasks.json` and `tasks/<task>.jsonl.gz` with rows {"text", "text_pair", "split"}. Each
task's train split is a source; 1 000 of its rows, drawn with seed 42, are a target. The truth
comes from whole sets of strings, the shield's answer from the sketch of the source.
"""

import argparse
import gzip
import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from esm_client.core.shield.overlap import COPY_SHARE, MIN_MATCHES, SHARED_SHARE, Overlap
from esm_client.core.shield.sketch import SIZE, SetSketch
from esm_client.core.shield.source import SourceSketches, TargetHashes
from esm_client.core.shield.texts import MIN_CHARACTERS, normalise, row_hashes, text_hashes

TARGET_ROWS = 1000
SOURCE_ROWS = (4_000, 10_000, 30_000, 100_000, 300_000)
EDGES = (1e-9, 0.005, 0.01, 0.02, 0.05, 0.2, COPY_SHARE, 0.6, 1.01)
ADDRESS = re.compile(r"https?\S*|www\.\S+|@\w+")
Row = Sequence[str]
Pair = tuple[str, str]


def main() -> None:
    """Three tables: rules of normalising, all pairs of tasks, the same in larger sources."""
    arguments = _arguments()
    tasks = json.loads((arguments.data / "tasks.json").read_text())
    sources = {task["task_id"]: _train_rows(arguments.data, task["task_id"]) for task in tasks}
    targets = {name: _sample(rows) for name, rows in sources.items()}
    listed = {(task["task_id"], other) for task in tasks for other in task["shares_texts_with"]}
    truth = _compare_rules(sources, targets)
    found = _examine(sources, targets, arguments.size)
    _report(found, truth, listed)
    _report_larger(sources, targets, truth)


def _compare_rules(sources: dict[str, list[Row]], targets: dict[str, list[Row]]):
    """Exact shares by rule of normalising; those of the shield's own rule are the truth."""
    rules: dict[str, tuple[Callable[[str], str], int]] = {
        "case and spacing": (lambda text: " ".join(text.casefold().split()), MIN_CHARACTERS),
        "+ punctuation (the shield's)": (normalise, MIN_CHARACTERS),
        "+ addresses, @names": (lambda text: normalise(ADDRESS.sub(" ", text)), MIN_CHARACTERS),
        "the shield's, any length": (normalise, 1),
    }
    shares: dict[str, dict[Pair, tuple[float, int]]] = {}
    print(f"{'rule, exact sets':30s} {'one match':>10s} {'flagged':>8s} {'copies':>7s}  (pairs)")
    for rule, (function, shortest) in rules.items():
        shares[rule] = _true_shares(sources, targets, function, shortest)
        some = [share for share, matched in shares[rule].values() if matched]
        flagged = [s for s, n in shares[rule].values() if s >= SHARED_SHARE and n >= MIN_MATCHES]
        copies = sum(share >= COPY_SHARE for share in flagged)
        print(f"{rule:30s} {len(some):10d} {len(flagged):8d} {copies:7d}")
    return shares["the shield's, any length"]


def _true_shares(sources, targets, function, shortest) -> dict[Pair, tuple[float, int]]:
    """By (target, source): the share of the target in the source, by rows or by texts."""

    def sets(rows: list[Row]) -> tuple[set[Row], set[Row]]:
        known = [tuple(function(text) for text in row) for row in rows]
        texts = {(text,) for row in known for text in row if len(text) >= shortest}
        return {row for row in known if len("".join(row)) >= shortest}, texts

    whole = {name: sets(rows) for name, rows in sources.items()}
    wanted = {name: sets(rows) for name, rows in targets.items()}
    result = {}
    for target, source in _pairs(sources):
        both = zip(wanted[target], whole[source], strict=True)
        shares = [(len(t & s) / max(len(t), 1), len(t & s)) for t, s in both]
        result[target, source] = max(shares)
    return result


def _examine(sources, targets, size: int) -> dict[Pair, Overlap]:
    """What the shield says of each pair; prints what it costs."""
    started = time.perf_counter()
    sketches = {
        name: SourceSketches(
            SetSketch.of(row_hashes(rows), size), SetSketch.of(text_hashes(rows), size)
        )
        for name, rows in sources.items()
    }
    rows = sum(len(some) for some in sources.values())
    per_row = (time.perf_counter() - started) / rows
    num_bytes = [sum(a.nbytes for a in sketch.tensors().values()) for sketch in sketches.values()]
    hashes = {name: TargetHashes.of(some) for name, some in targets.items()}
    started = time.perf_counter()
    found = {(t, s): sketches[s].overlap(hashes[t]) for t, s in _pairs(sources)}
    per_pair = (time.perf_counter() - started) / len(found)
    print(f"\n{len(sources)} sources of {rows / len(sources):.0f} rows, sketches of {size} hashes:")
    print(f"{1e6 * per_row:.0f} µs a row to sketch, {1e6 * per_pair:.0f} µs to compare a target,")
    print(f"{np.mean(num_bytes) / 1024:.1f} KiB a source, at most {max(num_bytes) / 1024:.1f}")
    return found


def _report(found: dict[Pair, Overlap], truth, listed: set[Pair]) -> None:
    print(
        f"\n{'true share':>14s} {'pairs':>6s} {'flagged':>8s} {'left out':>9s} {'worst error':>12s}"
    )
    place = {
        pair: int(np.searchsorted(EDGES, share, "right")) for pair, (share, _) in truth.items()
    }
    for number in range(len(EDGES)):
        pairs = [pair for pair in found if place[pair] == number]
        flagged = sum(found[pair].is_shared for pair in pairs)
        copies = sum(found[pair].is_copy for pair in pairs)
        worst = max((abs(found[pair].share - truth[pair][0]) for pair in pairs), default=0.0)
        print(f"{_bucket(number)} {len(pairs):6d} {flagged:8d} {copies:9d} {worst:12.3f}")
    for pair, (share, _) in truth.items():
        if (share >= SHARED_SHARE) != found[pair].is_shared:
            said = f"{found[pair].matched} of {found[pair].compared}"
            print(f"  otherwise: {' in '.join(pair)}: truly {share:.4f}, sketch {said}")
    due = {pair for pair in listed if truth[pair][0] >= SHARED_SHARE}
    print(f"of {len(listed)} listed pairs {len(due)} share 1 % of these rows (the others in other")
    print(f"splits): {sum(found[pair].is_shared for pair in due)} of {len(due)} flagged")


def _bucket(number: int) -> str:
    if number == 0:
        return f"{'none':>14s}"
    low, high = EDGES[number - 1], min(EDGES[number], 1.0)
    return f"{100 * low:6.1f}-{100 * high:5.1f} %"


def _report_larger(sources, targets, truth) -> None:
    """The pairs that share rows, each source padded with other rows: hashes drawn at random."""
    rng = np.random.default_rng(42)
    sharing = [pair for pair, (share, _) in truth.items() if share >= SHARED_SHARE]
    print(f"\nflagged of the {len(sharing)} pairs by source rows, sketch size and true share")
    names = [f"{100 * low:.0f}-{100 * min(high, 1):.0f} %" for low, high in _coarse()]
    print(f"{'rows':>8s} {'size':>6s} " + " ".join(f"{name:>10s}" for name in names))
    for rows in SOURCE_ROWS:
        for size in (1024, 2048, 4096):
            shown = []
            for low, high in _coarse():
                pairs = [pair for pair in sharing if low <= truth[pair][0] < high]
                hits = [_is_flagged(sources[s], targets[t], rows, size, rng) for t, s in pairs]
                shown.append(f"{np.mean(hits):10.2f}")
            print(f"{rows:8d} {size:6d} " + " ".join(shown))


def _coarse() -> list[tuple[float, float]]:
    return [(SHARED_SHARE, 0.04), (0.04, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1.01)]


def _is_flagged(source, target, rows: int, size: int, rng: np.random.Generator) -> bool:
    hashes = TargetHashes.of(target)
    padding = rng.integers(0, 2**64, max(rows - len(source), 0), np.uint64, endpoint=False)
    sketches = [
        SetSketch.of(np.union1d(some, padding), size)
        for some in (row_hashes(source), text_hashes(source))
    ]
    found = SourceSketches(*sketches).overlap(hashes)
    return found is not None and found.is_shared


def _pairs(sources: dict[str, list[Row]]) -> list[Pair]:
    return [(target, source) for source in sources for target in sources if source != target]


def _sample(rows: list[Row]) -> list[Row]:
    order = np.random.default_rng(42).permutation(len(rows))[:TARGET_ROWS]
    return [rows[number] for number in order]


def _train_rows(data: Path, name: str) -> list[Row]:
    with gzip.open(data / "tasks" / f"{name}.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    return [
        (row["text"],) if row["text_pair"] is None else (row["text"], row["text_pair"])
        for row in rows
        if row["split"] == "train"
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--size", type=int, default=SIZE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
