"""What source models themselves say of many targets: the yardstick that costs no transfers.

    python tests/bench/source_scores.py --data DIR --grid OUT [--workers 2]

OUT is a grid made with --keep-models (grid.py). For each source model of its first seed:
OUT/source_scores.jsonl gets the LogME of every task's first 100, 200, 500 and 1 000 training rows,
exact and as published; OUT/tuned-N.safetensors get the embeddings of the source's own first 1 500
rows, in half precision, from which maps of any kind can be fitted later.
"""

import argparse
import json
import multiprocessing
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from esm_client import Embedder
from esm_client.core.errors import EsmError
from esm_client.core.scoring.evidence import log_maximum_evidence
from esm_client.lab.build.plan import DataSet
from esm_client.lab.build.reading import read_data_set
from esm_client.lab.evaluation.plan import EvaluationPlan
from esm_client.lab.evaluation.records import SETTINGS
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.tokens import TokenStore

ROWS = (100, 200, 500, 1000)
OWN_ROWS = 1500
FILE_BYTES = 14 * 2**20


def main() -> None:
    """Ask every source model about every task."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--grid", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    plan = read_plan(arguments.grid)
    names = [source.name for source in plan.sources]
    out = arguments.out or arguments.grid
    context = multiprocessing.get_context("spawn")
    tuned: dict[str, np.ndarray] = {}
    with (
        context.Pool(arguments.workers, _start, (arguments.data, arguments.grid)) as pool,
        (out / "source_scores.jsonl").open("w") as file,
    ):
        for name, rows, embeddings in pool.imap_unordered(_scores, names):
            file.writelines(json.dumps(row) + "\n" for row in rows)
            file.flush()
            tuned[name] = embeddings
            print(name, len(rows), "scores", flush=True)
    _save(tuned, out)


def read_plan(grid: Path) -> EvaluationPlan:
    """The plan that a grid was made by."""
    return EvaluationPlan.model_validate(json.loads((grid / SETTINGS).read_text())["plan"])


def core_tasks(data: Path) -> list[DataSet]:
    """Every task marked `core`, its first 1 000 training rows."""
    facts = json.loads((data / "tasks.json").read_text())
    return [
        DataSet(
            data=str(data / "tasks" / f"{task['task_id']}.jsonl.gz"), name=task["task_id"],
            text_columns=("text", "text_pair") if task["is_pair"] else ("text",),
            label_column="label", kind=task["kind"], limit_rows=ROWS[-1], split="train",
            language=task["language"],
        )
        for task in facts
        if task["core"]
    ]  # fmt: skip


def _start(data: Path, grid: Path) -> None:
    global _state
    import torch

    torch.set_num_threads(1)
    plan = read_plan(grid)
    embedder = Embedder(
        plan.base_model.model, name=plan.base_model.name, views=None, batch_size=256
    )
    encoder = embedder.encoder
    tasks = {}
    for entry in core_tasks(data):
        task, _ = read_data_set(entry)
        tasks[entry.name] = (
            TokenStore.of(encoder.join(task.texts), encoder.tokenise), task.labels, task.kind
        )  # fmt: skip
    _state = plan, grid, embedder, tasks


def _scores(name: str):
    plan, grid, embedder, tasks = _state
    model = SourceModel.load(grid / "models" / f"{name}-{plan.seeds[0]}", embedder)
    found = []
    for target, (tokens, labels, kind) in tasks.items():
        embeddings = model.encoder.embed_tokens(tokens)
        for rows in ROWS:
            if rows > ROWS[0] and rows > len(tokens) * 1.2:
                continue
            x, y = embeddings[:rows].astype(np.float64), labels[:rows]
            row = {"source": name, "target": target, "rows": rows}
            for variant in ("exact", "published"):
                try:
                    row[variant] = log_maximum_evidence(x, y, kind=kind, variant=variant)
                except EsmError as error:
                    row[variant], row["reason"] = None, error.message
            found.append(row)
    own, _ = read_data_set(next(source for source in plan.sources if source.name == name))
    return name, found, model.encoder.embed(own.texts[:OWN_ROWS], progress=False).astype(np.float16)


def _save(tuned: dict[str, np.ndarray], out: Path) -> None:
    from safetensors.numpy import save_file

    files: list[dict[str, np.ndarray]] = [{}]
    size = 0
    for name, array in sorted(tuned.items()):
        size += array.nbytes
        if size > FILE_BYTES:
            files.append({})
            size = array.nbytes
        files[-1][name] = array
    for number, tensors in enumerate(files):
        save_file(tensors, out / f"tuned-{number}.safetensors")


if __name__ == "__main__":
    main()
