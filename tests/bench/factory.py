"""ESMs of many real tasks by `esm-client build`, pushed to a registry of its own.

    python tests/bench/factory.py --data DIR --out OUT [--tasks 44] [--rows 600] [--epochs 2]

DIR holds tasks.json and `tasks/<task>.jsonl.gz`. Takes the first of the tasks marked `core`, every
third of them regression while there are; the first ten are built for a second embedding space too,
MiniLM cut to its first three layers. A second run builds only what is missing. Prints the table of
the build and, last, one JSON line.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from docs.demo.base_model import BASE_MODEL_NAME, base_model_path
from docs.demo.registry import running_registry


def main() -> None:
    """Build and push; the registry is asked what it holds at the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tasks", type=int, default=44)
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    tasks = _choose(json.loads((arguments.data / "tasks.json").read_text()), arguments.tasks)
    cut = _cut_model(arguments.out / "MiniLM-L3-cut")
    builds = (
        (tasks, base_model_path(), BASE_MODEL_NAME),
        (tasks[:10], cut, "cut/MiniLM-L3-cut"),
    )
    counts, seconds = [], []
    with running_registry(arguments.out / f"registry-{os.getpid()}") as (url, token):
        environment = {**os.environ, "ESM_REGISTRY_URL": url, "ESM_REGISTRY_TOKEN": token}
        for number, (chosen, model, name) in enumerate(builds):
            plan = arguments.out / f"plan-{number}.toml"
            plan.write_text(_plan(chosen, model, name, arguments))
            started = time.perf_counter()
            command = ["build", str(plan), "--output", str(arguments.out / "esms")]
            command += ["--push", f"core{number}", "--workers", str(arguments.workers)]
            _client(environment, *command)
            seconds.append(time.perf_counter() - started)
        spaces = json.loads(_client(environment, "spaces", "--json", quiet=True))
        counts = {space["name"]: space["num_esms"] for space in spaces}
    print(json.dumps({"seconds": seconds, "in the registry": counts}))


def _choose(tasks: list[dict], number: int) -> list[dict]:
    core = [task for task in tasks if task["core"]]
    numbers = [task for task in core if task["kind"] == "regression"]
    classes = [task for task in core if task["kind"] == "classification"]
    chosen = []
    while len(chosen) < min(number, len(core)):
        pool = numbers if numbers and (len(chosen) % 3 == 2 or not classes) else classes
        chosen.append(pool.pop(0))
    return chosen


def _plan(tasks: list[dict], model: Path, name: str, arguments: argparse.Namespace) -> str:
    lines = ["[defaults]", f"limit_rows = {arguments.rows}", f"epochs = {arguments.epochs}"]
    lines += ["[[base_model]]", f"model = {json.dumps(str(model))}", f"name = {json.dumps(name)}"]
    for task in tasks:
        path = (arguments.data / "tasks" / f"{task['task_id']}.jsonl.gz").resolve()
        lines += ["[[data]]", f"data = {json.dumps(str(path))}"]
        facts = {
            "language": task["language"],
            "domain": task["domain"],
            "licence": (task["licence"] or "")[:200],
            "location": task["source_repo"],
            "revision": task["source_commit"],
        }
        lines += [f"{key} = {json.dumps(value)}" for key, value in facts.items() if value]
    return "\n".join(lines) + "\n"


def _cut_model(folder: Path) -> Path:
    """MiniLM's first three layers as a model of its own."""
    if not folder.exists():
        from transformers import AutoModel, AutoTokenizer

        model = AutoModel.from_pretrained(base_model_path())
        model.encoder.layer = model.encoder.layer[:3]
        model.config.num_hidden_layers = 3
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(base_model_path()).save_pretrained(folder)
    return folder


def _client(environment: dict[str, str], *arguments: str, quiet: bool = False) -> str:
    command = [sys.executable, "-m", "esm_client.cli", *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if not quiet:
        print(done.stdout, flush=True)
    return done.stdout


if __name__ == "__main__":
    main()
