"""kill -9 of a build at random moments: what was finished stays, and the end is the same.

KILLS=10 pytest tests/lab/factory/test_kill_during_build.py   (three are tried unless said)
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from docs.demo.base_model import base_model_path
from docs.demo.tasks.write import SOURCES, write_tasks

from esm_client.core.artifact.directory import directory_manifest

KILLS = int(os.environ.get("KILLS", "3"))
TASKS = SOURCES[:8]
SEED = 7
PLAN = """
[[base_model]]
model = %s
views = "none"   # probe rows would take longer than the trainings that are killed

[[data]]
data = "tasks/*.csv"
"""


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.xdist_group("serial")
def test_finished_tasks_are_kept_and_digests_are_those_of_an_undisturbed_run(tmp_path: Path):
    tasks = write_tasks(tmp_path / "all")
    (tmp_path / "tasks").mkdir()
    for name in TASKS:
        tasks[name].rename(tmp_path / "tasks" / f"{name}.csv")
    (tmp_path / "plan.toml").write_text(PLAN % json.dumps(str(base_model_path())))
    started = time.monotonic()
    assert _start(tmp_path, "whole").wait() == 0
    whole, seconds = _digests(tmp_path / "whole"), time.monotonic() - started
    assert len(whole) == len(TASKS)

    chance, written = random.Random(SEED), dict[str, int]()
    for _ in range(KILLS):
        process = _start(tmp_path, "killed")
        try:
            process.wait(chance.uniform(0.15, 0.5) * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        times = _times(tmp_path / "killed")
        assert {name: times[name] for name in written} == written, "a finished one was built again"
        written = times
    assert _start(tmp_path, "killed").wait() == 0
    times = _times(tmp_path / "killed")
    assert {name: times[name] for name in written} == written
    assert _digests(tmp_path / "killed") == whole
    left = [path for path in (tmp_path / "killed" / ".work").rglob("*") if path.is_file()]
    assert not left
    print(f"{KILLS} kills, {len(whole)} ESMs, the same digests")


def _start(folder: Path, output: str) -> "subprocess.Popen[bytes]":
    command = [
        sys.executable, "-m", "esm_client.cli", "build", "plan.toml", "--output", output,
        "--epochs", "1", "--limit-rows", "100", "--device", "cpu",
        "--workers", "2", "--threads", "1", "--quiet",
    ]  # fmt: skip
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip


def _esms(output: Path) -> list[Path]:
    return [path.parent for path in output.glob("*/*/config.json")]


def _digests(output: Path) -> dict[str, str]:
    return {esm.name: directory_manifest(esm)[1] for esm in _esms(output)}


def _times(output: Path) -> dict[str, int]:
    return {esm.name: (esm / "config.json").stat().st_mtime_ns for esm in _esms(output)}
