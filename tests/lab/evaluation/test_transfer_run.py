"""Source tasks first, the target afterwards: real fine-tunings of a tiny base model."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from docs.demo.tasks.write import write_tasks

from esm_client.core.errors import Conflict, InvalidDataset, NotFound
from esm_client.lab.build.plan import DataSet
from esm_client.lab.evaluation.finished import TRANSFERS
from esm_client.lab.evaluation.intermediate import IntermediateTask, ReadyModel, SourceData
from esm_client.lab.evaluation.split_task import read_target
from esm_client.lab.evaluation.transfer_run import WORK, run_transfers
from esm_client.lab.selection.source_model import SourceModel
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
    return sources_of(files)


def sources_of(files):
    return [
        source("hotels", files["hotel_reviews_sentiment"]),
        source("news", files["news_desk"], 2),
    ]


@pytest.fixture(name="whole", scope="module")
def _whole(target, embedder, files, tmp_path_factory):
    """Both sources, and a chain, with one seed: the report and its folder, for reading only."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    given = sources_of(files)
    report = run_transfers(
        target, embedder, given, folder, recipe=RECIPE, sequential=True, **Heard().asked
    )
    return report, folder


@pytest.fixture(name="copied")
def _copied(whole, tmp_path):
    """A copy of that folder, which a test may go on from; large files are linked."""
    shutil.copytree(whole[1], tmp_path / "copied", copy_function=link_weights)
    return tmp_path / "copied"


def link_weights(old, new):
    if Path(old).name == "model.safetensors":
        Path(new).hardlink_to(old)
    else:
        shutil.copyfile(old, new)


class Heard:
    """Notes what was trained; interrupts after some fine-tunings on the target, if told."""

    def __init__(self, interrupt_after=None):
        self.steps, self.transfers, self._left = set(), [], interrupt_after
        self.asked = {"progress": self.progress, "on_result": self.finished}

    def progress(self, step, done, total):
        if step != TRANSFERS:
            self.steps.add(step)

    def finished(self, one):
        self.transfers.append((one.name, one.seed, one.done, one.total))
        if len(self.transfers) == self._left:
            raise KeyboardInterrupt


def stops(wanted):
    """A progress that interrupts at the first word of a step."""

    def progress(step, done, total):
        if step == wanted:
            raise KeyboardInterrupt

    return progress


class TestResults:
    def test_all_are_compared(self, whole):
        report, _ = whole
        assert [row.name for row in report.rows] == [
            "no intermediate task", "team/hotels@1", "team/news@1", "team/news@1 > team/hotels@1",
        ]  # fmt: skip
        assert report.metric_name == "accuracy"
        assert [row.rank for row in report.rows] == [None, 1, 2, None]
        assert report.failed == []
        news, chain = report.rows[2:]
        assert chain.source_seconds > news.source_seconds > 0
        assert news.place.startswith("fine-tuned on ")
        assert news.place.endswith("news_desk.csv (40 rows)")
        for row in report.rows:
            assert row.mean == row.performances[42] <= report.best.mean
            assert row.spread is None

    def test_the_model_in_the_folder_performs_as_reported(self, whole, target, embedder):
        report, folder = whole
        model = SourceModel.load(folder, embedder)
        vectors = model.encoder.embed(target.evaluation.texts)
        told = json.loads((folder / "results.json").read_text())
        assert told["best"] == {
            "sources": list(report.best.names), "seed": report.best.best_seed,
        }  # fmt: skip
        classes = np.array(told["prediction"]["labels"])
        predicted = classes[model.probabilities(vectors).argmax(1)]
        assert (predicted == target.evaluation.labels).mean() == report.best.mean

    def test_who_may_read_one_file_may_read_all(self, whole):
        _, folder = whole
        assert len({path.stat().st_mode for path in folder.iterdir() if path.is_file()}) == 1

    def test_only_the_best_model_is_kept(self, whole):
        report, folder = whole
        kept = [path.name for path in (folder / WORK / "models").iterdir()]
        assert kept == [f"{report.best.key}-42"]

    def test_what_cannot_be_got_stops_no_other(self, target, embedder, sources, copied, tmp_path):
        none = IntermediateTask("team/none@1", 3, missing="Nobody said where.", remedy="Ask.")
        gone = source("gone", tmp_path / "gone.csv", 4)
        broken = ReadyModel("a registry", "sha256:2", fails)
        stored = IntermediateTask("team/stored@1", 5, model=broken)
        given = [*sources, none, gone, stored]
        report = run_transfers(target, embedder, given, copied, recipe=RECIPE)
        reasons = [row.reason for row in report.failed]
        assert reasons[0] == "Nobody said where. Ask."
        assert f"There is no file or folder {tmp_path / 'gone.csv'}" in reasons[1]
        assert reasons[2] == "It is gone. Ask for it."
        assert sum(row.is_tried for row in report.rows) == 3
        assert report.cells(report.failed[0])[-1] == "not tried"
        assert report.document()["results"][-1] == {
            "sources": ["team/stored@1"], "rank": 5, "reason": reasons[2],
        }  # fmt: skip

    def test_what_can_only_disappoint_is_told_before_any_work(
        self, target, embedder, sources, tmp_path
    ):
        def refused(given):
            heard = Heard()
            with pytest.raises(InvalidDataset) as caught:
                run_transfers(target, embedder, given, tmp_path / "out", **heard.asked)
            assert (heard.steps, (tmp_path / "out").exists()) == (set(), False)
            return str(caught.value)

        missing = {"missing": "Nobody said where.", "remedy": "Ask."}
        none = [IntermediateTask(f"team/{name}@1", 1, **missing) for name in "ab"]
        assert refused(none[:1]) == "Nobody said where. Ask."
        assert refused(none) == ("None of the 2 source tasks can be tried. Nobody said where. Ask.")
        named = dataclasses.replace(source("gone", tmp_path / "gone.csv"), is_named=True)
        assert refused([*sources, named]) == (
            "The data of team/gone@1 cannot be used: There is no file or folder "
            f"{tmp_path / 'gone.csv'}. Check the path."
        )

    def test_a_chain_is_of_those_with_data(self, target, embedder, sources, copied):
        none = IntermediateTask("team/none@1", 2, missing="Nobody said where.")
        given = [sources[0], none, sources[1]]
        report = run_transfers(target, embedder, given, copied, recipe=RECIPE, sequential=True)
        assert report.rows[-1].name == "team/news@1 > team/hotels@1"
        given = [sources[0], none]
        short = run_transfers(target, embedder, given, copied, recipe=RECIPE, sequential=True)
        assert short.rows[-1].name == "team/none@1 > team/hotels@1"
        assert short.rows[-1].reason.startswith("Fewer than two of them can be fine-tuned on")

    def test_a_ready_model_is_taken_as_it_is(self, whole, target, embedder, sources, copied):
        report, folder = whole
        model = folder / WORK / "sources" / report.rows[1].key
        ready = ReadyModel("a folder", "sha256:1", lambda _, __: model)
        heard = Heard()
        given = [dataclasses.replace(sources[0], model=ready)]
        again = run_transfers(target, embedder, given, copied, recipe=RECIPE, **heard.asked)
        assert again.rows[1].performances == report.rows[1].performances
        assert again.rows[1].place == "a folder"
        assert heard.steps == {"team/hotels@1, seed 42: Fine-tuning"}

    def test_other_rows_than_the_esms_are_told(self, target, embedder, sources, copied):
        data = dataclasses.replace(sources[0].data, rows_digest="sha256:" + "0" * 64)
        given = [dataclasses.replace(sources[0], data=data)]
        report = run_transfers(target, embedder, given, copied, recipe=RECIPE)
        assert report.rows[1].note == "Other rows than those of the ESM: team/hotels@1."


def fails(folder, watch):
    raise NotFound("It is gone.", "Ask for it.")


class TestResume:
    def test_what_is_finished_is_not_trained_again(
        self, whole, target, embedder, sources, tmp_path
    ):
        """Interrupted after the first source, then between the second and the target."""
        out, asked = tmp_path / "out", {"recipe": RECIPE}
        first = Heard(interrupt_after=2)
        with pytest.raises(KeyboardInterrupt):
            run_transfers(target, embedder, sources, out, **first.asked, **asked)
        assert first.transfers == [
            ("no intermediate task", 42, 1, 3), ("team/hotels@1", 42, 2, 3),
        ]  # fmt: skip
        stop = stops("team/news@1, seed 42: Fine-tuning")
        with pytest.raises(KeyboardInterrupt):
            run_transfers(target, embedder, sources, out, progress=stop, **asked)
        second = Heard()
        report = run_transfers(target, embedder, sources, out, **second.asked, **asked)
        assert second.transfers == [("team/news@1", 42, 3, 3)]
        assert second.steps == {"team/news@1, seed 42: Fine-tuning"}
        results = [row.performances for row in report.rows]
        assert results == [row.performances for row in whole[0].rows[:3]]

    def test_a_finished_run_trains_nothing(self, whole, target, embedder, sources, copied):
        heard = Heard()
        asked = {"recipe": RECIPE, "sequential": True, **heard.asked}
        again = run_transfers(target, embedder, sources, copied, **asked)
        assert (heard.transfers, heard.steps) == ([], set())
        assert again == whole[0]
        names = {path.name for path in copied.iterdir()}
        run_transfers(target, embedder, sources, copied, **asked)
        assert {path.name for path in copied.iterdir()} == names  # nothing half-written

    def test_more_seeds_go_on(self, target, embedder, sources, copied):
        shutil.rmtree(copied / WORK / "models")  # as if another one had been the best
        heard = Heard()
        report = run_transfers(
            target, embedder, sources[:1], copied, recipe=RECIPE, seeds=(42, 43), **heard.asked
        )
        assert {seed for _, seed, _, _ in heard.transfers} == {43}
        kept = [path.name for path in (copied / WORK / "models").iterdir()]
        assert kept == [f"{report.best.key}-{report.best.best_seed}"]
        for row in report.rows:
            values = list(row.performances.values())
            assert row.mean == np.mean(values)
            assert row.spread == pytest.approx(np.std(values, ddof=1))

    def test_other_settings_and_other_folders_are_left_alone(
        self, target, embedder, copied, tmp_path
    ):
        before = (copied / "results.json").read_bytes()
        with pytest.raises(Conflict, match="holds results of other settings"):
            run_transfers(target, embedder, [], copied, recipe=FineTuneRecipe(epochs=2))
        assert (copied / "results.json").read_bytes() == before
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.txt").write_text("years of work")
        with pytest.raises(Conflict, match="mine exists already"):
            run_transfers(target, embedder, [], tmp_path / "mine", recipe=RECIPE)
