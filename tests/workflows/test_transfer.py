"""`esm_client.transfer`, as a notebook calls it."""

import json

import pytest

from esm_client import DataOptions, Embedder, FineTuneRecipe, TargetSketch, load_task, transfer
from esm_client.core.errors import InvalidInput, NotFound
from esm_client.lab.evaluation.finished import TRANSFERS

pytestmark = pytest.mark.xdist_group("built")  # one build serves them all

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
        embedder.embed(task.texts), task.labels, kind="classification"
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
