"""A seeded sample of rows that does not depend on their order, in one pass."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from esm_client.lab.data.table import Columns

Row = tuple[Any, ...]


@dataclass(frozen=True)
class DrawnRows:
    """rows: in their order. usable: how many there were to draw from. left_out: why, how many."""

    rows: list[Row]
    usable: int
    left_out: Counter[str]


def draw_rows(
    blocks: Iterable[Columns],
    names: Sequence[str],
    *,
    texts: int,
    limit: int | None,
    seed: int,
    reason_against: Callable[[Row], str | None],
) -> DrawnRows:
    """Draw at most `limit` rows; memory does not grow with the rows that are passed over.

    Each row is drawn by a keyed hash of its texts, so the same rows give the same sample in
    whatever order, file or format they come.

    Args:
        names: columns of the rows, the texts first; texts: how many of them are texts.
        reason_against: why a row cannot be used, or None.
    """
    kept: list[tuple[int, int, Row]] = []
    left_out: Counter[str] = Counter()
    usable = 0
    key = seed.to_bytes(8, "little")
    for block in blocks:
        for row in zip(*(block[name] for name in names), strict=True):
            reason = reason_against(row)
            if reason is not None:
                left_out[reason] += 1
                continue
            usable += 1
            if limit is None:
                kept.append((0, usable, row))
                continue
            # negative, so that the heap's first is the one to give up; earlier rows win ties
            entry = (-_priority(row[:texts], key), -usable, row)
            if len(kept) < limit:
                heapq.heappush(kept, entry)
            elif entry[:2] > kept[0][:2]:
                heapq.heapreplace(kept, entry)
    kept.sort(key=lambda entry: abs(entry[1]))
    return DrawnRows([row for _, _, row in kept], usable, left_out)


def digest_rows(rows: Iterable[Row]) -> str:
    """One sha256 of rows in whatever order: equal for the same data under two names."""
    from hashlib import sha256

    digests = sorted(blake2b(_bytes(row), digest_size=16).digest() for row in rows)
    return f"sha256:{sha256(b''.join(digests)).hexdigest()}"


def _priority(texts: Row, key: bytes) -> int:
    return int.from_bytes(blake2b(_bytes(texts), digest_size=8, key=key).digest(), "little")


def _bytes(cells: Row) -> bytes:
    return "\x1f".join(map(str, cells)).encode("utf-8", "replace")
