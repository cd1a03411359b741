"""What becomes of jobs when their processes die: quick processes, without torch."""

import os
from pathlib import Path

import pytest

from esm_client.lab.processes.workers import Workers


@pytest.fixture(name="crew")
def _crew(tmp_path, monkeypatch):
    """crew(devices) -> Workers that run support/fragile_worker.py."""
    path = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))

    def make(devices):
        return Workers(devices, 1, tmp_path / "logs", "support.fragile_worker")

    return make


def run(crew, wishes):
    """The last event of each job, and all its events' names."""
    last, names = {}, {}

    def tell(worker, item, event):
        last[item] = event
        names.setdefault(item, []).append(event["event"])

    crew.run([(wish, {"wish": wish}) for wish in wishes], tell)
    return last, names


@pytest.mark.parametrize(
    ("death", "reason"),
    [
        ("kill", "Its process was killed; most often the machine's memory did not suffice."),
        ("exit", "Its process ended with exit code 3."),
        ("half a line", "Its process was killed; most often"),
    ],
)
def test_a_process_that_dies_costs_one_job(crew, death, reason):
    with crew(["cpu"]) as one:
        last, names = run(one, ["first", death, "second", "third"])
    assert names == {
        "first": ["progress", "done"], death: ["failed"],
        "second": ["progress", "done"], "third": ["progress", "done"],
    }  # fmt: skip
    assert last[death]["reason"].startswith(reason)
    assert last[death]["hint"]
    assert last["first"]["pid"] != last["second"]["pid"] == last["third"]["pid"]


def test_jobs_are_shared_out_and_all_are_done(crew):
    with crew(["cpu", "cpu"]) as two:
        last, _ = run(two, [f"job {number}" for number in range(40)])
        assert len(two._processes) == 2
    assert [event["event"] for event in last.values()] == ["done"] * 40
    assert {event["pid"] for event in last.values()} <= {p.pid for p in two._processes.values()}


def test_leaving_ends_the_processes(crew):
    with crew(["cpu"]) as one:
        run(one, ["job"])
        (process,) = one._processes.values()
        assert process.poll() is None
    assert process.poll() is not None


def test_what_the_listener_raises_stops_the_run(crew):
    def tell(worker, item, event):
        raise RuntimeError("a bug")

    with crew(["cpu"]) as one, pytest.raises(RuntimeError, match="a bug"):
        one.run([("job", {"wish": "job"})], tell)
