"""The ground truth of the study: real transfers, and every method's word on them.

    python tests/bench/grid.py --data DIR --out OUT [--sources 12] [--targets 6] [--seeds 1]
        [--source-rows 1500] [--target-rows 500] [--epochs 2] [--workers 2] [--views default]

DIR holds tasks.json and `tasks/<task>.jsonl.gz`. A second run goes on where the first one was.
Prints how many transfers there are and, last, one JSON line.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.study_plan import SOURCES, TARGETS, make_plan, target_names

from esm_client.lab.evaluation.finished import Finished
from esm_client.lab.evaluation.grid import run_grid


def main() -> None:
    """Run what is missing of a grid."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--sources", type=int, default=len(SOURCES))
    parser.add_argument("--targets", type=int, default=len(TARGETS))
    parser.add_argument("--source-rows", type=int, default=1500)
    parser.add_argument("--target-rows", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--views", choices=("none", "default"), default="none")
    parser.add_argument("--keep-models", action="store_true")
    arguments = parser.parse_args()
    started = time.monotonic()
    arguments.out.mkdir(parents=True, exist_ok=True)
    plan = make_plan(
        arguments.data, arguments.model or _base_model(), source_rows=arguments.source_rows,
        target_rows=arguments.target_rows, epochs=arguments.epochs,
        seeds=tuple(range(arguments.seeds)), sources=SOURCES[: arguments.sources],
        targets=target_names(arguments.data, arguments.targets), views=arguments.views,
        keep_models=arguments.keep_models,
    )  # fmt: skip

    def tell(one: Finished) -> None:
        if one.done % 20 == 0:
            spent = time.monotonic() - started
            print(f"{spent:6.0f} s  {one.done} of {one.total} {one}", flush=True)

    found = run_grid(
        plan,
        arguments.out,
        workers=arguments.workers,
        threads=arguments.threads,
        progress=False,
        on_result=tell,
    )
    for name, reason in found.failed.items():
        print(f"failed: {name}: {reason}")
    counts = {
        what: sum(one["what"] == what for one in found.records)
        for what in ("source", "transfer", "score", "overlap")
    }
    print(json.dumps({"seconds": round(time.monotonic() - started, 1), **counts}))


def _base_model() -> Path:
    from docs.demo.base_model import base_model_path

    return base_model_path()


if __name__ == "__main__":
    main()
