"""Builds of a few short tasks, in real processes with a tiny base model."""

import os
import signal
from pathlib import Path

import pytest
from docs.demo.tasks.write import write_tasks

from esm_client.core.artifact.directory import EsmArtifact, directory_manifest
from esm_client.core.errors import Conflict, Forbidden
from esm_client.lab.build.build import BUILDING, build_plan
from esm_client.lab.build.plan import BaseModelChoice, DataSet, Plan
from esm_client.lab.build.requests import WORKER, ReadRequest
from esm_client.lab.processes.messages import Failed
from esm_client.lab.processes.workers import Workers, choose_devices

SPACE = "tiny-mean-128-layer-1-32"
FAST = {"epochs": 1, "limit_rows": 60, "learning_rate": 1e-4}
NAMED = {"text_columns": ("text",), "label_column": "label"}
CPU = {"devices": ["cpu"], "threads": 1}


@pytest.fixture(scope="module", name="tasks")
def _tasks(tmp_path_factory) -> dict[str, Path]:
    return write_tasks(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(name="plan")
def _plan(tasks, model_folder, tmp_path):
    """make_plan(news_desk={...}) -> Plan; a path for `data`, else the task of that name."""
    choice = BaseModelChoice(model=str(model_folder), name="org/tiny")

    def make_plan(**entries) -> Plan:
        data = [
            DataSet(**{"data": str(tasks.get(name, name)), "name": name, **FAST, **said})
            for name, said in entries.items()
        ]
        return Plan(data=tuple(data), base_models=(choice,))

    return make_plan


def outcomes(report):
    return {row.name: row.outcome for row in report.rows}


class Watch:
    def __init__(self):
        self.total, self.steps, self.finished = None, set(), []
        self.asked = {"progress": self.progress, "on_result": self.done}

    def progress(self, step, done, total):
        assert 0 <= done <= total
        if step == BUILDING and not done:
            self.plan(total)
        label, _, what = step.partition(": ")
        self.told(label, what)

    def plan(self, total):
        self.total = total

    def told(self, label, step):
        self.steps.add((label, step))

    def done(self, row):
        self.finished.append(row.name)


def test_one_failure_stops_nothing_and_a_second_run_keeps_what_is_there(plan, tasks, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("text,label\na,1\nb,1\n")
    wanted = plan(news_desk={}, gone={}, bad={"data": str(bad), **NAMED},
                  question_type={"keep_model": True},
                  again={"data": str(tasks["news_desk"])})  # fmt: skip
    watch, pushed = Watch(), []

    def push(folder, row):
        pushed.append(row.name)
        if row.name == "question_type":
            raise Forbidden("Not yours.")
        return f"team/{row.name}@1"

    report = build_plan(wanted, tmp_path / "out", **CPU, **watch.asked, push=push)
    assert outcomes(report) == {
        "news_desk": "built", "gone": "failed", "bad": "failed", "question_type": "built",
        "again": "duplicate",
    }  # fmt: skip
    assert report.failed
    rows = {row.name: row for row in report.rows}
    assert "no file or folder" in rows["gone"].reason
    assert "Every row has the label 1" in rows["bad"].reason
    assert rows["again"].reason == "The same rows as news_desk."
    assert rows["news_desk"].pushed == "team/news_desk@1"
    assert rows["question_type"].push_error == "Not yours."
    assert sorted(pushed) == ["news_desk", "question_type"]
    assert watch.total == 2
    assert sorted(watch.finished) == ["news_desk", "question_type"]
    assert (f"{SPACE}/news_desk", "Fine-tuning") in watch.steps
    assert "<table>" in report._repr_html_()

    folder = tmp_path / "out" / SPACE / "news_desk"
    artifact = EsmArtifact.read(folder)
    assert artifact.config.task.num_rows == 60
    assert artifact.config.architecture == "wide-low-rank"
    assert (tmp_path / "out" / SPACE / "question_type.model" / "model.safetensors").is_file()
    assert not list((tmp_path / "out" / ".work").rglob("*.safetensors"))
    before = (folder / "config.json").stat().st_mtime_ns
    again = build_plan(wanted, tmp_path / "out", **CPU, dry_run=True)
    assert again.rows[0].fit == artifact.config.fit
    report = build_plan(wanted, tmp_path / "out", **CPU)
    assert outcomes(report)["news_desk"] == outcomes(report)["question_type"] == "kept"
    assert (folder / "config.json").stat().st_mtime_ns == before

    changed = build_plan(plan(news_desk={"epochs": 2}), tmp_path / "out", **CPU)
    assert outcomes(changed) == {"news_desk": "built"}
    assert EsmArtifact.read(folder).config.recipe.lm_num_epochs == 2


@pytest.mark.slow
def test_the_same_plan_gives_the_same_digests_however_it_is_shared_out(plan, tmp_path):
    wanted = plan(news_desk={}, question_type={}, weather_severity={"keep_model": True})
    one = build_plan(wanted, tmp_path / "one", **CPU)
    two = build_plan(wanted, tmp_path / "two", **CPU, workers=2)
    digests = [[directory_manifest(row.path)[1] for row in report.rows] for report in (one, two)]
    assert digests[0] == digests[1]
    model = tmp_path / "one" / SPACE / "weather_severity.model"
    assert (model / "model.safetensors").is_file()
    assert not (tmp_path / "one" / ".work").exists() or not list(
        (tmp_path / "one" / ".work").rglob("*.safetensors")
    )


def test_a_dry_run_builds_nothing(plan, tmp_path):
    report = build_plan(plan(news_desk={}), tmp_path / "out", **CPU, dry_run=True)
    assert outcomes(report) == {"news_desk": "ready"}
    assert report.rows[0].columns == ["text", "label"]
    assert any("'text'" in note for note in report.rows[0].notes)
    assert not (tmp_path / "out" / SPACE).exists()


def test_a_second_build_of_the_same_folder_is_refused(plan, tmp_path):
    refused = []

    class Second(Watch):
        def plan(self, total):
            with pytest.raises(Conflict, match="Another run is at work"):
                build_plan(wanted, tmp_path / "out", **CPU)
            refused.append(True)

    wanted = plan(news_desk={"limit_rows": 20})
    report = build_plan(wanted, tmp_path / "out", **CPU, **Second().asked)
    assert refused
    assert outcomes(report) == {"news_desk": "built"}


@pytest.mark.slow
def test_a_worker_that_dies_costs_one_job(plan, tmp_path):
    """Whoever runs out of memory is killed from outside, as here."""

    class Killer(Watch):
        def told(self, label, step):
            super().told(label, step)
            if label.endswith("news_desk") and step == "Fine-tuning":
                for process in crew._processes.values():  # none, when the step of the dead ends
                    os.kill(process.pid, signal.SIGKILL)

    crew = None
    enter = Workers.__enter__

    def remembered(self):
        nonlocal crew
        crew = self
        return enter(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workers, "__enter__", remembered)
        report = build_plan(plan(news_desk={}, question_type={}), tmp_path / "out", **CPU,
                       **Killer().asked)  # fmt: skip
    rows = {row.name: row for row in report.rows}
    assert (rows["news_desk"].outcome, rows["question_type"].outcome) == ("failed", "built")
    assert "killed; most often the machine's memory" in rows["news_desk"].reason
    again = build_plan(plan(news_desk={}, question_type={}), tmp_path / "out", **CPU)
    assert outcomes(again) == {"news_desk": "built", "question_type": "kept"}


def test_a_mistake_of_the_watch_is_raised(plan, tmp_path):
    class Broken(Watch):
        def done(self, row):
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        build_plan(plan(news_desk={"limit_rows": 20}), tmp_path / "out", **CPU, **Broken().asked)


def test_workers_end_with_the_one_who_asked(tmp_path):
    heard = []
    with Workers(["cpu"], 1, tmp_path, WORKER) as crew:
        jobs = [("x", ReadRequest(data=DataSet(data="none.csv", name="x")))]
        crew.run(jobs, lambda worker, item, event: heard.append((worker, item, type(event))))
        process = next(iter(crew._processes.values()))
        process.stdin.close()
        assert process.wait(30) == 0
    assert heard == [(0, "x", Failed)]


def test_devices_are_those_named_or_what_is_there(monkeypatch):
    import torch

    assert choose_devices(["cuda:1", "cpu"], 2) == ["cuda:1", "cuda:1", "cpu", "cpu"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert choose_devices([], None) == ["cuda:0", "cuda:1", "cuda:2"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_devices([], 2) == ["auto", "auto"]
