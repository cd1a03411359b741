"""A few faults of every kind on every combination of back ends (make fault-test does many)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from faults import kinds as of
from faults.backends import COMBINATIONS, backends
from faults.run import run, runs
from support import postgres, s3

TIMES = int(os.environ.get("FAULTS", "2"))
CASES = [
    pytest.param(database, storage, name, fault, id=f"{database}-{storage}-{name}")
    for database, storage in COMBINATIONS
    for name, fault in runs(database, storage)
]


@pytest.mark.filterwarnings("ignore:Waiting for http")
@pytest.mark.slow
@pytest.mark.parametrize(("database", "storage", "name", "fault"), CASES)
def test_nothing_is_lost(
    database: str, storage: str, name: str, fault: of.Fault, tmp_path: Path
) -> None:
    for wanted, missing in ((database == "postgresql", postgres), (storage == "s3", s3)):
        if wanted and (reason := missing.missing()) is not None:
            pytest.skip(reason)
    if fault is of.move_the_clock and not of.FAKETIME.exists():
        pytest.skip(f"no {of.FAKETIME}")
    if fault is of.fill_the_disk and not of.may_mount():
        pytest.skip("mounting a small file system needs root")
    with backends(database, storage, tmp_path) as found:
        world = run(name, fault, found, tmp_path / "run", TIMES, seed=1)
    verdict = world.verdict
    assert verdict.verified
    assert (verdict.lost, verdict.half, verdict.wrong, verdict.unclean) == ([], [], [], [])


@pytest.mark.process
def test_the_long_form_is_a_command():
    command = [sys.executable, str(Path(__file__).with_name("run.py")), "--help"]
    assert "--kills" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
