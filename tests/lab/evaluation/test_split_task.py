"""Rows to train on and rows to measure on stay apart."""

import csv

import pytest

from esm_client.core.errors import Conflict, InvalidDataset, InvalidInput
from esm_client.lab.build.plan import BaseModelChoice, DataSet, Plan
from esm_client.lab.evaluation.plan import EvaluationPlan
from esm_client.lab.evaluation.records import RECORDS, SETTINGS, RecordFile, read_records
from esm_client.lab.evaluation.split_task import read_target


@pytest.fixture(name="file")
def _file(tmp_path):
    """200 rows of which every fourth repeats the text of another; two splits."""
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split"])
        for row in range(200):
            number = row - 1 if row % 4 == 3 else row
            writer.writerow([f"a text about {number}", row % 2, "test" if row > 140 else "train"])
        writer.writerows([["a text about 0", 0, "test"]] * 3)
    return path


def data_set(file, **more) -> DataSet:
    return DataSet(
        data=str(file), name="rows", text_columns=("text",), label_column="label", **more
    )


@pytest.mark.parametrize("evaluation", [None, "test"])
def test_no_text_is_both_trained_on_and_measured_on(file, evaluation) -> None:
    split = read_target(data_set(file, evaluation_split=evaluation), 100, 40)
    assert not set(split.training.texts) & set(split.evaluation.texts)
    assert len(split.training) == len(split.training.labels) >= 20
    joined = split.joined
    assert [joined.texts[row] for row in split.held_out.tolist()] == list(split.evaluation.texts)


def test_too_few_rows_are_told_with_how_many_it_takes(tmp_path) -> None:
    path = tmp_path / "small.csv"
    path.write_text("text,label\n" + "".join(f"text {n},{n % 2}\n" for n in range(39)))
    told = r"rows has 39 rows; it takes at least 40, 20 to train on and 20 to measure on\."
    with pytest.raises(InvalidDataset, match=told):
        read_target(data_set(path), 1000, 1000)
    with path.open("a") as rows:
        rows.write("text 39,1\n")
    split = read_target(data_set(path), 1000, 1000)
    assert (len(split.training), len(split.evaluation)) == (20, 20)


@pytest.mark.parametrize("split", ["train", None])
def test_the_split_that_is_trained_on_cannot_be_measured_on(file, split) -> None:
    with pytest.raises(InvalidDataset, match="'train', the split it is trained on"):
        read_target(data_set(file, split=split, evaluation_split="train"), 100, 40)


@pytest.fixture(name="plan")
def _plan(file, model_folder) -> EvaluationPlan:
    plan = Plan(data=(data_set(file),), base_models=(BaseModelChoice(model=str(model_folder)),))
    return EvaluationPlan.of(plan, plan)


def test_a_line_cut_short_is_cut_off_and_nothing_else(tmp_path, plan) -> None:
    records = RecordFile(tmp_path, plan)
    for number in range(3):
        records.add({"what": "pass", "number": number})
    records.close()
    path = tmp_path / RECORDS
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"what": "pa')
    assert len(read_records(tmp_path)) == 3
    assert path.read_bytes() != whole  # who reads changes nothing
    again = RecordFile(tmp_path, plan)
    again.add({"what": "pass", "number": 3})
    again.close()
    assert [one["number"] for one in read_records(tmp_path)] == [0, 1, 2, 3]
    assert path.read_bytes().startswith(whole)


def test_changed_data_is_another_plan(tmp_path, plan, file) -> None:
    RecordFile(tmp_path, plan).close()
    RecordFile(tmp_path, plan).close()
    with file.open("a") as rows:
        rows.write("one more text,1,train\n")
    with pytest.raises(Conflict, match="other settings"):
        RecordFile(tmp_path, plan)


def test_settings_that_cannot_be_read_are_a_conflict(tmp_path, plan) -> None:
    (tmp_path / SETTINGS).write_text("")
    with pytest.raises(Conflict, match="other settings"):
        RecordFile(tmp_path, plan)


def test_what_cannot_be_judged_is_refused_before_any_work(file, model_folder) -> None:
    model = (BaseModelChoice(model=str(model_folder)),)
    patient = Plan(data=(data_set(file, patience=2),), base_models=model)
    plain = Plan(data=(data_set(file),), base_models=model)
    EvaluationPlan.of(patient, plain)  # of a source it is no harm
    with pytest.raises(InvalidInput, match="patience"):
        EvaluationPlan.of(plain, patient)
    with pytest.raises(InvalidInput, match="target_rows is 5"):
        EvaluationPlan.of(plain, plain, target_rows=5)
    twice = Plan(data=plain.data * 2, base_models=model)
    with pytest.raises(InvalidInput, match="Two sources are called 'rows'"):
        EvaluationPlan.of(twice, plain)
    with pytest.raises(InvalidInput, match="0 base models"):
        EvaluationPlan.of(Plan(data=plain.data), Plan(data=plain.data))
