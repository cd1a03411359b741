"""A small phrase grammar: named rules, random expansion, distinct labelled rows."""

import random
import re
from collections.abc import Callable, Sequence

Row = dict[str, str | float]

_RULE = re.compile(r"^([a-z_0-9]+):", re.MULTILINE)
_SLOT = re.compile(r"\{([a-z_0-9]+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])(?!one\b|once\b|uni|use|usu|euro)")
_SENTENCE_START = re.compile(r"(^|[.!?] )([a-z])")
_ATTEMPTS = 200


class Grammar:
    """Rules read from text: `name: one way | another {slot} way`, later lines indented.

    A slot stands for one alternative of the rule it names. Within one text an
    alternative is used again only when its rule has no other left.

    >>> Grammar("start: a {fruit}, {fruit}\\nfruit: apple").text("start", random.Random(0))
    'An apple, apple'
    """

    def __init__(self, source: str) -> None:
        parts = _RULE.split(source)[1:]
        self.rules: dict[str, list[str]] = {
            name: [" ".join(way.split()) for way in body.split("|")]
            for name, body in zip(parts[::2], parts[1::2], strict=True)
        }

    def text(self, start: str, rng: random.Random) -> str:
        """One random text from the rule `start`, as `sentence_case` writes it."""
        return sentence_case(self.phrase(f"{{{start}}}", rng))

    def phrase(self, template: str, rng: random.Random) -> str:
        """The template with every slot filled at random, its case left alone."""
        return self._filled(template, rng, set())

    def _filled(self, template: str, rng: random.Random, used: set[str]) -> str:
        def fill(slot: re.Match[str]) -> str:
            ways = self.rules[slot[1]]
            way = rng.choice([w for w in ways if f"{slot[1]}:{w}" not in used] or ways)
            used.add(f"{slot[1]}:{way}")
            return self._filled(way, rng, used)

        return _SLOT.sub(fill, template)


def sentence_case(text: str) -> str:
    """Capitals at the start of sentences, and `an` before a vowel."""
    text = _ARTICLE.sub(r"\1n ", text)
    return _SENTENCE_START.sub(lambda start: start[1] + start[2].upper(), text)


def labelled_rows(grammar: Grammar, labels: Sequence[str], *, seed: int, count: int) -> list[Row]:
    """Rows with the labels in equal numbers; each label is the name of its start rule."""

    def make(rng: random.Random, index: int) -> Row:
        label = labels[index % len(labels)]
        return {"text": grammar.text(label.replace(" ", "_"), rng), "label": label}

    return distinct_rows(make, seed=seed, count=count)


def distinct_rows(make: Callable[[random.Random, int], Row], *, seed: int, count: int) -> list[Row]:
    """`count` shuffled rows from `make(rng, index)`, no two with the same text."""
    rng = random.Random(seed)
    rows: dict[str, Row] = {}
    for index in range(count):
        for _ in range(_ATTEMPTS):
            row = make(rng, index)
            if row["text"] not in rows:
                break
        else:
            raise ValueError(f"The grammar has too few texts for {count} distinct rows.")
        rows[str(row["text"])] = row
    shuffled = list(rows.values())
    rng.shuffle(shuffled)
    return shuffled
