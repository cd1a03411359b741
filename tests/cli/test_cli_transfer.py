"""`transfer`: from a ranking on a real server to a fine-tuned model, and back to the ledger."""

import json
import re
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import numpy as np
import pytest
from cli.conftest import COMMAND
from docs.demo.base_model import base_model_path
from docs.demo.tasks.write import write_tasks

from esm_client import Client, Embedder, TargetSketch
from esm_client.core.artifact.manifest import digest_file
from esm_client.core.schemas import Source, SourceTask
from esm_client.lab.data.loading import load_task
from esm_client.lab.data.task import TextTask
from esm_client.lab.training.recipe import FineTuneRecipe
from esm_client.lab.training.train import train_esm

ROOT = Path(__file__).parents[2]
FAST = ("--epochs", "1", "--limit-rows", "40", "--evaluation-rows", "40", "--device", "cpu")
SOURCES = ("hotels", "news", "questions")
TARGET = "restaurant_reviews_sentiment"


class Published:
    """A space with three sources: one with data, one with its model too, one with neither."""

    def __init__(self, registry, folder: Path) -> None:
        import torch

        torch.set_num_threads(1)
        self.tasks = write_tasks(folder / "tasks")
        self.namespace = f"n-{uuid4().hex[:12]}"
        self.model = folder / "model"
        embedder = Embedder(base_model_path(), device="cpu")
        hotels = Source(location=str(self.tasks["hotel_reviews_sentiment"]))
        news = Source(location=str(self.tasks["news_desk"]))
        sources = {
            "hotels": ("hotel_reviews_sentiment", hotels),
            "news": ("news_desk", news),
            "questions": ("question_type", Source(location="https://example.org/q.csv")),
        }
        rows = load_task(self.tasks["hotel_reviews_sentiment"], limit_rows=40, seed=7)
        recipe = FineTuneRecipe(epochs=1, batch_size=8)
        first = train_esm(rows, embedder, recipe, seed=3, keep_model=self.model)
        with Client(registry.url, registry.write_token, cache_dir=folder / "cache") as client:
            for name, (task, source) in sources.items():
                # one map for all: what is ranked first does not matter here
                known = load_task(self.tasks[task], limit_rows=40, seed=7).source_task
                config = first.config.model_copy(update={"task": known})
                esm = replace(first, config=config, source=source)
                path = esm.write(folder / name)
                client.push(path, f"{self.namespace}/{name}", space=self.namespace, force=True)
            client.push_source_model(f"{self.namespace}/news", self.model)
            target = load_task(self.tasks[TARGET], limit_rows=60)
            sketch = TargetSketch.from_embeddings(
                embedder.embed(target.texts), target.labels, kind="classification"
            )
            ranking = client.rank(sketch, space=self.namespace, fingerprint=embedder.fingerprint)
        self.ranking = ranking.id
        self.ranks = {row.reference: row.rank for row in ranking}

    def name(self, source: str) -> str:
        return f"{self.namespace}/{source}@1"


@pytest.fixture(name="published", scope="module")
def _published(registry, tmp_path_factory) -> Published:
    return Published(registry, tmp_path_factory.mktemp("published"))


@pytest.fixture(name="asked")
def _asked(published) -> tuple[str, ...]:
    """The target, the base model and a quick recipe."""
    model = ("--base-model", str(base_model_path()))
    return "transfer", str(published.tasks[TARGET]), *model, *FAST


class TestFromARanking:
    def test_to_a_model_and_to_the_ledger(self, esm, published, asked, registry, tmp_path):
        told = esm(*asked, "--ranking", published.ranking, "--output", "out", "--sequential")
        assert told.returncode == 0, told.stderr
        header, *rows = told.stdout.splitlines()[:6]
        assert header.split() == ["source", "rank", "performance", "gain", "seconds", "model"]
        assert {row.split("  ")[0] for row in rows} == {
            "no intermediate task", "in sequence", *map(published.name, SOURCES),
        }  # fmt: skip
        assert rows[-1].startswith(published.name("questions"))
        assert rows[-1].endswith("not tried")
        hotels = next(row for row in rows if row.startswith(published.name("hotels") + " "))
        assert hotels.endswith("hotel_reviews_sentiment.csv (40 rows)")
        assert hotels.split()[1] == str(published.ranks[published.name("hotels")])
        news = next(row for row in rows if row.startswith(published.name("news") + " "))
        assert news.endswith("  registry")
        chain = sorted(("hotels", "news"), key=lambda one: -published.ranks[published.name(one)])
        names = " > ".join(map(published.name, chain))
        assert f"in sequence: {names}; the best ranked comes last." in told.stdout
        assert "accuracy on 20 held-out rows." in told.stdout
        assert (
            f"warning: {published.name('questions')} was not tried. The source model of "
            f"{published.name('questions')} is not stored, and its data lies at "
            "https://example.org/q.csv. Name its data with --source-data"
        ) in told.stderr
        assert "Other rows" not in told.stderr  # those of the ESM, by its columns and seed
        assert "Writing" not in told.stderr  # bars of libraries
        assert "1/4 no intermediate task, seed 42: " in told.stderr
        with Client(registry.url, registry.write_token) as client:
            outcomes = list(client.outcomes.list(published.ranking))
        references = {one.reference for one in outcomes}
        assert references == {None, published.name("hotels"), published.name("news")}
        assert {(one.metric_name, one.seed) for one in outcomes} == {("accuracy", 42)}
        results = json.loads((tmp_path / "out" / "results.json").read_text())
        by_source = {tuple(one["sources"]): one for one in results["results"]}
        for one in outcomes:
            key = () if one.reference is None else (one.reference,)
            assert by_source[key]["performance"] == one.metric
        predictions(tmp_path / "out")
        # fine-tuned here on the rows of the ESM, or pulled: the very model that the ESM imitates
        weights = (tmp_path / "out" / ".transfer" / "sources").glob("*/model.safetensors")
        digests = [digest_file(path) for path in weights]
        assert digests.count(digest_file(published.model / "model.safetensors")) == 2

    def test_a_killed_run_goes_on(self, done, environment, published, asked, tmp_path):
        asked = (*asked, "--ranking", published.ranking, "--top", "3", "--output", "out", "-q")
        asked = (
            *asked,
            "--no-report",
            "--limit-rows",
            "20",
            "--source-model",
            f"{published.name('hotels')}=hotels",
        )
        (tmp_path / "hotels").symlink_to(published.model)  # models are alike
        asked = (*asked, "--source-data", f"{published.name('questions')}=questions.csv")
        (tmp_path / "questions.csv").symlink_to(published.tasks["question_type"])
        records = tmp_path / "out" / ".transfer" / "records.jsonl"
        with subprocess.Popen(
            [*COMMAND, *asked], env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL
        ) as process:
            while process.poll() is None and not (records.exists() and records.read_text()):
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
        before = records.read_text().splitlines()
        best = done(*asked).strip()
        models = {path.name for path in (tmp_path / "out").iterdir()}
        done(*asked)  # all is there, and stays as it is
        assert {path.name for path in (tmp_path / "out").iterdir()} == models
        after = records.read_text().splitlines()
        assert after[: len(before)] == before
        trained = [json.loads(line) for line in after if '"transfer"' in line]
        assert len({one["key"] for one in trained}) == len(trained) == 4
        assert best in {"none", *published.ranks}

    def test_another_recipe_takes_the_place_of_the_one_before(
        self, esm, published, asked, registry
    ):
        with Client(registry.url, registry.write_token) as client:
            news = published.name("news")
            client.outcomes.report(published.ranking, news, 0.99, seed=7)
            client.outcomes.report(published.ranking, news, 0.99, metric_name="bleu")
            own = ("--source-model", f"{published.name('hotels')}={published.model}")
            told = esm(*asked, *own, "--top", "3", "--ranking", published.ranking, "--output", "o")
            assert told.returncode == 0, told.stderr
            kept = {
                (one.reference, one.metric_name, one.seed)
                for one in client.outcomes.list(published.ranking)
            }
        assert kept == {
            (news, "bleu", None), (news, "accuracy", 42), (None, "accuracy", 42),
            (published.name("hotels"), "accuracy", 42),
        }  # fmt: skip
        assert "Told the registry of 3 results of the ranking" in told.stderr

    def test_ctrl_c(self, environment, published, asked, tmp_path):
        asked = (*asked, "--ranking", published.ranking, "--epochs", "50", "--output", "out")
        with subprocess.Popen(
            [*COMMAND, *asked], env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True,
            # a test run in the background ignores SIGINT, and so would its children
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process:  # fmt: skip
            records = tmp_path / "out" / ".transfer" / "records.jsonl"
            while process.poll() is None and not records.exists():
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            errors = process.communicate()[1].splitlines()
        assert process.returncode == 130
        assert errors[-2:] == ["interrupted", "  The same command goes on where it was."]


class TestAnotherTarget:
    """A ranking of two classes is none of other data."""

    def test_another_kind(self, fails, published, asked, tmp_path):
        rows = "".join(f"text number {n},{n}.5\n" for n in range(60))
        (tmp_path / "numbers.csv").write_text(f"text,label\n{rows}")
        given = ("numbers.csv", *asked[2:], "--ranking", published.ranking, "--output", "out")
        message, hint = fails("transfer", *given)
        assert message == (
            f"The ranking {published.ranking} is of a classification target; numbers.csv is a "
            "regression data set."
        )
        assert hint.startswith("Rank numbers.csv itself")
        assert not (tmp_path / "out").exists()

    def test_another_number_of_classes(self, fails, published, asked, tmp_path):
        rows = "".join(f"text number {n},{'abcd'[n % 4]}\n" for n in range(60))
        (tmp_path / "four.csv").write_text(f"text,label\n{rows}")
        given = ("four.csv", *asked[2:], "--ranking", published.ranking, "--output", "out")
        message, _ = fails("transfer", *given)
        assert message == (
            f"The ranking {published.ranking} is of a target with 2 classes; the 60 rows of "
            "four.csv that are used here have 4."
        )

    def test_other_names_of_classes_are_a_warning(self, capsys):
        from esm_client.cli.transfer_target import check_ranked

        rows = [f"text {n}" for n in range(8)]
        task = TextTask(
            rows, np.array(["yes", "no"] * 4), "classification", SourceTask(data_set="d")
        )
        sketch = TargetSketch.from_embeddings(
            np.eye(8), np.array(["a", "b"] * 4), kind="classification"
        )
        receipt = SimpleNamespace(
            id="r", kind="classification", num_label_columns=2,
            label_map_digest=sketch.label_map_digest,
        )  # fmt: skip
        check_ranked(receipt, task)
        assert "have other names than those of the target" in capsys.readouterr().err


def predictions(folder: Path) -> None:
    """The snippet of the README, on the model that was kept."""
    from esm_client.lab.selection.source_model import SourceModel

    readme = (ROOT / "README.md").read_text()
    (snippet,) = re.findall(r"```python\n(import json, torch\n.*?)```", readme, re.DOTALL)
    texts = ["The soup was lovely.", "What a rude waiter!", "We ate there"]
    names = {"texts": texts}
    exec(snippet.replace('"best-model"', repr(str(folder))), names)
    assert len(names["labels"]) == 3
    assert set(names["labels"]) <= set(names["told"]["labels"])
    model = SourceModel.load(folder, Embedder(base_model_path(), device="cpu"))
    ours = model.probabilities(model.encoder.embed(texts))
    assert names["scores"].softmax(1).numpy() == pytest.approx(ours, abs=1e-5)


class TestNamedSources:
    def test_data_at_hand(self, done, published, asked, registry):
        reference = f"{published.namespace}/questions"
        data = f"{reference}={published.tasks['question_type']}"
        asked = (*asked, "--source", reference, "--source-data", data, "--output", "out")
        document = json.loads(done(*asked, "--seeds", "2", "--json"))
        results = {tuple(one["sources"]): one for one in document["results"]}
        found = results[(published.name("questions"),)]
        assert set(found["by_seed"]) == {"42", "43"}
        assert found["spread"] is not None
        assert found["rank"] is None
        assert found["note"] == ""
        assert document["metric_name"] == "accuracy"

    def test_nothing_can_be_tried(self, esm, published, asked, tmp_path):
        told = esm(*asked, "--source", f"{published.namespace}/questions", "--output", "out")
        assert told.returncode == 1
        assert told.stdout == ""
        error, hint = told.stderr.splitlines()[-2:]
        assert error.startswith(f"error: The source model of {published.name('questions')} is not")
        assert "--source-data" in hint
        assert not (tmp_path / "out").exists()


class TestRefused:
    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            ((), 2, "Give --ranking, or --source for each one to try."),
            (("--ranking", "R", "--source", "a/b"), 2, "not both: a ranking names its sources."),
            (("--ranking", "0" * 32), 1, "no ranking"),
            (("--source", "nobody/nothing"), 1, "nobody/nothing"),
            (("--ranking", "R", "--source-model", "a/b=x"), 1, "names a/b, which is none of"),
            (("--ranking", "R", "--source-data", "a/b"), 2, "write REFERENCE=PATH"),
            (("--ranking", "R", "--output", "taken"), 1, "taken exists already"),
        ],
    )
    def test_wrong_input(self, fails, published, asked, arguments, code, message, tmp_path):
        (tmp_path / "taken").mkdir()
        (tmp_path / "taken" / "thesis.txt").write_text("years of work")
        given = [published.ranking if one == "R" else one for one in arguments]
        output = () if "--output" in given else ("--output", "out")
        told, _ = fails(*asked, *given, *output, code=code)
        assert message in told
        assert not (tmp_path / "out").exists()


def test_copies_of_the_target_are_no_sources(fails, published):
    copy = published.tasks["hotel_reviews_sentiment"]
    model = ("--base-model", base_model_path(), "--output", "out")
    # with seed 7 the rows are those that all three ESMs say they hold
    rows = ("--limit-rows", 20, "--evaluation-rows", 20, "--seed", 7)
    message, hint = fails("transfer", copy, "--ranking", published.ranking, *model, *rows)
    assert message == f"The ranking {published.ranking} has no rows."
    assert "3 copies of the target were left out" in hint


def test_a_report_that_fails_is_a_warning(registry, published, capsys):
    from esm_client.cli.session import Options, Session
    from esm_client.cli.transfer_output import report_outcomes
    from esm_client.lab.evaluation.transfer_report import TransferReport, TransferRow

    rows = [TransferRow((), performances={1: 0.5}), TransferRow(("a/b@1",), performances={1: 0.7})]
    with Client(registry.url, registry.write_token) as client:
        report_outcomes(
            Session(Options()), client, published.ranking, TransferReport(rows, "F1 of spans")
        )
        names = {one.metric_name for one in client.outcomes.list(published.ranking)}
    assert "f1-of-spans" in names
    assert "warning: the registry could not be told of all results: " in capsys.readouterr().err
