"""`train` and `rank` on data files, with the real base model: the way from texts to a ranking."""

import csv
import json
import shutil
from pathlib import Path
from uuid import uuid4

import pytest
from cli.conftest import user_environment
from docs.demo.tasks.write import write_tasks
from support.commands import failed, run_here

from esm_client.core.artifact.directory import EsmArtifact

pytestmark = pytest.mark.xdist_group("trained")

COLUMNS = ("--text-column", "text", "--label-column", "label")


@pytest.fixture(name="tasks", scope="module")
def _tasks(tmp_path_factory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("tasks")
    short = {}
    for name, path in write_tasks(directory).items():
        short[name] = directory / f"{name}-short.csv"
        short[name].write_text("".join(path.read_text().splitlines(keepends=True)[:61]))
    return short


@pytest.fixture(name="model")
def _model(base_model, tmp_path) -> Path:
    """A copy of the base model that a test may change."""
    return Path(shutil.copytree(base_model, tmp_path / "all-minilm"))


@pytest.fixture(name="trained", scope="module")
def _trained(registry, base_model, tasks, tmp_path_factory) -> str:
    """A space that holds one ESM, trained and pushed from the command line."""
    folder, space = tmp_path_factory.mktemp("trained"), f"n-{uuid4().hex[:12]}"
    env = user_environment(registry, folder)
    source = tasks["hotel_reviews_sentiment"]
    model = ("--base-model", base_model, "--base-model-name", "org/all-minilm")
    training = ("train", source, *COLUMNS, *model, "--output", "esm", "--epochs", "1")
    for command in (training, ("push", "esm", f"{space}/hotels", "--space", space)):
        result = run_here(command, env=env, cwd=folder)
        assert result.returncode == 0, result.stderr
    return space


@pytest.mark.parametrize("base_model", ["tiny", "minilm"], indirect=True)
class TestTrainAndRank:
    def test_from_texts_to_a_ranking(self, done, tasks, trained, base_model):
        target = tasks["restaurant_reviews_sentiment"]
        question = (target, *COLUMNS, "--space", trained, "--base-model", base_model)
        receipt = json.loads(done("rank", *question, "--json"))
        assert [row["reference"] for row in receipt["rows"]] == [f"{trained}/hotels@1"]
        assert receipt["space_verified"] is True
        assert receipt["num_rows"] == 60
        assert receipt["rows"][0]["task"]["num_labels"] == 2
        shown = json.loads(done("show", f"{trained}/hotels", "--json"))
        assert shown["fit"]["held_out_mse"] < shown["fit"]["identity_mse"]

    def test_wrong_space_is_named_by_the_canaries(self, fails, tasks, trained, model):
        configuration = json.loads((model / "config.json").read_text())
        configuration["num_hidden_layers"] //= 2
        (model / "config.json").write_text(json.dumps(configuration))
        target = tasks["restaurant_reviews_sentiment"]
        question = (target, *COLUMNS, "--space", trained, "--base-model", model)
        message, hint = fails("rank", *question)
        assert message.startswith(
            f"These embeddings are not of the space '{trained}': canary sentence 0"
        )
        assert "org/all-minilm" in hint


class TestShield:
    def test_rows_of_the_target_in_a_source(self, done, base_model, tasks, trained, tmp_path):
        """Targets of which the source holds all, all in capitals, half, 5 percent, nothing."""
        own = _rows(tasks["hotel_reviews_sentiment"])
        other = _rows(tasks["restaurant_reviews_sentiment"])
        shouted = [(f"  {text.upper()}   !", label) for text, label in own]
        targets = {
            "whole": (own, 1),
            "shouted": (shouted, 1),
            "half": (own[:30] + other[:30], 0.5),
            "some": (own[:3] + other[:57], 0.05),
            "none": (other, 0),
        }
        reference = f"{trained}/hotels@1"
        question = (*COLUMNS, "--space", trained, "--base-model", base_model)
        for name, (rows, share) in targets.items():
            with (tmp_path / f"{name}.csv").open("w", newline="") as file:
                csv.writer(file).writerows([("text", "label"), *rows])
            document = json.loads(done("rank", f"{name}.csv", *question, "--json"))
            shield = document["shield"]
            assert (shield["compared"], shield["unknown"]) == (1, 0), name
            found = shield["overlaps"].get(reference, {"share": 0})
            assert found["share"] == pytest.approx(share, abs=0.001), name
            copies = [reference] if share >= 0.5 else []
            assert shield["left_out"] == copies, name
            left = [row["reference"] for row in document["rows"]]
            assert left == ([] if copies else [reference]), name
        assert f"Left out: {reference} holds 50 % of your rows." in done(
            "rank", "half.csv", *question
        )
        said = done("rank", "half.csv", *question, "--keep-copies")
        assert "Left out:" not in said
        assert "50 %" in said

    def test_a_copy_is_left_out_of_the_ranking_that_is_looked_up_again(
        self, done, base_model, tasks, trained
    ):
        own, reference = tasks["hotel_reviews_sentiment"], f"{trained}/hotels@1"
        question = (own, *COLUMNS, "--space", trained, "--base-model", base_model)
        first = done("rank", *question)
        again = done("ranking", first.split()[1].rstrip(":"))
        assert again == first
        assert f"Left out: {reference} holds 100 % of your rows." in again
        assert again.count(reference) == 1

    def test_embeddings_cannot_be_compared_and_it_is_said(
        self, done, esm_directory, namespace, arrays
    ):
        rows = [(f"A source text, number {i}",) for i in range(50)]
        done("push", esm_directory(rows=rows), f"{namespace}/esm", "--space", namespace)
        files = ("--embeddings", arrays[0], "--labels", arrays[1])
        assert "copies of it would not be noticed" in done("rank", *files, "--space", namespace)

    def test_an_esm_without_the_sketch(self, done, base_model, tasks, tmp_path):
        model = ("--base-model", base_model, "--output", "esm", "--epochs", "1")
        done("train", tasks["hotel_reviews_sentiment"], *COLUMNS, *model, "--no-shield")
        assert EsmArtifact.read(tmp_path / "esm").source_sketches is None


def _rows(path: Path) -> list[tuple[str, str]]:
    with path.open(newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


class TestRefusedData:
    @pytest.mark.parametrize(
        ("text", "columns", "message"),
        [
            ("text,label\na,1\n", ("text", "labl"), "has no column 'labl'"),
            ("text,label\na,1\n", ("texts", "label"), "has no column 'texts'"),
            ("", ("text", "label"), "data.csv is empty"),
            ("text,label\n", ("text", "label"), "no rows"),
            ("text,label\na,1\nb,1\nc,1\n", ("text", "label"), "Every row has the label 1"),
            ("text,label\na,\nb,\nc,\n", ("text", "label"), "All labels in column 'label'"),
            (
                "text,label\na,0.5\nb,nan\nc,0.7\n",
                ("text", "label"),
                "row 1 of column 'label' is 'nan'",
            ),
        ],
        ids=["label column", "text column", "empty", "no rows", "one class", "missing", "NaN"],
    )
    @pytest.mark.parametrize("command", ["rank", "train"])
    def test_one_sentence_and_a_hint(
        self, fails, base_model, trained_space, tmp_path, command, text, columns, message
    ):
        (tmp_path / "data.csv").write_text(text)
        more = {
            "rank": ("--space", trained_space),
            "train": ("--output", "out"),
        }[command]
        said, _ = fails(
            command, "data.csv", "--text-column", columns[0], "--label-column", columns[1],
            "--base-model", base_model, *more,
        )  # fmt: skip
        assert message in said
        assert not (tmp_path / "out").exists()

    def test_a_model_that_wants_to_run_code(self, fails, tasks, model, tmp_path):
        configuration = json.loads((model / "config.json").read_text())
        configuration["auto_map"] = {"AutoModel": "modeling.Surprise"}
        (model / "config.json").write_text(json.dumps(configuration))
        (model / "modeling.py").write_text("raise SystemExit('executed')")
        source = tasks["news_desk"]
        message, hint = fails("train", source, *COLUMNS, "--base-model", model, "--output", "out")
        assert "asks to run Python code that comes with the model (auto_map)" in message
        assert "without remote code" in hint
        assert not (tmp_path / "out").exists()

    def test_a_model_in_pickle(self, fails, tasks, model, tmp_path):
        (model / "model.safetensors").rename(model / "pytorch_model.bin")
        source = tasks["news_desk"]
        message, _ = fails("train", source, *COLUMNS, "--base-model", model, "--output", "out")
        assert "'pytorch_model.bin' only, a format that may run code" in message


@pytest.fixture(name="trained_space")
def _trained_space(done, esm_directory, namespace) -> str:
    """A space that exists; bad data is refused before its base model matters."""
    done("push", esm_directory(), f"{namespace}/esm", "--space", namespace)
    return namespace


class TestNoModel:
    def test_a_hub_id_that_is_not_in_the_cache(self, fails, tasks):
        source = tasks["news_desk"]
        model = ("--base-model", "typo/minilm", "--output", "out")
        message, hint = fails("train", source, *COLUMNS, *model)
        assert message.startswith("There is no folder 'typo/minilm', and the cache ")
        assert "HF_HUB_OFFLINE is set" in message
        assert hint.startswith("Name the folder of a base model")

    @pytest.mark.process  # the hub's library reads the variable when it is imported
    def test_offline_asks_no_hub(self, esm_process, tasks):
        source = tasks["news_desk"]
        model = ("--base-model", "typo/minilm", "--output", "out")
        asked = ("--offline", "train", source, *COLUMNS, *model)
        message, _ = failed(esm_process(*asked, env={"HF_HUB_OFFLINE": ""}))
        assert "the hub was not asked" in message
