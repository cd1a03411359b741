"""Targets of every kind, after a source of another kind."""

import json

import pytest
from docs.demo.tasks.write import write_tasks

from esm_client.lab.build.plan import DataSet
from esm_client.lab.evaluation.intermediate import IntermediateTask, SourceData
from esm_client.lab.evaluation.split_task import read_target
from esm_client.lab.evaluation.transfer_run import run_transfers
from esm_client.lab.training.recipe import FineTuneRecipe

RECIPE = FineTuneRecipe(epochs=1, learning_rate=2e-4, batch_size=16)
TOWNS = ["Lund", "Gera", "Kyoto", "Porto"]


def answers(folder):
    rows = []
    for number in range(60):
        town = TOWNS[number % 4]
        context = f"It rained{' a lot' * (number % 3)} on day {number}. Anna lives in {town}."
        answer = {"text": [town], "answer_start": [context.index(town)]}
        rows.append({"question": "Where is Anna?", "context": context, "answers": answer})
    path = folder / "towns.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def tags(folder):
    lines = []
    for number in range(60):
        lines += ["Anna B-PER", "moved O", "to O", f"{TOWNS[number % 4]} B-LOC", f"{number} O", ""]
    path = folder / "moves.conll"
    path.write_text("\n".join(lines))
    return path


def numbers(folder):
    lines = [
        f"{TOWNS[n % 4]} has room {n} for a stay of {n % 7} nights,{n % 7 + 0.5}" for n in range(60)
    ]
    path = folder / "nights.csv"
    path.write_text("\n".join(["text,label", *lines]))
    return path


@pytest.mark.parametrize(
    ("write", "kind", "metric", "told"),
    [
        (answers, "question-answering", "F1 of the answer's tokens", {}),
        (tags, "sequence-labelling", "F1 of spans", {"labels": ["B-LOC", "B-PER", "O"]}),
        (numbers, "regression", "mean of Pearson and Spearman correlation", {}),
    ],
)
def test_a_target_of_each_kind(write, kind, metric, told, embedder, tmp_path):
    target = read_target(DataSet(data=str(write(tmp_path)), name="target"), 40, 20)
    assert (target.training.kind, len(target.evaluation)) == (kind, 20)
    data = DataSet(
        data=str(write_tasks(tmp_path / "tasks")["news_desk"]), name="news", limit_rows=20
    )
    source = IntermediateTask("team/news@1", 1, data=SourceData(data, RECIPE))
    report = run_transfers(target, embedder, [source], tmp_path / "out", recipe=RECIPE)
    assert report.metric_name == metric
    assert all(-1 <= row.mean <= 1 for row in report.rows)
    prediction = json.loads((tmp_path / "out" / "results.json").read_text())["prediction"]
    for name, value in told.items():
        assert prediction[name] == value
    assert prediction["kind"] == kind
    assert (prediction["pooling"], prediction["max_length"]) == ("mean", 128)
    if kind == "regression":
        labels = target.training.labels
        assert (prediction["mean"], prediction["scale"]) == (labels.mean(), labels.std())
