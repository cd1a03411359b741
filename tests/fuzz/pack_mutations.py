"""Lies in packs: about names, sizes, kinds, order and the end."""

from random import Random

from fuzz.bytes_mutations import damaged
from fuzz.json_mutations import changed_json

BLOCK = 512
MOST_BYTES = 10**8
"""So that what is multiplied twice still fits into memory."""
FIELDS = {"name": (0, 100), "mode": (100, 108), "size": (124, 136), "kind": (156, 157),
          "magic": (257, 265), "prefix": (345, 500)}  # fmt: skip
SIZES = (b"00000000000\0", b"77777777777\0", b"-0000000001\0", b"\x80" + b"\xff" * 11, b"8" * 12,
         b"           \0", b"1 2 3 4 5 6\0", b"00000001000\0")  # fmt: skip
NAMES = (b"pack.json", b"esms/000000000.json", b"esms/../../x.json", b"blobs/sha256-" + b"0" * 64,
         b"/etc/passwd", b"", b"\xff\xfe", b"blobs/sha256-" + b"0" * 64 + b"/",
         b"esms/1.json")  # fmt: skip


def members(data: bytes) -> list[tuple[bytes, bytes]]:
    """Headers and contents, as far as they can be made out."""
    found, at = [], 0
    while at + BLOCK <= len(data) and any(data[at : at + BLOCK]):
        header = data[at : at + BLOCK]
        try:
            size = int(header[124:136].strip(b" \0") or b"0", 8)
        except ValueError:
            break
        found.append((header, data[at + BLOCK : at + BLOCK + size]))
        at += BLOCK - (-size // BLOCK) * BLOCK
    return found


def join(parts: list[tuple[bytes, bytes]], end: bytes = bytes(2 * BLOCK)) -> bytes:
    """The archive of headers and contents."""
    return b"".join(h + c + bytes(-len(c) % BLOCK) for h, c in parts) + end


def signed(header: bytes, **fields: bytes) -> bytes:
    """A header with other fields and the checksum that belongs to them."""
    changed = bytearray(header)
    for name, value in fields.items():
        start, stop = FIELDS[name]
        changed[start:stop] = value[: stop - start].ljust(stop - start, b"\0")
    changed[148:156] = b" " * 8
    changed[148:156] = b"%06o\0 " % sum(changed)
    return bytes(changed)


def changed_pack(rng: Random, data: bytes) -> bytes:
    """A pack that is wrong somewhere."""
    parts = members(data)
    if not parts:
        return data
    at = rng.randrange(len(parts))
    header, content = parts[at]
    others = [*parts[:at], *parts[at + 1 :]]
    match rng.randrange(9):
        case 0:
            parts[at] = signed(header, name=rng.choice(NAMES)), content
        case 1:
            parts[at] = signed(header, size=rng.choice(SIZES)), content
        case 2:
            parts[at] = signed(header, kind=rng.choice((b"1", b"5", b"L", b"x", b"S"))), content
        case 3:
            rng.shuffle(parts)
        case 4:
            parts = others
        case 5:
            times = rng.choice((2, 50))
            parts = parts * times if times * len(data) < MOST_BYTES else parts
        case 6:
            return join(parts, rng.choice((b"", bytes(BLOCK), b"\1" * BLOCK, bytes(10))))
        case 7:
            wrong = changed_json(rng, content) if content[:1] == b"{" else content
            wrong = damaged(rng, content, header) if wrong == content else wrong
            parts[at] = signed(header, size=b"%011o" % len(wrong)), wrong
        case _:
            field = rng.choice(list(FIELDS))
            parts[at] = signed(header, **{field: rng.randbytes(rng.randrange(1, 20))}), content
    return join(parts)
