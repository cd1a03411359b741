"""What the values of a column say, from a sample of its rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal, cast

ValueType = Literal["text", "number", "boolean", "list", "object", "empty"]
MAX_CLASSES = 150
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_MOMENT = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_WITHOUT_BLANKS = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")  # Thai, Lao, CJK
_ADDRESS = re.compile(r"(https?://|www\.)\S+|[\w.+-]+@[\w-]+\.[\w.]+|(/[\w.-]+){2,}")


@dataclass(frozen=True)
class ColumnFacts:
    """Of one column.

    values: those that are not missing, as they came; keys: the same as words, for comparing.
    type: numbers may have been written as words. mean_words, mean_characters: of words.
    """

    name: str
    rows: int
    values: Sequence[Any]
    keys: Sequence[str]
    type: ValueType
    has_class_names: bool
    mean_words: float = 0.0
    mean_characters: float = 0.0

    @property
    def distinct(self) -> int:
        """How many different values."""
        return len(set(self.keys))

    @property
    def is_constant(self) -> bool:
        """One value at most."""
        return self.distinct < 2

    @property
    def share_distinct(self) -> float:
        """1 where no value occurs twice."""
        return self.distinct / max(1, len(self.keys))

    @property
    def fractional(self) -> bool:
        """Numbers that are not all whole."""
        return self.type == "number" and any(not float(key).is_integer() for key in self.keys)

    @property
    def is_mark(self) -> bool:
        """Identifiers, dates, addresses: what names a row and says nothing of it."""
        if self.type == "number":
            whole = [float(key) for key in self.keys]
            rising = whole == sorted(whole) and self.share_distinct == 1.0
            return (
                not self.fractional and self.share_distinct > 0.95 and (rising or len(whole) > 50)
            )
        if self.type != "text":
            return False
        for pattern in (_MOMENT, _ADDRESS):
            if sum(bool(pattern.match(key)) for key in self.keys) > 0.9 * len(self.keys):
                return True
        return self.share_distinct > 0.9 and self.mean_words < 1.2 and self.distinct > 20

    @property
    def is_prose(self) -> bool:
        """Texts that somebody wrote: several words, mostly different from each other."""
        varied = self.share_distinct > 0.3 or self.distinct > MAX_CLASSES
        wordy = self.mean_words >= 2 or self.mean_characters >= 15
        return self.type == "text" and wordy and varied and not self.is_mark

    @property
    def is_categorical(self) -> bool:
        """Few values that come again and again."""
        usable = self.type in ("text", "number", "boolean") and not self.is_constant
        few = self.distinct <= max(2, min(MAX_CLASSES, len(self.keys) // 3))
        return usable and few and not self.fractional and self.mean_words < 6


def facts_of(name: str, values: Sequence[Any], *, has_class_names: bool) -> ColumnFacts:
    """Look at one column of a sample; missing are None, NaN, empty and blank."""
    present = [value for value in values if not is_missing(value)]
    keys = [str(value).strip() for value in present]
    kind = _type_of(present, keys)
    words = keys if kind == "text" else []
    return ColumnFacts(
        name=name,
        rows=len(values),
        values=present,
        keys=keys,
        type=kind,
        has_class_names=has_class_names,
        mean_words=fmean(_words_in(key) for key in words) if words else 0.0,
        mean_characters=fmean(len(key) for key in words) if words else 0.0,
    )


def is_missing(value: object) -> bool:
    """None, NaN, or a text of blanks."""
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def _words_in(text: str) -> float:
    """Words between blanks; scripts without blanks have about two signs to a word."""
    return len(text.split()) + len(_WITHOUT_BLANKS.findall(text)) / 2


def _type_of(present: list[Any], keys: list[str]) -> ValueType:
    if not present:
        return "empty"
    first = cast("object", present[0])
    if isinstance(first, list | tuple) or hasattr(first, "tolist"):
        return "list"
    if isinstance(first, dict):
        return "object"
    if all(isinstance(value, bool) for value in present):
        return "boolean"
    if {key.lower() for key in keys} <= {"true", "false"}:
        return "boolean"
    return "number" if all(_NUMBER.fullmatch(key) for key in keys) else "text"
