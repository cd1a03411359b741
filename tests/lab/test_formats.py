import gzip
import json

import numpy as np
import pandas as pd
import pytest

from esm_client.core.errors import InvalidDataset, InvalidLabels
from esm_client.lab.data.loading import load_task
from esm_client.lab.data.opening import open_table

datasets = pytest.importorskip("datasets")

ROWS = [{"text": f"a text of number {n}", "label": ("no", "yes")[n % 2]} for n in range(30)]
COLUMNS = {"text_columns": ["text"], "label_column": "label"}


def test_packed_files_are_read(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, ROWS)).encode()))
    task = load_task(path, **COLUMNS)
    assert (len(task), task.source_task.data_set) == (30, "a")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InvalidDataset, match=r"a.jsonl.gz cannot be unpacked"):
        load_task(path, **COLUMNS)


def test_a_json_array_is_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(ROWS, indent=1))
    assert len(load_task(path, **COLUMNS)) == 30
    path.write_text(json.dumps({"rows": ROWS}, indent=1))
    with pytest.raises(InvalidDataset, match="holds one JSON dict, not rows"):
        load_task(path, **COLUMNS)


@pytest.mark.parametrize("delimiter", [";", "|", "\t"])
def test_the_delimiter_is_found_or_named(tmp_path, delimiter):
    path = tmp_path / "a.csv"
    pd.DataFrame(ROWS).assign(text=lambda f: f.text + ", really").to_csv(
        path, sep=delimiter, index=False
    )
    assert len(load_task(path, **COLUMNS)) == 30
    with pytest.raises(InvalidDataset, match=r"one column only.*split at '#'.*delimited by"):
        load_task(path, **COLUMNS, delimiter="#")
    with pytest.raises(InvalidDataset, match="delimiter is ''"):
        load_task(path, **COLUMNS, delimiter="")


def test_objects_at_hand_are_read():
    frame = pd.DataFrame([*ROWS, {"text": None, "label": "no"}])
    with pytest.warns(UserWarning, match="1 of 31 rows of frame have an empty text"):
        assert len(load_task(frame, **COLUMNS)) == 30
    data = datasets.Dataset.from_list(ROWS)
    assert len(load_task(data, **COLUMNS)) == 30
    assert len(load_task(data.to_iterable_dataset(), **COLUMNS, limit_rows=7)) == 7
    splits = datasets.DatasetDict({"small": data.select(range(4)), "large": data})
    assert load_task(splits, **COLUMNS).source_task.split == "large"
    with pytest.raises(InvalidDataset, match="A list is no data set"):
        load_task([1, 2], **COLUMNS)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_hub_id_goes_through_datasets(tmp_path, monkeypatch, streaming):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(InvalidDataset, match="datasets cannot load a data set of that name"):
        load_task("nobody/nothing", **COLUMNS, streaming=streaming)


def test_a_local_folder_loads_as_datasets_loads_it(tmp_path, monkeypatch):
    """The hub's own path, on files: load_dataset with a builder's name and data files."""
    from esm_client.lab.data.formats import arrow

    pd.DataFrame(ROWS).to_csv(tmp_path / "train.csv", index=False)
    real = datasets.load_dataset
    monkeypatch.setattr(
        datasets,
        "load_dataset",
        lambda name, subset, **options: real(
            "csv", data_files=str(tmp_path / "train.csv"), cache_dir=str(tmp_path / "cache"),
            streaming=options["streaming"],
        ),
    )  # fmt: skip
    for streaming in (False, True):
        table = arrow.open_hub("org/name", None, None, None, streaming=streaming)
        assert (table.columns, table.split) == (("text", "label"), "train")
        assert sum(len(block["text"]) for block in table.blocks(["text"])) == 30
        assert table.streamed == streaming


SQUAD = {
    "version": "1",
    "data": [
        {
            "title": "Birds",
            "paragraphs": [
                {
                    "context": "The heron waits in the reeds. It eats small fish.",
                    "qas": [
                        {"id": "1", "question": "Where does the heron wait?",
                         "answers": [{"text": "in the reeds", "answer_start": 16}]},
                        {"id": "2", "question": "Who is the owl?", "answers": []},
                    ],
                }
            ],
        }
    ],
}  # fmt: skip


def test_squad_files_are_question_answering(tmp_path):
    path = tmp_path / "birds.json"
    path.write_text(json.dumps(SQUAD))
    task = load_task(path)
    assert task.kind == task.source_task.kind == "question-answering"
    assert task.source_task.text_columns == ("question", "context")
    assert task.labels.tolist() == [[16, 28], [-1, -1]]
    question, context = task.texts[0]
    assert (question, context[16:28]) == ("Where does the heron wait?", "in the reeds")


def test_squad_rows_of_datasets_are_too(tmp_path):
    row = {"id": "1", "title": "Birds", "question": "Where?", "context": "It waits here.",
           "answers": {"text": ["here"], "answer_start": [9]}}  # fmt: skip
    (tmp_path / "a.jsonl").write_text("\n".join([json.dumps(row)] * 2))
    assert load_task(tmp_path / "a.jsonl").labels.tolist() == [[9, 13]] * 2
    named = {"text_columns": ["question", "context"], "label_column": "answers"}
    assert load_task(tmp_path / "a.jsonl", **named).kind == "question-answering"


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"text": ["owl"], "answer_start": [3]}, "'owl' of row 0 does not stand at 3"),
        ({"text": [], "answer_start": []}, "No row of column 'answers' holds an answer"),
        ({"text": ["owl"], "answer_start": ["x"]}, "Answers have the shape"),
    ],
)
def test_answers_that_cannot_be_used_say_why(tmp_path, answers, message):
    row = {"question": "Who?", "context": "A heron waits.", "answers": answers}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    with pytest.raises(InvalidLabels, match=message):
        load_task(tmp_path / "a.jsonl")


CONLL = """-DOCSTART- O

Anna NNP B-PER
lives VBZ O
in IN O
New NNP B-LOC
York NNP I-LOC

Birds NNS O
fly VBP O
"""


def test_conll_files_are_sequence_labelling(tmp_path):
    path = tmp_path / "names.conll"
    path.write_text(CONLL)
    task = load_task(path)
    assert task.kind == "sequence-labelling"
    assert task.texts == ["Anna lives in New York", "Birds fly"]
    assert task.labels[0] == ("B-PER", "O", "O", "B-LOC", "I-LOC")
    assert task.source_task.num_labels == 4
    path.write_text("Anna\n")
    with pytest.raises(InvalidDataset, match="Line 1 of names.conll has a token and no tag"):
        load_task(path)


def test_lists_of_tokens_with_class_names_are_too(tmp_path):
    features = datasets.Features(
        {
            "tokens": datasets.List(datasets.Value("string")),
            "ner_tags": datasets.List(datasets.ClassLabel(names=["O", "B-PER"])),
        }
    )
    rows = {"tokens": [["Anna", "sings"], ["Birds", "fly high"]], "ner_tags": [[1, 0], [0, 0]]}
    data = datasets.Dataset.from_dict(rows, features=features)
    data.save_to_disk(tmp_path / "saved")
    data.to_parquet(tmp_path / "a.parquet")
    for path in ("saved", "a.parquet"):
        task = load_task(tmp_path / path)
        assert task.labels.tolist() == [("B-PER", "O"), ("O", "O")]
        assert task.texts == ["Anna sings", "Birds flyhigh"]


def test_tokens_and_tags_of_different_number_are_refused(tmp_path):
    row = {"tokens": ["a", "b"], "tags": ["X"]}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    with pytest.raises(InvalidLabels, match="Row 0 has 2 tokens and 1 tags"):
        load_task(tmp_path / "a.jsonl", text_columns=["tokens"], label_column="tags")


@pytest.mark.xdist_group("serial")
def test_memory_does_not_grow_with_the_rows_passed_over(tmp_path):
    import tracemalloc

    path = tmp_path / "large.csv"
    peaks = []
    for rows in (6_000, 18_000):
        with path.open("w") as file:
            file.write("text,label\n")
            file.writelines(f"some words of row {n} and more,{n % 3}\n" for n in range(rows))
        tracemalloc.start()
        task = load_task(path, **COLUMNS, limit_rows=500)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(task) == 500
    assert peaks[1] < 1.2 * peaks[0]


def test_blocks_hold_all_rows_in_order(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("n,text\n" + "".join(f"{n},t\n" for n in range(4500)))
    found = [int(n) for block in open_table(path).blocks(["n"]) for n in block["n"]]
    np.testing.assert_array_equal(found, np.arange(4500))


def test_of_a_stream_only_the_first_rows_are_read(monkeypatch):
    from dataclasses import replace

    read = []
    table = open_table(datasets.Dataset.from_list(ROWS * 400))

    def counted(names):
        for block in table.read(names):
            read.append(len(block["text"]))
            yield block

    monkeypatch.setattr("esm_client.lab.data.table.STREAMED_ROWS", 4000)
    stream = replace(table, read=counted, streamed=True)
    assert sum(len(block["text"]) for block in stream.blocks(["text"])) == 4000
    assert sum(read) <= 6000
