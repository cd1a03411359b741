"""Choosing the columns of texts and labels, and saying why and how surely."""

from collections.abc import Mapping, Sequence
from typing import Any

from esm_client.lab.data.columns import names
from esm_client.lab.data.columns.choice import ColumnChoice
from esm_client.lab.data.columns.facts import ColumnFacts, facts_of
from esm_client.lab.data.columns.structured import structured_choice

CLEAR_SCORE, CLEAR_LEAD = 4.0, 2.0
"""A label column this good, this far ahead of the next, is taken for certain."""
LEAK_SHARE = 0.9


def detect_columns(
    sample: Mapping[str, Sequence[Any]],
    classes: Mapping[str, Sequence[str]],
    *,
    text_columns: Sequence[str] = (),
    label_column: str | None = None,
) -> ColumnChoice:
    """Choose columns from a sample of rows (heuristics of Schulte et al. 2024, improved).

    Args:
        sample: values by column, some hundred rows.
        classes: class names by column, where the format has them.
        text_columns, label_column: what is known already and only completed.
    """
    facts = {
        name: facts_of(name, values, has_class_names=name in classes)
        for name, values in sample.items()
    }
    if not text_columns and label_column is None:
        structured = structured_choice(facts)
        if structured is not None:
            return structured
    reasons: list[str] = []
    doubts: list[str] = []
    texts = tuple(text_columns) or _texts(facts, label_column, reasons, doubts)
    label = label_column or _label(facts, texts, reasons, doubts)
    if label is not None and texts and not text_columns:
        _check_leak(facts, texts, label, doubts)
    return ColumnChoice(texts, label, None, tuple(reasons), tuple(doubts))


def _texts(
    facts: Mapping[str, ColumnFacts], label: str | None, reasons: list[str], doubts: list[str]
) -> tuple[str, ...]:
    prose = [f for f in facts.values() if f.is_prose and f.name != label]
    if not prose:
        doubts.append("No column holds texts of several different words.")
        return ()
    scored = sorted(prose, key=lambda f: -_text_score(f))
    best = scored[0]
    found = [f.name for f in prose]
    pair = _pair(best.name, found)
    if pair is not None:
        reasons.append(f"{pair[0]!r} and {pair[1]!r} are a pair of texts.")
        others = [f for f in scored if f.name not in pair and names.is_one_of(f.name, names.TEXT)]
    else:
        why = "the only column of texts" if len(prose) == 1 else "named and filled like a text"
        reasons.append(f"{best.name!r} is {why}.")
        lead = _text_score(best) - _text_score(scored[1]) if len(scored) > 1 else CLEAR_LEAD
        others = scored[1:2] if lead < CLEAR_LEAD else []
    if others:
        doubts.append(f"{others[0].name!r} may hold the texts too.")
    return pair or (best.name,)


def _text_score(facts: ColumnFacts) -> float:
    named = 5.0 * names.is_one_of(facts.name, names.TEXT)
    named += 1.0 * names.is_one_of(facts.name, names.PERHAPS_TEXT)
    named -= 3.0 * names.sounds_like_no_label(facts.name)
    side = 0.5 * any(plain.endswith(("1", "_a")) for plain in [names.plain(facts.name)])
    return named + side + 2.0 * facts.share_distinct + min(3.0, facts.mean_characters / 40)


def _pair(best: str, prose: list[str]) -> tuple[str, str] | None:
    for first in (best, *prose):
        second = names.other_side(first, prose)
        if second is not None and best in (first, second):
            return first, second
    return None


def _label(
    facts: Mapping[str, ColumnFacts],
    texts: tuple[str, ...],
    reasons: list[str],
    doubts: list[str],
) -> str | None:
    others = [f for f in facts.values() if f.name not in texts]
    scored = sorted(
        ((score, f) for f in others if (score := _label_score(f)) is not None),
        key=lambda pair: -pair[0],
    )
    if not scored:
        doubts.append("No other column has few values that repeat, or numbers.")
        return None
    score, best = scored[0]
    rivals = [(s, f) for s, f in scored[1:] if not _same_partition(facts[best.name], f)]
    alone = len(scored) == 1 and score > 0 and not names.sounds_like_no_label(best.name)
    reasons.append(f"{best.name!r}: {_why_label(best, alone=alone)}.")
    if score < CLEAR_SCORE and not alone:
        doubts.append(f"Nothing but its values says that {best.name!r} is the label.")
    elif rivals and score - rivals[0][0] < CLEAR_LEAD:
        doubts.append(f"{rivals[0][1].name!r} may be the label too.")
    if score <= 0:
        doubts.append(f"{best.name!r} is named like something else.")
    missing = best.rows - len(best.values)
    if missing > best.rows / 2:
        doubts.append(f"{missing} of {best.rows} rows have no {best.name!r}.")
    return best.name


def _label_score(facts: ColumnFacts) -> float | None:
    """How much a column looks like a label; None for what cannot be one."""
    numbers = facts.type == "number"
    if facts.is_constant or facts.is_mark or facts.is_prose:
        return None
    if not facts.is_categorical and not numbers:
        return None
    score = 2.0 if facts.is_categorical else 0.5
    score += 0.5 if facts.fractional else 0.0
    score += 3.0 * facts.has_class_names
    words = names.plain(facts.name)
    if words in names.LABEL:
        score += 5.0
    elif names.is_one_of(facts.name, names.LABEL) or names.numbers_a_label(facts.name):
        score += 4.0
    elif words in names.PERHAPS_LABEL:
        score += 3.0
    elif names.is_one_of(facts.name, names.PERHAPS_LABEL) or words.startswith("is_"):
        score += 2.5
    if names.sounds_like_no_label(facts.name) and words not in names.LABEL:
        score -= 4.0
    return score


def _why_label(facts: ColumnFacts, *, alone: bool) -> str:
    what = "numbers with fractions" if facts.fractional else f"{facts.distinct} different values"
    if facts.has_class_names:
        return f"the format gives it class names, {what}"
    if names.is_one_of(facts.name, names.LABEL | names.PERHAPS_LABEL):
        return f"named like a label, {what}"
    return f"{'the only column that could be a label' if alone else 'most like a label'}, {what}"


def _same_partition(one: ColumnFacts, other: ColumnFacts) -> bool:
    """Whether two columns say the same in other words: numbers and names of classes."""
    if len(one.keys) != len(other.keys):
        return False
    pairs = set(zip(one.keys, other.keys, strict=True))
    return len(pairs) == one.distinct == other.distinct


def _check_leak(
    facts: Mapping[str, ColumnFacts], texts: tuple[str, ...], label: str, doubts: list[str]
) -> None:
    """Texts that hold their own label in words, and no other, teach nothing."""
    labels, words = facts[label], facts[texts[0]]
    if labels.type != "text" or len(labels.keys) != len(words.keys):
        return
    rows = list(zip(words.keys, labels.keys, strict=True))
    own = sum(value.lower() in text.lower() for text, value in rows)
    shifted = rows[1:] + rows[:1]
    foreign = sum(
        other.lower() in text.lower()
        for (text, value), (_, other) in zip(rows, shifted, strict=True)
        if other != value
    )
    if own > LEAK_SHARE * len(rows) and foreign < own / 2:
        doubts.append(f"The texts hold the value of {label!r} in words: it leaks into them.")
