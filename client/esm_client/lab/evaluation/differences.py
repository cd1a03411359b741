"""What differs between the settings of two runs, for people."""

from collections.abc import Mapping
from typing import Any, cast

SHOWN = 5
LONGEST = 40


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """`target_rows: 40, now 41; recipe.epochs: 3, now 1`; empty for none."""
    found = _found(before, now, "")
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "; ".join([*found[:SHOWN], *more])


def _found(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str) -> list[str]:
    found: list[str] = []
    for name in [*now, *(name for name in before if name not in now)]:
        old: Any = before.get(name)
        new: Any = now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            nested = cast("dict[str, Any]", old), cast("dict[str, Any]", new)
            found += _found(*nested, f"{prefix}{name}.")
        elif old != new:
            short = all(_is_short(one[name]) for one in (before, now) if name in one)
            found.append(f"{prefix}{name}{f': {old}, now {new}' if short else ''}")
    return found


def _is_short(value: object) -> bool:
    return not isinstance(value, dict) and len(str(value)) <= LONGEST
