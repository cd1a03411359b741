"""`transfer`: from a ranking on a real server to a fine-tuned model, and back to the ledger."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.base_models import BOTH as BOTH_MODELS
from support.commands import COMMAND
from support.relay import Answer

from esm_client import Client, Embedder
from esm_client.core.artifact.manifest import digest_file

pytestmark = pytest.mark.xdist_group("published")

ROOT = Path(__file__).parents[2]
SOURCES = ("hotels", "news", "questions")


class TestFromARanking:
    @pytest.mark.parametrize("base_model", BOTH_MODELS, indirect=True)
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
        predictions(tmp_path / "out", published.base_model)
        # fine-tuned here on the rows of the ESM, or pulled: the very model that the ESM imitates
        weights = (tmp_path / "out" / ".transfer" / "sources").glob("*/model.safetensors")
        digests = [digest_file(path) for path in weights]
        assert digests.count(digest_file(published.model / "model.safetensors")) == 2

    @pytest.mark.process
    @pytest.mark.slow
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
        assert process.returncode == -signal.SIGKILL  # it had not ended by itself
        before = records.read_text().splitlines()
        best = done(*asked).strip()
        models = {path.name for path in (tmp_path / "out").iterdir()}
        done(*asked)  # all is there, and stays as it is
        assert {path.name for path in (tmp_path / "out").iterdir()} == models
        after = records.read_text().splitlines()
        assert after[: len(before)] == before
        assert len(before) < len(after)
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

    def test_the_table_is_printed_before_the_registry_is_told(
        self, esm, published, asked, registry, start_relay
    ):
        relay, printed = start_relay(registry.url), []

        def rule(one, forward):
            if "outcomes" in one.path:
                printed.append(sys.stdout.buffer.getvalue().decode())
                return Answer(403, b"no")
            return forward()

        relay.rule = rule
        own = ("--source-model", f"{published.name('hotels')}={published.model}")
        told = esm(
            *asked, *own, "--top", "3", "--ranking", published.ranking, "--output", "out",
            env={"ESM_REGISTRY_URL": relay.url},
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        assert "no intermediate task" in told.stdout
        assert printed[0] == told.stdout
        assert "warning: the registry could not be told of all results" in told.stderr

    @pytest.mark.process
    def test_ctrl_c(self, environment, published, asked, tmp_path):
        asked = (*asked, "--ranking", published.ranking, "--epochs", "5000", "--output", "out")
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


def predictions(folder: Path, base_model: Path) -> None:
    """The snippet of the README, on the model that was kept."""
    from esm_client.lab.selection.source_model import SourceModel

    readme = (ROOT / "README.md").read_text()
    (snippet,) = re.findall(r"```python\n(import json, torch\n.*?)```", readme, re.DOTALL)
    texts = ["The soup was lovely.", "What a rude waiter!", "We ate there"]
    names = {"texts": texts}
    exec(snippet.replace('"best-model"', repr(str(folder))), names)
    assert len(names["labels"]) == 3
    assert set(names["labels"]) <= set(names["told"]["labels"])
    model = SourceModel.load(folder, Embedder(base_model, device="cpu"))
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


def test_a_report_that_fails_is_a_warning(registry, published):
    from esm_client.core.warnings import EsmWarning
    from esm_client.lab.evaluation.transfer_report import TransferReport, TransferRow
    from esm_client.workflows.transfer_outcomes import report_outcomes

    rows = [TransferRow((), performances={1: 0.5}), TransferRow(("a/b@1",), performances={1: 0.7})]
    with Client(registry.url, registry.write_token) as client:
        with pytest.warns(EsmWarning, match="^the registry could not be told of all results: "):
            report_outcomes(client, published.ranking, TransferReport(rows, "F1 of spans"))
        names = {one.metric_name for one in client.outcomes.list(published.ranking)}
    assert "f1-of-spans" in names
