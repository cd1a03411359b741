"""Damage to JSON that stays JSON, or nearly: lies about types, sizes, depth and keys."""

import json
from random import Random
from typing import Any

NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**400,
    10**4000, 0.5, -0.0,
    5e-324, 1e308, float("nan"), float("inf"), float("-inf"), "", " ", "a", "0", "1e5", "true",
    "\0", "a\0b", "\ud800", "\udfff\ud800", "\u202e", "\ufeff", "e\u0301", "\U0001f600", "A" * 300,
    "x" * 5000, "../../etc/passwd", "..", ".", "/", "a/b", "a\\b", "%2e%2e%2f",
    "sha256:" + "0" * 64,
    "sha256:" + "g" * 64, "AAAA", "!", "A" * 4097, "=", "{}", "<script>", "\r\nX: y", "'; DROP--",
    [], {}, [[]], [None], {"": None}, {"a": {}}, [0] * 1000, ["x"] * 1000, [[0] * 100] * 100,
)  # fmt: skip


class Twice(dict[str, Any]):
    """An object that is written with one of its keys twice."""


def nasty(rng: Random) -> Any:
    """A value that nobody expects; now and then a deep one."""
    if rng.random() < 0.05:
        value: Any = rng.choice(NASTY)
        for _ in range(rng.choice((10, 100, 600))):
            value = [value] if rng.random() < 0.5 else {"a": value}
        return value
    return rng.choice(NASTY)


def write(value: Any) -> bytes:
    """JSON text, with the numbers that JSON does not have and keys that occur twice."""
    return _text(value).encode()


def _text(value: Any) -> str:
    try:
        if not _has_twice(value):
            return json.dumps(value)
        if isinstance(value, dict):
            pairs = [f"{json.dumps(key)}:{_text(item)}" for key, item in value.items()]
            if isinstance(value, Twice) and pairs:
                pairs = [f"{json.dumps(next(iter(value)))}:null", *pairs, pairs[0]]
            return "{" + ",".join(pairs) + "}"
        return "[" + ",".join(_text(item) for item in value) + "]"
    except RecursionError:
        return "[" * 1000 + "]" * 1000


def _has_twice(value: Any) -> bool:
    if isinstance(value, dict):
        return isinstance(value, Twice) or any(_has_twice(item) for item in value.values())
    return isinstance(value, list) and any(_has_twice(item) for item in value[:50])


def changed(rng: Random, value: Any) -> Any:
    """The same with something wrong at a random place."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        return _changed_object(rng, value)
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = rng.randrange(len(value))
        return [*value[:at], changed(rng, value[at]), *value[at + 1 :]]
    return _replaced(rng, value)


def _changed_object(rng: Random, value: dict[str, Any]) -> dict[str, Any]:
    key = rng.choice(list(value))
    rest = {name: item for name, item in value.items() if name != key}
    match rng.randrange(10):
        case 0:
            return rest
        case 1:
            return {**rest, str(rng.choice((nasty(rng), key.upper(), key + "\0"))): value[key]}
        case 2:
            return {**value, str(nasty(rng))[:300]: nasty(rng)}
        case 3:
            return Twice({key: value[key], **rest})
        case 4:
            return {**value, key: value[rng.choice(list(value))]}
        case _:
            return {**value, key: changed(rng, value[key])}


def _replaced(rng: Random, value: Any) -> Any:
    match rng.randrange(8):
        case 0:
            return [value]
        case 1:
            return [value] * rng.choice((2, 20, 200))
        case 2 if isinstance(value, str):
            at = rng.randrange(len(value) + 1)
            return value[:at] + str(rng.choice(NASTY))[:5000] + value[at:]
        case 3 if isinstance(value, int | float) and abs(value) < 1e15:
            return rng.choice((-value, value + 1, value * 2**40, value + 0.5, str(value)))
        case _:
            return nasty(rng)


def changed_json(rng: Random, data: bytes) -> bytes:
    """A changed document; what is no JSON stays as it is."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    return write(changed(rng, document))
