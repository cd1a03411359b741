"""What a worker process tells, and the lines of JSON in which it travels."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Step:
    """So much of a step is done, as core.progress has it."""

    name: str
    done: int
    total: int


@dataclass(frozen=True)
class Fact:
    """Something that is known before the request is done, and worth keeping if it fails."""

    content: Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """The request is done."""

    content: Mapping[str, Any]


@dataclass(frozen=True)
class Failed:
    """The request cannot be done."""

    reason: str
    hint: str = ""


Event = Step | Fact | Done | Failed
"""A request is followed by any number of Step and Fact, and by one Done or Failed."""
_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in (Step, Fact, Done, Failed)}


def as_line(event: Event) -> str:
    """An event as one line."""
    return json.dumps([type(event).__name__, vars(event)]) + "\n"


def from_line(line: str) -> Event | None:
    """An event; None for a line that a dying process cut short."""
    try:
        name, content = json.loads(line)
        return _KINDS[name](**content)
    except (ValueError, KeyError, TypeError):
        return None
