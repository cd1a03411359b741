"""Columns whose shape alone says what they are: answers in a context, tags of tokens."""

from collections.abc import Mapping
from typing import Any, cast

from esm_client.lab.data.columns import names
from esm_client.lab.data.columns.choice import ColumnChoice
from esm_client.lab.data.columns.facts import ColumnFacts

_TOKEN_NAMES = ("tokens", "words", "token")


def structured_choice(facts: Mapping[str, ColumnFacts]) -> ColumnChoice | None:
    """The choice; None for a table of plain values."""
    by_plain = {names.plain(name): name for name in facts}
    if {"question", "context", "answers"} <= by_plain.keys():
        answers = facts[by_plain["answers"]]
        if answers.type == "object" and is_answer(answers.values[0]):
            texts = (by_plain["question"], by_plain["context"])
            reason = f"{answers.name!r} holds answers and where in the context they start."
            return ColumnChoice(texts, answers.name, "question-answering", (reason,))
    return _tagged(facts, by_plain)


def _tagged(facts: Mapping[str, ColumnFacts], by_plain: Mapping[str, str]) -> ColumnChoice | None:
    lists = [f for f in facts.values() if f.type == "list" and f.values]
    tokens = next((facts[by_plain[name]] for name in _TOKEN_NAMES if name in by_plain), None)
    if tokens is None or tokens not in lists:
        return None
    lengths = [len(row) for row in tokens.values]
    fitting = [
        f
        for f in lists
        if f is not tokens and [len(row) for row in f.values] == lengths and not _all_distinct(f)
    ]
    if not fitting:
        return None
    best = max(fitting, key=lambda f: (names.is_one_of(f.name, names.LABEL), "ner" in f.name))
    reason = f"{best.name!r} holds one tag for each of {tokens.name!r}."
    others = [f.name for f in fitting if f is not best]
    doubts = () if "ner" in best.name or not others else (f"{others[0]!r} holds tags too.",)
    return ColumnChoice((tokens.name,), best.name, "sequence-labelling", (reason,), doubts)


def _all_distinct(facts: ColumnFacts) -> bool:
    tags = [tag for row in cast("list[list[Any]]", facts.values) for tag in row]
    return len(set(map(str, tags))) > max(100, len(tags) / 2)


def is_answer(value: Any) -> bool:
    """Whether a value has the shape of SQuAD's answers."""
    return isinstance(value, dict) and {"text", "answer_start"} <= set(cast("Any", value))
