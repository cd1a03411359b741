import random

import pytest

from esm_client.lab.data.columns.detect import detect_columns
from esm_client.lab.data.columns.names import other_side, plain

CHANCE = random.Random(0)
NOUNS = ["ferry", "soup", "hotel", "concert", "bicycle", "novel", "market", "garden"]
TEXTS = [
    f"The {CHANCE.choice(NOUNS)} by the {CHANCE.choice(NOUNS)} was number {n} of them"
    for n in range(300)
]
OTHERS = [f"Nobody saw the {CHANCE.choice(NOUNS)} of day {n}" for n in range(300)]
CLASSES = [CHANCE.choice(["praise", "blame", "neither"]) for _ in range(300)]
JUNK = [CHANCE.choice(["oak", "elm", "ash", "fir"]) for _ in range(300)]
SCORES = [CHANCE.random() for _ in range(300)]


def found(sample, classes=None, **known):
    choice = detect_columns(sample, classes or {}, **known)
    return choice.text_columns, choice.label_column, choice.certain


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ({"text": TEXTS, "label": CLASSES}, (("text",), "label", True)),
        ({"v1": CLASSES, "v2": TEXTS}, (("v2",), "v1", True)),
        ({"review": TEXTS, "rating": SCORES}, (("review",), "rating", True)),
        ({"premise": TEXTS, "hypothesis": OTHERS, "label": CLASSES},
         (("premise", "hypothesis"), "label", True)),
        ({"ID": range(300), "Tweet Text": TEXTS, "Sentiment": CLASSES, "user": JUNK},
         (("Tweet Text",), "Sentiment", True)),
        ({"text": TEXTS, "label": [CLASSES.index(c) for c in CLASSES], "label_text": CLASSES},
         (("text",), "label", True)),
        ({"text": TEXTS, "split": JUNK, "source": JUNK, "emotion": CLASSES},
         (("text",), "emotion", True)),
        ({"text": TEXTS, "is_spam": [c == "blame" for c in CLASSES]}, (("text",), "is_spam", True)),
    ],
)  # fmt: skip
def test_clear_tables_are_read_with_certainty(sample, expected):
    assert found(sample) == expected


@pytest.mark.parametrize(
    ("sample", "doubt"),
    [
        ({"text": TEXTS, "a": CLASSES, "b": JUNK}, "Nothing but its values"),
        ({"text": TEXTS, "stance": CLASSES, "topic": JUNK}, "may be the label too"),
        ({"text": TEXTS, "body": OTHERS, "label": CLASSES}, "'body' may hold the texts too"),
        ({"text": TEXTS, "id": range(300)}, "No other column"),
        ({"code": [f"x{n}" for n in range(300)], "label": CLASSES}, "No column holds texts"),
        ({"text": TEXTS, "language": CLASSES}, "named like something else"),
        ({"text": TEXTS, "label": CLASSES[:60] + [None] * 240}, "240 of 300 rows have no"),
        ({"text": [f"{t} {c}" for t, c in zip(TEXTS, CLASSES, strict=True)], "label": CLASSES},
         "leaks"),
    ],
)  # fmt: skip
def test_what_is_not_clear_is_said(sample, doubt):
    choice = detect_columns(sample, {})
    assert not choice.certain
    assert doubt in " ".join(choice.doubts)


def test_constant_and_near_unique_columns_are_no_labels():
    sample = {
        "text": TEXTS,
        "batch": [7] * 300,
        "serial": list(range(300)),
        "hash": [f"{n:08x}" for n in range(300)],
        "when": [f"2024-01-{n % 28 + 1:02d}" for n in range(300)],
        "answer": CLASSES,
    }
    assert found(sample) == (("text",), "answer", True)


def test_class_names_of_the_format_win():
    sample = {"text": TEXTS, "one": CLASSES, "two": JUNK}
    names = ["praise", "blame", "neither"]
    assert found(sample, {"one": names})[1:] == ("one", True)


def test_what_is_named_is_only_completed():
    sample = {"text": TEXTS, "body": OTHERS, "a": CLASSES, "b": JUNK}
    assert found(sample, text_columns=["body"], label_column="b") == (("body",), "b", True)
    assert found(sample, label_column="b")[:2] == (("text",), "b")


def test_scripts_without_blanks_are_texts():
    reviews = [f"这家酒店的服务非常好{n}" for n in range(200)]
    assert found({"a": reviews, "b": [n % 2 for n in range(200)]}) == (("a",), "b", True)


def test_names_are_compared_plainly():
    assert plain("ReviewText") == plain("review-text") == plain(" Review Text ") == "review_text"
    assert other_side("sentence_A", ["sentence_A", "sentence_B"]) == "sentence_B"
    assert other_side("#1 String", ["#1 String", "#2 String"]) == "#2 String"
    assert other_side("text", ["text", "label"]) is None
