"""The leak and copy shield: which ranked sources hold rows of the target, and of each other.

The registry hands out sketches of all ranked sources; the comparison runs here, and nothing of
the target travels for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from esm_client.core.shield.overlap import Overlap
from esm_client.core.shield.source import SourceSketches, TargetHashes

MAX_ROWS = 2000
"""How many rows of a ranking are compared, from the best on."""
SAME_SOURCE = 0.5
"""Sources of which the smaller has this share of its rows in the larger are grouped."""


class Compared(Protocol):
    """What is compared of a source: a ranked row, or an ESM of a pulled space."""

    @property
    def reference(self) -> str: ...  # noqa: D102
    @property
    def digest(self) -> str: ...  # noqa: D102
    @property
    def near_duplicate_of(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True)
class ShieldReport:
    """What the comparison found; everything is by the references of rows."""

    num_compared: int
    num_unknown: int
    """Rows without a sketch, with one of another rule, or with one too coarse for so small a
    target: nobody can tell about them."""
    overlaps: Mapping[str, Overlap] = field(default_factory=dict[str, Overlap])
    """Sources that hold more of the target than chance phrases."""
    groups: Sequence[Sequence[str]] = ()
    """Of the rows not left out: sources that hold each other's rows, or whose maps are almost the
    same; best first."""
    left_out: Sequence[str] = ()
    """Copies of the target, unless they were to be kept."""

    @property
    def copies(self) -> tuple[str, ...]:
        """Sources that hold about half of the target or more."""
        return tuple(name for name, found in self.overlaps.items() if found.is_copy)

    def group_of(self, reference: str) -> int | None:
        """The number of a row's group, from 0; None for a row on its own."""
        numbers = (n for n, group in enumerate(self.groups) if reference in group)
        return next(numbers, None)


def examine(
    rows: Sequence[Compared],
    sketches: Mapping[str, SourceSketches],
    target: TargetHashes | None,
    *,
    keep_copies: bool = False,
) -> ShieldReport:
    """Compare rows, whose sketches are given by version digest, with a target and each other."""
    known = {row.reference: sketches[row.digest] for row in rows if row.digest in sketches}
    found: dict[str, Overlap] = {}
    compared = 0
    for reference, sketch in known.items():
        one = sketch.overlap(target) if target else None
        if one is not None and one.is_telling:
            compared += 1
            if one.is_shared:
                found[reference] = one
    left_out = [name for name, one in found.items() if one.is_copy and not keep_copies]
    kept = [row for row in rows if row.reference not in left_out]
    return ShieldReport(compared, len(rows) - compared, found, _groups(kept, known), left_out)


def _groups(rows: Sequence[Compared], sketches: Mapping[str, SourceSketches]) -> list[list[str]]:
    order = {row.reference: rank for rank, row in enumerate(rows)}
    parent = {reference: reference for reference in order}

    def root(reference: str) -> str:
        while parent[reference] != reference:
            reference = parent[reference]
        return reference

    def join(one: str, other: str) -> None:
        first, second = sorted((root(one), root(other)), key=order.__getitem__)
        parent[second] = first

    for row in rows:
        if row.near_duplicate_of in order:
            join(row.reference, row.near_duplicate_of or "")
    for one, other in _meeting({name: sketches[name] for name in order if name in sketches}):
        alike = sketches[one].similarity(sketches[other])
        if alike is not None and alike.is_shared and alike.share >= SAME_SOURCE:
            join(one, other)
    members: dict[str, list[str]] = {}
    for reference in order:
        members.setdefault(root(reference), []).append(reference)
    return [group for group in members.values() if len(group) > 1]


def _meeting(sketches: Mapping[str, SourceSketches]) -> set[tuple[str, str]]:
    """Pairs of sources that have a sampled row in common: all others cannot be alike."""
    names = list(sketches)
    hashes = np.concatenate([np.array([], np.uint64), *(s.rows.hashes for s in sketches.values())])
    owners = np.repeat(np.arange(len(names)), [len(s.rows.hashes) for s in sketches.values()])
    order = np.argsort(hashes, kind="stable")
    hashes, owners = hashes[order], owners[order]
    places = np.flatnonzero(hashes[1:] == hashes[:-1])
    pairs = np.unique(np.stack([owners[places], owners[places + 1]]), axis=1)
    return {(names[int(one)], names[int(other)]) for one, other in pairs.T}
