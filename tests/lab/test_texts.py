"""Texts without labels, from lines and from tables."""

import json

import pytest

from esm_client.core.errors import EsmError, InvalidDataset
from esm_client.lab.data.texts import load_texts


def test_lines_of_a_text_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("one\n\n  two \nthree\n", encoding="utf-8")
    assert load_texts(str(path)) == ["one", "two", "three"]
    assert load_texts(str(path), limit_rows=2) == ["one", "two"]


def test_columns_of_a_table(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [{"text": "one", "other": "x"}, {"text": None, "other": "y"}, {"text": "3", "other": ""}]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert load_texts(str(path)) == ["one", "3"]
    assert load_texts(str(path), text_columns=["other"]) == ["x", "y"]
    assert load_texts(str(path), text_columns=["text", "other"]) == [("one", "x")]


@pytest.mark.parametrize("header", ["text", "review"])
def test_a_csv_of_texts_alone(tmp_path, header):
    path = tmp_path / "a.csv"
    path.write_text(f'{header}\none\n"two, or so"\n\nthree\n')
    assert load_texts(str(path)) == ["one", "two, or so", "three"]
    path.write_text(f"{header}\none\ntwo, or so\n")
    with pytest.raises(InvalidDataset, match="Quote texts that hold the delimiter"):
        load_texts(str(path))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "a.csv",
            "title,body\n1,2\n",
            "Could not determine the text column of a; it has: title, body",
        ),
        ("a.jsonl", '{"text": ""}\n', "holds no texts"),
        ("a.txt", "\n \n", "holds no texts"),
    ],
)
def test_what_holds_no_texts(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(InvalidDataset, match=said):
        load_texts(str(tmp_path / name))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(EsmError):
        load_texts(str(tmp_path / "none.txt"))
