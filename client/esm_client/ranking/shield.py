"""The leak and copy shield: which ranked sources hold rows of the target, and of each other.

The registry hands out sketches of all ranked sources; the comparison runs here, and nothing of
the target travels for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from esm_client.core.shield.overlap import Overlap
from esm_client.core.shield.source import SourceSketches, TargetHashes

MAX_ROWS = 2000
"""How many rows of a ranking are compared, from the best on."""
SAME_SOURCE = 0.5
"""Sources of which the smaller has this share of its rows in the larger are grouped."""
NOT_TOLD = "nothing says that they were compared with it"

State = Literal["known", "off", "unknown"]
"""Whether sources were compared with the target: they were; or they could not be, as nobody gave
its texts; or nobody here can tell any more, as of a ranking that another machine made."""


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

    state: State
    num_compared: int
    not_compared: Sequence[str] = ()
    """Rows without a sketch, with one of another rule, or with one too coarse for so small a
    target: nobody can tell about them. All of them unless the state is known."""
    overlaps: Mapping[str, Overlap] = field(default_factory=dict[str, Overlap])
    """Sources that hold more of the target than chance phrases."""
    groups: Sequence[Sequence[str]] = ()
    """Of the rows not left out: sources that hold each other's rows, or whose maps are almost the
    same; best first."""
    left_out: Sequence[str] = ()
    """Copies of the target, unless they were to be kept."""
    reason: str = ""
    """Why the state is unknown, without a full stop."""

    @classmethod
    def unknown(cls, rows: Sequence[Compared], reason: str = NOT_TOLD) -> "ShieldReport":
        """Of rows of which nobody here can tell, and why."""
        return cls("unknown", 0, [row.reference for row in rows], reason=reason)

    @property
    def num_unknown(self) -> int:
        """How many rows nobody can tell about."""
        return len(self.not_compared)

    @property
    def copies(self) -> tuple[str, ...]:
        """Sources that hold about half of the target or more."""
        return tuple(name for name, found in self.overlaps.items() if found.is_copy)

    def share_of(self, reference: str) -> float | None:
        """The share of the target that a source holds, 0 for chance phrases; None: not known."""
        found = self.overlaps.get(reference)
        if found is not None:
            return found.share
        return None if reference in self._not_compared else 0.0

    def group_of(self, reference: str) -> int | None:
        """The number of a row's group, from 0; None for a row on its own."""
        numbers = (n for n, group in enumerate(self.groups) if reference in group)
        return next(numbers, None)

    @cached_property
    def _not_compared(self) -> frozenset[str]:
        return frozenset(self.not_compared)


def examine(
    rows: Sequence[Compared],
    sketches: Mapping[str, SourceSketches],
    target: TargetHashes | None,
    *,
    keep_copies: bool = False,
    before: ShieldReport | None = None,
) -> ShieldReport:
    """Compare rows, whose sketches are given by version digest, with a target and each other.

    before: what an earlier look at the same ranking found. It stays found: of two measures of one
    source the larger one counts, and what was left out is left out again.
    """
    earlier = before or ShieldReport.unknown(rows)
    unknown, gone = set(earlier.not_compared), set(earlier.left_out)
    found: dict[str, Overlap] = {}
    not_compared: list[str] = []
    left_out: list[str] = []
    for row in rows:
        name, now = row.reference, _overlap(sketches.get(row.digest), target)
        if now is None and name in unknown:
            not_compared.append(name)
        both = (now, earlier.overlaps.get(name))
        shared = [one for one in both if one and (one.is_shared or name in gone)]
        if shared:
            found[name] = max(shared, key=lambda one: one.share)
        if name in gone or (shared and found[name].is_copy and not keep_copies):
            left_out.append(name)
    known = {row.reference: sketches[row.digest] for row in rows if row.digest in sketches}
    kept = [row for row in rows if row.reference not in left_out]
    return ShieldReport(
        state="off" if target is None else "known",
        num_compared=len(rows) - len(not_compared),
        not_compared=not_compared,
        overlaps=found,
        groups=_groups(kept, known),
        left_out=left_out,
    )


def _overlap(sketch: SourceSketches | None, target: TargetHashes | None) -> Overlap | None:
    """How much of the target a source holds; None where nobody can tell."""
    if sketch is None or target is None:
        return None
    found = sketch.overlap(target)
    return found if found is not None and found.is_telling else None


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
