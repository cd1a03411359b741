"""`esm_client.transfer`, as a notebook calls it."""

import csv
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from workflows.conftest import SOURCES

from esm_client import (
    Client,
    DataOptions,
    Embedder,
    EsmArtifact,
    FineTuneRecipe,
    TargetSketch,
    load_task,
    transfer,
)
from esm_client.core.errors import InvalidInput, NotFound
from esm_client.core.shield.source import TENSORS
from esm_client.core.warnings import EsmWarning
from esm_client.lab.evaluation.finished import TRANSFERS
from esm_client.lab.evaluation.transfer_report import TransferReport, TransferRow
from esm_client.workflows.transfer_outcomes import report_outcomes

pytestmark = [
    pytest.mark.xdist_group("built"),  # one build serves them all
    pytest.mark.filterwarnings("ignore::esm_client.core.scoring.disclosure.DisclosureWarning"),
]

TARGET = "restaurant_reviews_sentiment"


@pytest.fixture(name="asked")
def _asked(built, tasks, tiny, client):
    """A quick transfer from both sources, whose data is at hand."""
    names = [f"{built.namespace}/{row.name}" for row in built.report.rows]
    return {
        "data": tasks[TARGET], "sources": names, "client": client, "base_model": str(tiny),
        "source_data": {name: tasks[name.partition("/")[2]] for name in names},
        "reading": DataOptions(limit_rows=40), "evaluation_rows": 20, "device": "cpu",
        "recipe": FineTuneRecipe(epochs=1, batch_size=16),
    }  # fmt: skip


def test_all_are_compared_and_the_best_is_kept(built, asked, tmp_path):
    heard, notes = type(built.heard)(), []
    asked |= {"output": tmp_path / "out", "seeds": (1, 2)}
    result = transfer(**asked, on_note=notes.append, **heard.asked)
    names = [f"{name}@1" for name in asked["sources"]]
    assert [row.name for row in result.rows] == ["no intermediate task", *names]
    assert [(one.seed, one.done, one.total) for one in heard.results] == [
        (1, 1, 6), (2, 2, 6), (1, 3, 6), (2, 4, 6), (1, 5, 6), (2, 6, 6),
    ]  # fmt: skip
    assert (TRANSFERS, 6, 6) in heard.steps
    assert notes[0] == "Target: classification, 40 rows to train on, 20 to measure on."
    told = json.loads((result.path / "results.json").read_text())
    assert told["best"]["sources"] == list(result.best.names)
    assert result.best.mean == max(row.mean for row in result.rows)
    assert (result.compared, result.failed, result.reported) == (True, [], None)
    assert f"The model of {result.best.name} is in {tmp_path / 'out'}." in repr(result)
    assert "<td" in result._repr_html_()

    again = type(built.heard)()
    assert transfer(**asked, **again.asked) == result
    assert (again.trained, again.results) == (set(), [])


def test_the_registry_is_told_of_a_rankings_sources(built, asked, tasks, tiny, client, tmp_path):
    task = load_task(tasks[TARGET], limit_rows=60)
    embedder = Embedder(tiny, device="cpu", name=f"org/{built.namespace}")
    sketch = TargetSketch.from_embeddings(
        embedder.embed(task.texts),
        task.labels,
        kind="classification",
        views=embedder.views,
    )
    ranking = client.rank(sketch, space=built.space, fingerprint=embedder.fingerprint)
    asked |= {"sources": (), "ranking": ranking.id, "top": 1, "progress": False}
    (name,) = (row.reference for row in ranking.top(1))
    data = asked["source_data"]
    asked["source_data"] = {name: data[name.partition("@")[0]]}
    silent = transfer(**asked, output=tmp_path / "silent", report=False)
    assert silent.reported is None
    assert list(client.outcomes.list(ranking.id)) == []
    result = transfer(**asked, output=tmp_path / "told")
    outcomes = {one.reference: one.metric for one in client.outcomes.list(ranking.id)}
    assert outcomes == {None: result.baseline.mean, name: result.rows[1].mean}
    assert result.reported == 2


def test_one_source_is_no_list_of_letters(asked, tmp_path):
    asked |= {"sources": "no-such/source", "source_data": None}
    with pytest.raises(NotFound, match="no-such/source"):
        transfer(**asked, output=tmp_path / "out")


@pytest.mark.parametrize(
    ("arguments", "message", "parameters"),
    [
        ({"sources": ()}, "either a ranking or sources", ("ranking", "sources")),
        ({"ranking": "0" * 32}, "either a ranking or sources", ("ranking", "sources")),
        ({"data": 5}, "^`data` of a transfer cannot be a int[.] Pass a path", ()),
        ({"source_models": {"a/b": "folder"}}, "names a/b, which is none", ("source_models",)),
    ],
)
def test_wrong_arguments_are_named(asked, tmp_path, arguments, message, parameters):
    with pytest.raises(InvalidInput, match=message) as caught:
        transfer(**{**asked, **arguments}, output=tmp_path / "out")
    assert caught.value.parameters == parameters
    assert not (tmp_path / "out").exists()


class TestCopies:
    """Of a ranking's sources, and of others, that hold the target or may hold it."""

    @pytest.fixture(name="mixed")
    def _mixed(self, tasks, tmp_path):
        """A file of which the hotels' source holds a fifth, and that fifth."""
        held = load_task(tasks["hotel_reviews_sentiment"], limit_rows=40)
        others = load_task(tasks[TARGET], limit_rows=160)
        path = tmp_path / "mixed.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("text", "label"))
            for task in (held, others):
                writer.writerows(zip(task.texts, task.labels, strict=True))
        return path, held

    @pytest.mark.parametrize("elsewhere", [False, True])
    def test_what_was_left_out_is_not_tried(
        self, built, asked, tasks, tiny, client, registry, tmp_path, monkeypatch, mixed, elsewhere
    ):
        """The rows that were ranked for are not all that is trained on."""
        path, held = mixed
        task = held if elsewhere else load_task(path, limit_rows=200)
        embedder = Embedder(tiny, device="cpu", name=f"org/{built.namespace}")
        sketch = TargetSketch.from_embeddings(
            embedder.embed(task.texts),
            task.labels,
            kind="classification",
            views=embedder.views,
        )
        ranking = client.rank(
            sketch, space=built.space, fingerprint=embedder.fingerprint, target_rows=held.rows
        )
        copy, news = (f"{built.namespace}/{name}@1" for name in SOURCES)
        assert [row.reference for row in ranking.left_out] == [copy]
        asked |= {
            "data": path, "sources": (), "ranking": ranking.id, "progress": False,
            "source_data": {news: tasks["news_desk"]}, "output": tmp_path / "out",
        }  # fmt: skip
        if elsewhere:  # nothing is known there, and the rows at hand tell it anew
            monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "elsewhere"))
            asked["data"] = tmp_path / "held.csv"
            asked["data"].write_text("".join(path.read_text().splitlines(keepends=True)[:41]))
        notes = []
        with Client(registry.url, registry.write_token, cache_dir=tmp_path / "c") as user:
            result = transfer(**{**asked, "client": user}, on_note=notes.append)
            outcomes = list(user.outcomes.list(ranking.id))
        told = {one.reference: (one.rank, one.shielded) for one in outcomes}
        assert [row.name for row in result.rows] == ["no intermediate task", news]
        assert result.rows[1].rank == 1
        assert f"Left out, a copy of your rows: {copy}" in notes
        assert told == {None: (None, False), news: (1, True)}

    def test_that_nobody_can_tell_is_said_before_any_training(
        self, built, asked, tasks, client, unique, tmp_path
    ):
        pulled = EsmArtifact.read(client.pull(f"{built.namespace}/news_desk", tmp_path / "pulled"))
        told = {name: part for name, part in pulled.summary.items() if name not in TENSORS}
        bare = replace(pulled, summary=told).write(tmp_path / "bare")
        name = client.push(bare, f"{unique}/bare", space=unique, force=True).reference
        heard = type(built.heard)()
        asked |= {"sources": name, "source_data": {name: tasks["news_desk"]}}
        with pytest.raises(EsmWarning, match=f"whether {name} is a copy of your data is not known"):
            transfer(**asked, output=tmp_path / "out", **heard.asked)
        assert (heard.trained, heard.results) == (set(), [])
        assert not (tmp_path / "out").exists()


def test_a_rank_is_reported_only_where_nothing_unknown_stands_above_it():
    told = []
    outcomes = SimpleNamespace(
        withdraw=lambda *_: None,
        report=lambda _ranking, reference, _value, **more: told.append((reference, more["rank"])),
    )
    names = [(), ("a/b@1",), ("a/c@1",), ("a/b@1", "a/c@1")]
    rows = [TransferRow(one, rank=len(one) or None, performances={1: 0.5}) for one in names]
    report = TransferReport(rows, "accuracy")
    client = SimpleNamespace(outcomes=outcomes)
    assert report_outcomes(client, "r1", report, sure={"a/b@1"}) == 3
    assert told == [(None, None), ("a/b@1", 1), ("a/c@1", None)]
