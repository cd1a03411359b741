"""`make demo`: build an ESM per source task, publish them all, rank a target, pull the winner.

Everything is real and local: MiniLM from its PyPI package, a fine-tune per task, a server on a
free loopback port with SQLite and files under `.demo/`. Nothing is fetched from a hub.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from docs.demo.base_model import BASE_MODEL_NAME, base_model_path
from docs.demo.registry import running_registry
from docs.demo.tasks.write import SOURCES, TARGET, write_tasks

HOME = Path(".demo")
NAMESPACE = "demo"
RELATED_SOURCE = "hotel_reviews_sentiment"


def main() -> None:
    """Run the demo; exits 1 when the related source is not ranked first."""
    argparse.ArgumentParser(description=__doc__).parse_args()  # none but --help
    started = time.perf_counter()
    os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # torch's threads need not spin
    shutil.rmtree(HOME, ignore_errors=True)
    base_model = base_model_path()
    tasks = write_tasks(HOME / "tasks", target_rows=800)  # enough for a sketch to sum them up
    (HOME / "plan.toml").write_text(plan(base_model), encoding="utf-8")
    say(f"Base model {BASE_MODEL_NAME}; {len(SOURCES)} source tasks, target: {TARGET}.")

    with running_registry(HOME / "registry") as (url, token):
        say(f"A registry runs on {url}, its data in {HOME / 'registry'}/")
        environment = {
            **os.environ,
            "ESM_REGISTRY_URL": url,
            "ESM_REGISTRY_TOKEN": token,
            "ESM_REGISTRY_CACHE": str(HOME / "cache"),
        }
        building = ["build", str(HOME / "plan.toml"), "--output", str(HOME / "esms")]
        print(client(environment, *building, "--push", NAMESPACE))
        space = json.loads(client(environment, "list", "--json", quiet=True))[0]["latest"]["space"]
        question = [str(tasks[TARGET]), "--space", space, "--base-model", str(base_model)]
        print(client(environment, "rank", *question))
        best = json.loads(client(environment, "rank", *question, "--json", quiet=True))["rows"][0]
        print(client(environment, "pull", best["reference"], str(HOME / "winner")))
        verify(HOME / "winner", best["digest"])

    say(f"Done in {time.perf_counter() - started:.0f} s.")
    if best["reference"].split("@")[0] != f"{NAMESPACE}/{RELATED_SOURCE}":
        sys.exit(
            f"{best['reference']} is first, not {NAMESPACE}/{RELATED_SOURCE}: something is wrong."
        )
    print(NEXT.format(relative=RELATED_SOURCE, target=TARGET))


NEXT = """
{relative} is first: of all sources it is the near relative of {target}.

How to go on:
  .demo/tasks/*.csv                     the tasks, to read
  .demo/plan.toml                       the plan that built the ESMs
  .demo/winner/README.md                the winner's card
  .venv/bin/esm-server serve            a registry of your own, in ./esm-registry-data
  .venv/bin/esm-client train --help     an ESM from your own data
  docs/quickstart.ipynb                 the same in a notebook
"""


def plan(base_model: Path) -> str:
    """A plan for esm-client build: which data sets, which base model, which recipe."""
    data = "".join(f'[[data]]\ndata = "tasks/{name}.csv"\n\n' for name in SOURCES)
    return f"""\
[defaults]
epochs = 2
learning_rate = 5e-5
language = "en"
location = "docs/demo/tasks"
revision = "1"
licence = "Apache-2.0"

[[base_model]]
model = {json.dumps(str(base_model))}
name = "{BASE_MODEL_NAME}"

{data}"""


def client(environment: dict[str, str], *arguments: str, quiet: bool = False) -> str:
    """Run one esm-client command, shown as a user would type it; its standard output."""
    if not quiet:
        say("$ esm-client " + " ".join(arguments))
    command = [sys.executable, "-m", "esm_client.cli", *arguments]
    return subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.rstrip()


def verify(directory: Path, digest: str) -> None:
    """Compare a pulled directory with the digest that the ranking named."""
    from esm_client.core.artifact.directory import directory_manifest

    _, found = directory_manifest(directory)
    if found != digest:
        sys.exit(f"{directory} has digest {found}, the ranking named {digest}.")
    say(f"Verified: {directory} is {digest}")


def say(line: str) -> None:
    """Print one line of the story at once."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
