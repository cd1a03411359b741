"""Which rows are used: drawn, left out, of which split."""

import pytest
from lab.test_loading import COLUMNS, ROWS, write

from esm_client.core.errors import InvalidDataset, InvalidLabels
from esm_client.lab.data.loading import load_task


@pytest.fixture(params=[".csv", ".tsv", ".jsonl", ".json", ".parquet"], name="suffix")
def _suffix(request):
    return request.param


def test_a_sample_is_seeded_and_keeps_its_order(tmp_path):
    rows = [{"text": f"text {n}", "label": n % 2} for n in range(200)]
    path = write(tmp_path / "a.jsonl", rows)
    first, again = (load_task(path, **COLUMNS, limit_rows=50) for _ in range(2))
    other = load_task(path, **COLUMNS, limit_rows=50, seed=1)
    numbers = [int(str(text).split()[1]) for text in first.texts]
    assert first.texts == again.texts != other.texts
    assert numbers == sorted(numbers)
    assert first.labels.tolist() == [number % 2 for number in numbers]
    assert (first.source_task.seed, first.source_task.num_rows) == (42, 50)
    assert load_task(path, **COLUMNS, limit_rows=200).source_task.seed is None


def test_empty_texts_are_dropped_counted_and_warned_of(tmp_path, suffix):
    rows = [*ROWS, {"text": " ", "other": "w", "label": "no"}]
    with pytest.warns(UserWarning, match=r"1 of 4 rows of a have an empty text"):
        task = load_task(write(tmp_path / f"a{suffix}", rows), **COLUMNS)
    assert (len(task), task.dropped_rows, task.source_task.num_rows) == (3, 1, 3)


@pytest.mark.parametrize("labels", [[0.5, None, 1.5, 2.5], ["a", "", "b", "c"], [0, -1, 1, 2]])
def test_rows_without_a_label_are_dropped_and_counted(tmp_path, suffix, labels):
    rows = [{"text": f"text {n}", "label": label} for n, label in enumerate(labels)]
    with pytest.warns(UserWarning, match="1 of 4 rows of a have no label"):
        task = load_task(write(tmp_path / f"a{suffix}", rows), **COLUMNS)
    assert task.texts == ["text 0", "text 2", "text 3"]
    assert task.dropped_rows == 1


def test_minus_one_may_be_a_class_and_another_label_none(tmp_path):
    rows = [{"text": f"text {n}", "label": n % 3 - 1} for n in range(9)]
    path = write(tmp_path / "a.csv", rows)
    kept = load_task(path, **COLUMNS)
    assert sorted(set(kept.labels.tolist())) == [-1, 0, 1]
    assert any("three classes" in note for note in kept.notes)
    with pytest.warns(UserWarning, match="3 of 9"):
        assert len(load_task(path, **COLUMNS, unlabelled=0)) == 6


def test_the_same_rows_give_the_same_sample_in_any_order_and_format(tmp_path):
    rows = [{"text": f"text {n}", "label": n % 2} for n in range(300)]
    one = load_task(write(tmp_path / "one.csv", rows), **COLUMNS, limit_rows=40)
    two = load_task(write(tmp_path / "two.parquet", rows[::-1]), **COLUMNS, limit_rows=40)
    assert set(one.texts) == set(two.texts)
    assert one.source_task.rows_digest == two.source_task.rows_digest
    relabelled = [row | {"label": 1 - row["label"]} for row in rows]
    three = load_task(write(tmp_path / "three.csv", relabelled), **COLUMNS, limit_rows=40)
    assert three.source_task.rows_digest != one.source_task.rows_digest


def test_a_column_of_splits_is_understood(tmp_path):
    rows = [
        {"text": f"text {n}", "label": n % 2, "split": ("train", "test")[n % 3 == 2]}
        for n in range(40)
    ]
    path = write(tmp_path / "a.csv", rows)
    task = load_task(path, **COLUMNS)
    assert (len(task), task.source_task.split, task.dropped_rows) == (27, "train", 0)
    assert len(load_task(path, **COLUMNS, split="test")) == 13
    with pytest.raises(InvalidDataset, match="no split 'dev'; it has: test, train"):
        load_task(path, **COLUMNS, split="dev")


def test_a_sample_of_one_class_is_refused(tmp_path):
    rows = [{"text": f"a{n}", "label": int(n == 0)} for n in range(100)]
    with pytest.raises(InvalidLabels, match="Every row has the label 0"):
        load_task(write(tmp_path / "a.csv", rows), **COLUMNS, limit_rows=5)


def test_a_label_per_row_says_there_is_nothing_to_learn(tmp_path):
    rows = [{"text": f"a{n}", "label": f"l{n}"} for n in range(5000)]
    path = write(tmp_path / "a.csv", rows)
    with pytest.raises(InvalidLabels, match="500 classes in 500 rows: most occur once"):
        load_task(path, **COLUMNS, kind="classification", limit_rows=500)


def test_a_file_that_alternates_between_classes_is_surveyed_well(tmp_path):
    rows = [{"words": f"some words of row {n}", "mark": n % 8} for n in range(9000)]
    task = load_task(write(tmp_path / "a.csv", rows), limit_rows=100)
    assert (task.source_task.text_columns, task.source_task.label_column) == (("words",), "mark")
    assert task.source_task.num_labels == 8
