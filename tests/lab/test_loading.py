import json
import sys
import warnings

import numpy as np
import pytest

from esm_client.core.errors import InvalidDataset, InvalidInput, InvalidLabels, MissingExtra
from esm_client.lab.data.loading import load_task

pytest.importorskip("datasets")

COLUMNS = {"text_columns": ["text"], "label_column": "label"}
ROWS = [
    {"text": "first, with a comma", "other": "x", "label": "yes"},
    {"text": 'second "quoted"', "other": "y", "label": "no"},
    {"text": "third\nline 北京", "other": "z", "label": "yes"},
]


def write(path, rows=ROWS, **options):
    """Write rows in the format that the path's suffix names, with the reference libraries."""
    import pandas as pd

    frame = pd.DataFrame(rows)
    if path.suffix in (".csv", ".tsv"):
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",", **options)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(params=[".csv", ".tsv", ".jsonl", ".json", ".parquet"], name="suffix")
def _suffix(request):
    return request.param


def test_every_format_gives_the_same_task(tmp_path, suffix):
    task = load_task(write(tmp_path / f"reviews{suffix}"), **COLUMNS)
    assert task.texts == [row["text"] for row in ROWS]
    assert task.labels.tolist() == ["yes", "no", "yes"]
    assert (task.kind, len(task), task.dropped_rows) == ("classification", 3, 0)
    source = task.source_task
    assert (source.data_set, source.num_rows, source.num_labels) == ("reviews", 3, 2)
    assert (source.text_columns, source.label_column) == (("text",), "label")
    assert str(tmp_path) not in source.model_dump_json()


def test_two_columns_give_pairs(tmp_path, suffix):
    task = load_task(
        write(tmp_path / f"a{suffix}"), text_columns=["text", "other"], label_column="label"
    )
    assert task.texts[1] == ('second "quoted"', "y")


@pytest.mark.parametrize(
    ("labels", "kind", "expected"),
    [
        ([1, 0, 1], "classification", [1, 0, 1]),
        ([1.0, 2.0, 1.0], "classification", [1, 2, 1]),
        ([0.5, 2.0, 1.25], "regression", [0.5, 2.0, 1.25]),
        (["a", "b", "a"], "classification", ["a", "b", "a"]),
        ([True, False, True], "classification", ["True", "False", "True"]),
    ],
)
def test_the_kind_is_told_from_the_labels(tmp_path, suffix, labels, kind, expected):
    rows = [row | {"label": label} for row, label in zip(ROWS, labels, strict=True)]
    task = load_task(write(tmp_path / f"a{suffix}", rows), **COLUMNS)
    assert task.kind == task.source_task.kind == kind
    assert task.labels.tolist() == expected
    assert task.labels.dtype == np.array(expected).dtype


def test_a_stated_kind_wins(tmp_path):
    rows = [row | {"label": label} for row, label in zip(ROWS, [1, 2, 5], strict=True)]
    path = write(tmp_path / "a.csv", rows)
    regression = load_task(path, **COLUMNS, kind="regression")
    assert regression.labels.dtype == np.float64
    assert regression.source_task.num_labels == 1
    rows[0]["label"] = 1.5
    classes = load_task(write(tmp_path / "b.jsonl", rows), **COLUMNS, kind="classification")
    assert classes.labels.tolist() == ["1.5", "2", "5"]


def test_class_names_of_a_saved_data_set_are_used(tmp_path):
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
    )
    rows = {"text": ["a", "b", "c"], "label": [1, 0, 1]}
    data = datasets.Dataset.from_dict(rows, features=features)
    data.save_to_disk(tmp_path / "plain")
    datasets.DatasetDict({"train": data, "test": data.select([0, 1])}).save_to_disk(
        tmp_path / "splits"
    )
    data.to_parquet(tmp_path / "a.parquet")
    for path, split, labels in (
        ("plain", None, ["pos", "neg", "pos"]),
        ("splits", None, ["pos", "neg", "pos"]),
        ("splits", "test", ["pos", "neg"]),
        ("a.parquet", None, ["pos", "neg", "pos"]),
    ):
        task = load_task(tmp_path / path, **COLUMNS, split=split)
        assert task.labels.tolist() == labels
        assert task.source_task.split == (split or ("train" if path == "splits" else None))
    with pytest.raises(InvalidDataset, match="no split 'dev'; it has train, test"):
        load_task(tmp_path / "splits", **COLUMNS, split="dev")
    unlabelled = datasets.Dataset.from_dict(rows | {"label": [1, -1, 0]}, features=features)
    unlabelled.save_to_disk(tmp_path / "unlabelled")
    with pytest.warns(UserWarning, match="1 of 3 rows of unlabelled have no label"):
        task = load_task(tmp_path / "unlabelled", **COLUMNS)
    assert (task.labels.tolist(), task.dropped_rows) == (["pos", "neg"], 1)


def test_half_a_surrogate_pair_spoils_no_file(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        '{"text": "cut \\ud83d", "label": 1}\n{"text": "b", "label": 0}\n'
    )
    assert load_task(tmp_path / "a.jsonl", **COLUMNS).texts == ["cut ?", "b"]


def test_a_byte_order_mark_and_long_texts_are_read(tmp_path):
    rows = [{"text": "x" * 300_000, "label": 0}, {"text": "y", "label": 1}]
    task = load_task(write(tmp_path / "a.csv", rows, encoding="utf-8-sig"), **COLUMNS)
    assert len(task.texts[0]) == 300_000


def test_nothing_is_copied_to_a_cache(tmp_path, monkeypatch):
    for name in ("HF_HOME", "HF_DATASETS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    for suffix in (".csv", ".jsonl", ".parquet"):
        load_task(write(tmp_path / f"a{suffix}"), **COLUMNS)
    assert not list((tmp_path / "cache").rglob("*"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"text,label\n", "has no rows"),
        ("a.jsonl", b"\n\n", "no column 'text'; it has: none"),
        ("a.csv", b"text,label\n\xff\xfe,1\n", "not UTF-8"),
        ("a.jsonl", b'{"text": "\xff", "label": 1}\n', "not UTF-8"),
        ("a.csv", b"text,label\na,1,2\n", "Line 2 of a.csv has 3 fields, the header 2"),
        ("a.csv", b'text,label\n"a,1\n', "Line 2 of a.csv cannot be read"),
        ("a.csv", b"text,text,label\na,b,1\n", "2 columns named 'text'"),
        ("a.jsonl", b'{"text": "a", "label": 1}\n{"text"\n', "Line 2 of a.jsonl"),
        ("a.jsonl", b"[1, 2]\n", "Line 1 of a.jsonl is not a JSON object"),
        ("a.jsonl", b"[" * 100_000, "Line 1 of a.jsonl"),
        ("a.parquet", b"PAR1 not really", "not a readable Parquet file"),
        ("a.xlsx", b"PK", "format that is not read"),
        ("a.csv", b"txt,label\na,1\n", "no column 'text'; it has: txt, label. Did you mean 'txt'"),
        (
            "a.jsonl",
            b'{"text": 3, "label": 1}\n',
            "Column 'text' of a holds no text: a row of it is '3' of",
        ),
        ("a.csv", b"text,label\n,1\n ,0\n", "Every text of column 'text' is empty"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidDataset, match=message):
        load_task(tmp_path / name, **COLUMNS)
    with pytest.raises(InvalidDataset):  # whatever is known of the columns
        load_task(tmp_path / name)


def test_a_missing_file_or_foreign_folder_says_why(tmp_path):
    with pytest.raises(InvalidDataset, match="no file or folder"):
        load_task(tmp_path / "no.csv", **COLUMNS)
    with pytest.raises(InvalidDataset, match="save_to_disk"):
        load_task(tmp_path, **COLUMNS)
    with pytest.raises(InvalidDataset, match="has no splits"):
        load_task(write(tmp_path / "a.csv"), **COLUMNS, split="train")


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([None, None, " "], {}, "All labels in column 'label' of a are missing"),
        ([-1, -1, -1], {}, "All labels in column 'label' of a are missing"),
        ([0.5, float("inf"), 1.0], {}, "row 1 .* is inf"),
        (["a", "a", "a"], {}, "Every row has the label 'a'"),
        ([1.5, 1.5, 1.5], {}, "Every row has the label 1.5"),
        (["1", "2", "x"], {"kind": "regression"}, "Label 'x' in row 2 .* is no number"),
        ([[1], [2], [1]], {}, "Row 0 of column 'label' is no list of tags beside a list"),
    ],
)
def test_labels_that_cannot_be_used_say_why(tmp_path, labels, options, message):
    rows = [row | {"label": label} for row, label in zip(ROWS, labels, strict=True)]
    with pytest.raises(InvalidLabels, match=message):
        load_task(write(tmp_path / "a.jsonl", rows), **COLUMNS, **options)


def test_many_different_whole_numbers_ask_for_the_kind(tmp_path):
    rows = [{"text": "a", "label": n} for n in range(150)]
    path = write(tmp_path / "a.csv", rows)
    with pytest.raises(InvalidLabels, match=r'150 different labels in 150 rows.*`kind="class'):
        load_task(path, **COLUMNS)
    assert load_task(path, **COLUMNS, kind="regression").kind == "regression"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_columns": ["text", "other", "label"]}, "3 text columns|as text and as label"),
        ({"label_column": "text"}, "as text and as label"),
        ({"limit_rows": 0}, "limit_rows is 0"),
    ],
)
def test_a_request_that_makes_no_sense_says_why(tmp_path, options, message):
    with pytest.raises(InvalidInput, match=message):
        load_task(write(tmp_path / "a.csv"), **COLUMNS | options)


def test_a_missing_library_names_the_extra(tmp_path, monkeypatch):
    path = write(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtra, match=r"esm-registry\[torch\]"):
        load_task(path, **COLUMNS)


def test_text_files_need_no_library_and_warn_of_nothing(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_task(write(tmp_path / "a.csv"), **COLUMNS)


def test_codes_that_look_like_numbers_stay_apart(tmp_path):
    path = tmp_path / "codes.csv"
    path.write_text("text,label\na,007\nb,7\nc,1_2\nd,12\n")
    task = load_task(path, text_columns=["text"], label_column="label")
    assert sorted(map(str, task.labels)) == ["007", "12", "1_2", "7"]


def test_mixed_types_say_which_row(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        '{"text": "a", "label": 1}\n{"text": "b", "label": "x"}\n{"text": "c", "label": {}}\n'
    )
    with pytest.raises(InvalidLabels, match="row 2 of column 'label' is a dict"):
        load_task(tmp_path / "a.jsonl", **COLUMNS)
    (tmp_path / "b.jsonl").write_text(
        '{"text": "a", "label": 1}\n{"text": ["b"], "label": 0}\n{"text": 3.5, "label": 1}\n'
    )
    with pytest.raises(InvalidDataset, match=r"holds no text: a row of it is '3\.5'|is no list"):
        load_task(tmp_path / "b.jsonl", **COLUMNS)
