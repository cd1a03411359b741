"""What becomes of jobs when their processes die: quick processes, without torch."""

import os
from pathlib import Path

import pytest
from pydantic import BaseModel

from esm_client.lab.processes.messages import Done, Failed, Step
from esm_client.lab.processes.workers import Workers


class Wish(BaseModel):
    """What a job asks of its process."""

    wish: str


@pytest.fixture(name="crew")
def _crew(tmp_path, monkeypatch):
    """crew(devices) -> Workers that run support/fragile_worker.py."""
    path = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))

    def make(devices):
        return Workers(devices, 1, tmp_path / "logs", "support.fragile_worker")

    return make


def run(crew, wishes):
    """The last event of each job, and the kinds of its events with the steps it told."""
    last, kinds = {}, {}

    def tell(worker, item, event):
        last[item] = event
        kinds.setdefault(item, []).append(type(event))

    def progress(step, done, total):
        kinds.setdefault(step, []).append(Step)

    crew.run([(wish, Wish(wish=wish)) for wish in wishes], tell, progress)
    return last, kinds


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
        last, kinds = run(one, ["first", death, "second", "third"])
    assert kinds == {
        "first": [Step, Done], death: [Failed], "second": [Step, Done], "third": [Step, Done],
    }  # fmt: skip
    assert last[death].reason.startswith(reason)
    assert last[death].hint
    pids = {wish: event.content["pid"] for wish, event in last.items() if wish != death}
    assert pids["first"] != pids["second"] == pids["third"]


def test_jobs_are_shared_out_and_all_are_done(crew):
    with crew(["cpu", "cpu"]) as two:
        last, _ = run(two, [f"job {number}" for number in range(40)])
        assert len(two._processes) == 2
    assert [type(event) for event in last.values()] == [Done] * 40
    pids = {event.content["pid"] for event in last.values()}
    assert pids <= {process.pid for process in two._processes.values()}


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
        one.run([("job", Wish(wish="job"))], tell)
