"""Lies in safetensors files: about dtypes, shapes, offsets, metadata and the header's length."""

import json
from random import Random
from typing import Any

from fuzz.bytes_mutations import NUMBERS
from fuzz.json_mutations import Twice, changed, nasty, write

DTYPES = ("F32", "F64", "F16", "BF16", "I64", "U64", "U8", "BOOL", "F8_E4M3", "C64", "f32", "", "O")
SPECIAL = (b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\0\0\0\0\0\0\xf8\x7f", b"\xff" * 8, b"\0" * 8,
           b"\xff\xff\x7f\x7f", b"\1\0\0\0", b"\xff\xff\xff\xff\xff\xff\xef\x7f")  # fmt: skip


def split(data: bytes) -> tuple[dict[str, Any], bytes] | None:
    """Header and body; None for what is no such file."""
    length = int.from_bytes(data[:8], "little")
    if length > len(data):
        return None
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        return None
    return (header, data[8 + length :]) if isinstance(header, dict) else None


def join(header: bytes, body: bytes, length: int | None = None) -> bytes:
    """The file; `length` is what it says of its header, if not the truth."""
    said = len(header) if length is None else length
    return (said % 2**64).to_bytes(8, "little") + header + body


def changed_tensors(rng: Random, data: bytes) -> bytes:
    """A file that is wrong somewhere; what is none stays as it is."""
    parts = split(data)
    if parts is None:
        return data
    header, body = parts
    match rng.randrange(8):
        case 0:
            return join(write(changed(rng, header)), body)
        case 1:
            text = write(header)
            return join(text, body, rng.choice((*NUMBERS, len(text) - 1, len(text) + 1)))
        case 2:
            return join(write(header), _changed_body(rng, body))
        case 3:
            return join(write(header) + rng.choice((b" ", b"\0", b"\n" * 1000, b"}")), body)
        case 4:
            metadata = header.get("__metadata__")
            return join(
                write({**header, "__metadata__": changed(rng, metadata or {"a": "b"})}), body
            )
        case _:
            return join(write(_changed_entry(rng, header, len(body))), body)


def _changed_body(rng: Random, body: bytes) -> bytes:
    start = rng.randrange(len(body) // 4 + 1) * 4
    word = rng.choice(SPECIAL)
    return rng.choice((
        body[:start] + word + body[start + len(word) :],
        body[:start],
        body + bytes(rng.choice((1, 4, 4096))),
        word * (len(body) // len(word)),
    ))  # fmt: skip


def _changed_entry(rng: Random, header: dict[str, Any], size: int) -> dict[str, Any]:
    names = [name for name, entry in header.items() if isinstance(entry, dict) and "shape" in entry]
    if not names:
        return header
    name = rng.choice(names)
    entry = dict(header[name])
    match rng.randrange(6):
        case 0:
            entry["dtype"] = rng.choice(DTYPES)
        case 1:
            entry["shape"] = _shape(rng, entry.get("shape"))
        case 2:
            numbers = (*NUMBERS, size, size + 1, size - 4, -1, 0.5, 1e300, None)
            entry["data_offsets"] = rng.choices(numbers, k=rng.choice((0, 1, 2, 2, 2, 3)))
        case 3:
            entry["data_offsets"] = header[rng.choice(names)].get("data_offsets")  # overlapping
        case 4:
            return Twice({name: entry, **{n: e for n, e in header.items() if n != name}})
        case _:
            entry[str(nasty(rng))[:50]] = nasty(rng)
    return {**header, name: entry}


def _shape(rng: Random, shape: Any) -> list[Any]:
    old = list(shape) if isinstance(shape, list) else []
    total = 1
    for item in old:
        total *= item if isinstance(item, int) else 1
    return rng.choice((
        [], [total], [1, total], [total, 1], [0], [0, 2**62], [2**32, 2**32], [-1], [2**63, 0],
        [1] * 40 + old, [1] * 100 + old, old[::-1], [*old, 1], [None], [1.5], [str(total)], [True],
    ))  # fmt: skip
