"""Which methods a list of names means."""

import pytest

from esm_client.core.errors import InvalidInput
from esm_client.lab.selection.choice import choose_methods

FREE = ["esm-logme", "text-embedding", "vocabulary", "esm-h-score", "esm-knn", "size"]
WITH_MODELS = ["logme", "nce", "leep", "frozen-transfer"]


def names(asked, kind="classification", models=False, source_rows=False):
    return [m.name for m in choose_methods(asked, kind, models=models, source_rows=source_rows)]


def test_all_is_what_the_inputs_allow():
    assert names(["all"]) == FREE
    assert sorted(names(["all"], models=True)) == sorted(FREE + WITH_MODELS)
    assert names(["all"], "regression") == [m for m in FREE if m != "esm-h-score"]
    assert names(["all"], "regression", models=True) == [
        "esm-logme", "logme", "text-embedding", "vocabulary", "frozen-transfer", "esm-knn", "size",
    ]  # fmt: skip
    for kind in ("question-answering", "sequence-labelling"):
        assert names(["all"], kind, models=True) == ["text-embedding", "vocabulary", "size"]


def test_names_stay_in_order_and_count_once():
    assert names(["size", "esm-logme", "size"]) == ["size", "esm-logme"]
    assert names(["random", "size", "all"])[:3] == ["random", "size", "esm-logme"]
    assert len(set(names(["size", "all"]))) == len(FREE)


@pytest.mark.parametrize(
    ("asked", "kind", "message"),
    [
        (["nothing"], "classification", "'nothing' is no selection method.*Choose from all, esm"),
        ([], "classification", "No method is named"),
        (["all", "esm-logme"], "question-answering", "esm-logme cannot rank sources for question"),
        (["nce"], "regression", "nce cannot rank sources for regression.*Use one of esm-logme"),
        (["task-embedding"], "classification", "the rows that they were fine-tuned on"),
    ],
)
def test_what_cannot_work_is_said(asked, kind, message):
    with pytest.raises(InvalidInput) as caught:
        names(asked, kind)
    assert caught.match(message)


def test_task_embedding_works_with_source_rows():
    assert names(["task-embedding"], source_rows=True) == ["task-embedding"]
    assert names(["task-embedding"], "sequence-labelling", source_rows=True) == ["task-embedding"]
