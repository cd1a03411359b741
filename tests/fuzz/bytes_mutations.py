"""Damage to bytes of any kind; every mutation takes a random.Random and gives new bytes."""

import re
from random import Random

MOST_BYTES = 2**20
NUMBERS = (0, 1, 7, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1)
WORDS = (
    b"\0", b"\0" * 64, b"\xff" * 8, b"\xef\xbb\xbf", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80",
    b"-1", b"NaN", b"Infinity", b"1e999", b"9" * 400, b"9" * 5000, b"../", b"..\\", b"%00",
    b"null", b"true", b"{}", b"[]", b'""', b"\\ud800", b"\\u0000", b"\r\n", "\u202e".encode(),
)  # fmt: skip


def random_bytes(rng: Random) -> bytes:
    """Any bytes, mostly few."""
    return rng.randbytes(int(2 ** rng.uniform(0, 14)))


def damaged(rng: Random, data: bytes, other: bytes) -> bytes:
    """One damage at a random place; `other` is another input, to be spliced in."""
    return rng.choice(_ALL)(rng, data, other)[:MOST_BYTES]


def _place(rng: Random, data: bytes) -> int:
    # half of them near the beginning, where headers are
    return rng.randrange(min(len(data), 64) + 1 if rng.random() < 0.5 else len(data) + 1)


def _flip(rng: Random, data: bytes, other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[_place(rng, data) % len(changed)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _truncate(rng: Random, data: bytes, other: bytes) -> bytes:
    return data[: _place(rng, data)]


def _drop(rng: Random, data: bytes, other: bytes) -> bytes:
    start = _place(rng, data)
    return data[:start] + data[start + rng.randrange(1, 64) :]


def _repeat(rng: Random, data: bytes, other: bytes) -> bytes:
    start = _place(rng, data)
    part = data[start : start + rng.randrange(1, 64)]
    return data[:start] + part * rng.choice((2, 3, 100, 1000)) + data[start:]


def _insert(rng: Random, data: bytes, other: bytes) -> bytes:
    start = _place(rng, data)
    word = rng.choice(WORDS) if rng.random() < 0.8 else rng.randbytes(rng.randrange(1, 40))
    kept = data[start:] if rng.random() < 0.5 else data[start + len(word) :]
    return data[:start] + word + kept


def _number(rng: Random, data: bytes, other: bytes) -> bytes:
    start, order = _place(rng, data), rng.choice(("little", "big"))
    word = rng.choice(NUMBERS).to_bytes(8, order)
    return data[:start] + word + data[start + 8 :]


def _digits(rng: Random, data: bytes, other: bytes) -> bytes:
    found = list(re.finditer(rb"-?[0-9]+", data[:100_000]))
    if not found:
        return _flip(rng, data, other)
    match = rng.choice(found)
    word = rng.choice((*(str(number).encode() for number in NUMBERS), *WORDS[7:13], b"-0", b"0x1"))
    return data[: match.start()] + word + data[match.end() :]


def _splice(rng: Random, data: bytes, other: bytes) -> bytes:
    return data[: _place(rng, data)] + other[_place(rng, other) :]


_ALL = (_flip, _flip, _truncate, _drop, _repeat, _insert, _number, _digits, _splice)
