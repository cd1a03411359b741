"""Source tasks first, the target afterwards: real fine-tunings of the real base model."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from docs.demo.tasks.write import write_tasks

from esm_client.core.errors import Conflict, NotFound
from esm_client.lab.evaluation.intermediate import IntermediateTask, ReadyModel, SourceData
from esm_client.lab.evaluation.split_task import read_target
from esm_client.lab.evaluation.transfer_run import WORK, Unwatched, run_transfers
from esm_client.lab.factory.plan import DataSet
from esm_client.lab.training.recipe import FineTuneRecipe

RECIPE = FineTuneRecipe(epochs=1, learning_rate=2e-4, batch_size=16)


@pytest.fixture(name="files", scope="module")
def _files(tmp_path_factory):
    return write_tasks(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(name="target", scope="module")
def _target(files):
    data = DataSet(data=str(files["restaurant_reviews_sentiment"]), name="restaurants")
    return read_target(data, 40, 40)


def source(name, path, rank=1, **data):
    told = DataSet(data=str(path), name=name, limit_rows=40, **data)
    return IntermediateTask(f"team/{name}@1", rank, data=SourceData(told, RECIPE))


@pytest.fixture(name="sources")
def _sources(files):
    return [
        source("hotels", files["hotel_reviews_sentiment"]),
        source("news", files["news_desk"], 2),
    ]


class Heard(Unwatched):
    """Notes what was trained; interrupts after some fine-tunings on the target, if told."""

    def __init__(self, interrupt_after=None):
        self.steps, self.transfers, self._left = set(), [], interrupt_after

    def progress(self, step, done, total):
        self.steps.add(step)

    def finished(self, name, seed, performance, done, total):
        self.transfers.append((name, seed, done, total))
        if len(self.transfers) == self._left:
            raise KeyboardInterrupt


class TestResults:
    def test_all_are_compared_and_the_best_is_kept(
        self, target, embedder, sources, files, tmp_path
    ):
        none = IntermediateTask("team/none@1", 3, missing="Nobody said where it is.")
        gone = source("gone", tmp_path / "gone.csv", 4)
        report = run_transfers(
            target, embedder, [*sources, none, gone], tmp_path / "out", recipe=RECIPE,
            seeds=(1, 2), sequential=True,
        )  # fmt: skip
        names = [row.name for row in report.rows]
        assert names == [
            "no intermediate task", "team/hotels@1", "team/news@1", "team/none@1", "team/gone@1",
            "team/news@1 > team/hotels@1",
        ]  # fmt: skip
        assert report.metric_name == "accuracy"
        assert [row.name for row in report.failed] == ["team/none@1", "team/gone@1"]
        assert report.failed[0].reason == "Nobody said where it is."
        assert f"There is no file or folder {tmp_path / 'gone.csv'}" in report.failed[1].reason
        for row in (row for row in report.rows if row.is_tried):
            values = list(row.performances.values())
            assert set(row.performances) == {1, 2}
            assert row.mean == np.mean(values)
            assert row.spread == pytest.approx(np.std(values, ddof=1))
            assert row.mean <= report.best.mean
        assert report.rows[1].rank == 1
        assert report.rows[-1].rank is None
        assert report.rows[-1].source_seconds > report.rows[2].source_seconds > 0
        told = json.loads((tmp_path / "out" / "results.json").read_text())
        assert told["best"] == {
            "sources": list(report.best.names), "seed": report.best.best_seed,
        }  # fmt: skip
        assert told["prediction"]["labels"] == sorted(set(target.joined.labels.tolist()))
        kept = [path.name for path in (tmp_path / "out" / WORK / "models").iterdir()]
        assert kept == [f"{report.best.key}-{report.best.best_seed}"]

    def test_the_model_in_the_folder_performs_as_reported(self, target, embedder, tmp_path):
        from esm_client.lab.selection.source_model import SourceModel

        report = run_transfers(target, embedder, [], tmp_path / "out", recipe=RECIPE, seeds=(5,))
        model = SourceModel.load(tmp_path / "out", embedder)
        vectors = model.encoder.embed(target.evaluation.texts)
        classes = np.unique(target.joined.labels)
        predicted = classes[model.probabilities(vectors).argmax(1)]
        assert (predicted == target.evaluation.labels).mean() == report.best.mean

    def test_a_ready_model_is_taken_as_it_is(self, target, embedder, sources, tmp_path):
        first = run_transfers(target, embedder, sources[:1], tmp_path / "a", recipe=RECIPE)
        (folder,) = (tmp_path / "a" / WORK / "sources").iterdir()
        ready = ReadyModel("a folder", "sha256:1", lambda _, __: folder)
        broken = ReadyModel("a registry", "sha256:2", fails)
        given = [
            dataclasses.replace(sources[0], model=ready),
            IntermediateTask("team/broken@1", 2, model=broken),
        ]
        heard = Heard()
        second = run_transfers(
            target, embedder, given, tmp_path / "b", recipe=RECIPE, watch=heard
        )
        assert second.rows[1].performances == first.rows[1].performances
        assert second.rows[1].place == "a folder"
        assert "team/hotels@1: Fine-tuning" not in heard.steps
        assert second.rows[2].reason == "It is gone. Ask for it."

    def test_other_rows_than_the_esms_are_told(self, target, embedder, sources, tmp_path):
        data = dataclasses.replace(sources[0].data, rows_digest="sha256:" + "0" * 64)
        told = [dataclasses.replace(sources[0], data=data)]
        report = run_transfers(target, embedder, told, tmp_path / "out", recipe=RECIPE)
        assert report.rows[1].note == "Other rows than those of the ESM: team/hotels@1."


def fails(folder, watch):
    raise NotFound("It is gone.", "Ask for it.")


class TestResume:
    def test_what_is_finished_is_not_trained_again(self, target, embedder, sources, tmp_path):
        out = tmp_path / "out"
        first = Heard(interrupt_after=2)
        with pytest.raises(KeyboardInterrupt):
            run_transfers(target, embedder, sources, out, recipe=RECIPE, watch=first)
        assert first.transfers == [
            ("no intermediate task", 42, 1, 3), ("team/hotels@1", 42, 2, 3),
        ]  # fmt: skip
        second = Heard()
        report = run_transfers(target, embedder, sources, out, recipe=RECIPE, watch=second)
        assert second.transfers == [("team/news@1", 42, 3, 3)]
        assert not any("hotels" in step for step in second.steps)
        whole = run_transfers(target, embedder, sources, tmp_path / "whole", recipe=RECIPE)
        assert [row.performances for row in report.rows] == [
            row.performances for row in whole.rows
        ]
        third = Heard()
        again = run_transfers(target, embedder, sources, out, recipe=RECIPE, watch=third)
        assert (third.transfers, third.steps) == ([], set())
        assert again.rows == report.rows

    def test_a_source_is_fine_tuned_on_once(self, target, embedder, sources, tmp_path):
        """Interrupted between a source and the target: the source model is there already."""
        out, first = tmp_path / "out", Stops("team/hotels@1, seed 42: Fine-tuning")
        with pytest.raises(KeyboardInterrupt):
            run_transfers(target, embedder, sources[:1], out, recipe=RECIPE, watch=first)
        second = Heard()
        run_transfers(target, embedder, sources[:1], out, recipe=RECIPE, watch=second)
        assert second.steps == {"team/hotels@1, seed 42: Fine-tuning"}

    def test_more_seeds_may_make_another_the_best(self, target, embedder, sources, tmp_path):
        out = tmp_path / "out"
        run_transfers(target, embedder, sources, out, recipe=RECIPE, seeds=(1,))
        shutil.rmtree(out / WORK / "models")  # as if another one had been kept
        heard = Heard()
        report = run_transfers(
            target, embedder, sources, out, recipe=RECIPE, seeds=(1, 2), watch=heard
        )
        assert {seed for _, seed, _, _ in heard.transfers} == {2}
        kept = [path.name for path in (out / WORK / "models").iterdir()]
        assert kept == [f"{report.best.key}-{report.best.best_seed}"]

    def test_other_settings_and_other_folders_are_left_alone(self, target, embedder, tmp_path):
        out = tmp_path / "out"
        run_transfers(target, embedder, [], out, recipe=RECIPE)
        before = (out / "results.json").read_bytes()
        with pytest.raises(Conflict, match="holds results of other settings"):
            run_transfers(target, embedder, [], out, recipe=FineTuneRecipe(epochs=2))
        assert (out / "results.json").read_bytes() == before
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.txt").write_text("years of work")
        with pytest.raises(Conflict, match="mine exists already"):
            run_transfers(target, embedder, [], tmp_path / "mine", recipe=RECIPE)


class Stops(Unwatched):
    """Interrupts at the first word of a step."""

    def __init__(self, step):
        self._step = step

    def progress(self, step, done, total):
        if step == self._step:
            raise KeyboardInterrupt
