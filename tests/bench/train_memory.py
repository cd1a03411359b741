"""Peak memory of training an ESM against the number of its rows.

    python tests/bench/train_memory.py [--rows 1000 10000 100000]

Each size in a process of its own: a CSV of made-up sentences is written, then read whole and
trained on for a few steps (fine-tuning's memory does not depend on their number), all texts are
embedded twice and the map is fitted. The embeddings take 2 x rows x 384 x 4 bytes; `texts` is the
text itself. Last, one JSON line.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

WORDS = [
    "the",
    "ferry",
    "soup",
    "hotel",
    "concert",
    "bicycle",
    "novel",
    "market",
    "garden",
    "train",
    "was",
    "late",
    "cold",
    "kind",
]


def main() -> None:
    """One process per size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--one", type=int)
    parser.add_argument("--sampled", action="store_true")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(_train(arguments.one, sampled=arguments.sampled)))
        return
    columns = ("rows", "used", "peak MB", "embeddings", "texts", "rest MB")
    print(" ".join(f"{name:>10s}" for name in columns))
    found = []
    for rows, extra in [*((n, []) for n in arguments.rows), (max(arguments.rows), ["--sampled"])]:
        command = [sys.executable, __file__, "--one", str(rows), *extra]
        row = json.loads(subprocess.check_output(command, text=True).splitlines()[-1])
        found.append(row)
        rest = row["peak"] - row["embeddings"] - row["texts"]
        numbers = (rows, row["used"], row["peak"], row["embeddings"], row["texts"], rest)
        print(" ".join(f"{number:10.0f}" for number in numbers), flush=True)
    print(json.dumps(found))


def _train(rows: int, *, sampled: bool) -> dict[str, float]:
    import torch
    from docs.demo.base_model import base_model_path

    from esm_client import Embedder
    from esm_client.lab.data.loading import load_task
    from esm_client.lab.training import finetune
    from esm_client.lab.training.train import train_esm

    torch.set_num_threads(2)
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w") as file:
            file.write("text,label\n")
            for number in range(rows):
                words = " ".join(chance.choices(WORDS, k=6))
                file.write(f"{words} {number},{number % 2}\n")
        task = load_task(path, limit_rows=10_000 if sampled else None)
    original = finetune._Run._learn

    def few_steps(run, batch, share):
        if run.step < 20:
            original(run, batch, share)
        else:
            run._losses.append(0.0)

    finetune._Run._learn = few_steps
    train_esm(task, Embedder(base_model_path(), device="cpu", views=None))
    return {
        "rows": rows,
        "used": len(task),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        "embeddings": 2 * len(task) * 384 * 4 / 1e6,
        "texts": sum(sys.getsizeof(text) for text in task.texts) / 1e6,
    }


if __name__ == "__main__":
    main()
