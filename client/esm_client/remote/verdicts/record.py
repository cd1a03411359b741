"""What the shield said of one ranking, or what it takes to say it once the ranking is there."""

import base64
from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self

import numpy as np
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, model_validator

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.schemas import Count, Digest
from esm_client.core.shield.overlap import Overlap
from esm_client.core.shield.source import TargetHashes
from esm_client.core.shield.texts import RULE, Hashes
from esm_client.ranking.shield import Compared, ShieldReport

VERSION: Final = 1
MAX_HASHES = 2**17
"""Of the rows and of the single texts of a target, each: a record stays below 3 MB."""


class _Record(BaseModel):
    """The ranking it is of; fields of later versions are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: Literal[1] = VERSION
    registry: str
    """Its URL: ids of different registries may be the same."""
    ranking: str
    rule: int = RULE
    """By which texts were normalised (core.shield.texts)."""


class Holder(BaseModel):
    """A source that holds more of the target than chance phrases, and how much was seen of it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    reference: str
    """As it stands in the ranking."""
    digest: Digest
    matched: Count
    compared: Count
    exact: bool
    left_out: bool

    @model_validator(mode="after")
    def _is_a_share(self) -> Self:
        if self.matched > self.compared:
            raise ValueError("more hashes matched than were compared")
        return self

    @property
    def overlap(self) -> Overlap:
        """How much of the target it holds."""
        return Overlap(self.matched, self.compared, self.exact)


class Verdict(_Record):
    """What the shield found; of sources that are not named here: no more than chance phrases."""

    state: Literal["known", "off"]
    rows: Digest
    """Of the references and digests of all rows that were looked at."""
    holders: tuple[Holder, ...]
    not_compared: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]

    @classmethod
    def of(
        cls, registry: str, ranking: str, rows: Sequence[Compared], report: ShieldReport
    ) -> "Verdict":
        """What a first look at the rows of a ranking found, which knew or was off."""
        digests = {row.reference: row.digest for row in rows}
        gone = set(report.left_out)
        return cls(
            registry=registry,
            ranking=ranking,
            state="known" if report.state == "known" else "off",
            rows=digest_of(rows),
            holders=tuple(
                Holder(
                    reference=name, digest=digests[name], matched=found.matched,
                    compared=found.compared, exact=found.exact, left_out=name in gone,
                )
                for name, found in report.overlaps.items()
            ),
            not_compared=tuple(report.not_compared) if report.state == "known" else (),
            groups=tuple(tuple(group) for group in report.groups),
        )  # fmt: skip

    def report(self, rows: Sequence[Compared]) -> ShieldReport:
        """The same of the rows as they are told now.

        It counts for the digests that were looked at. Where the rows are not those any more,
        nobody can tell about the others.
        """
        names = {row.reference: row.digest for row in rows}
        held = [one for one in self.holders if names.get(one.reference) == one.digest]
        if self.state == "off":
            unsure = [*names]
        elif self.rows == digest_of(rows):
            unsure = [*self.not_compared]
        else:
            told = {one.reference for one in held}
            unsure = [name for name in names if name not in told]
        groups = [[name for name in group if name in names] for group in self.groups]
        return ShieldReport(
            state=self.state,
            num_compared=len(rows) - len(unsure),
            not_compared=unsure,
            overlaps={one.reference: one.overlap for one in held},
            groups=[group for group in groups if len(group) > 1],
            left_out=[one.reference for one in held if one.left_out],
        )


class Waiting(_Record):
    """A ranking on its way: its rows are looked at when they are there.

    Until then it holds hashes of the target's rows and texts, never a text; None where nobody
    gave any.
    """

    state: Literal["waiting"] = "waiting"
    keep_copies: bool
    rows: Base64Bytes | None
    texts: Base64Bytes | None

    @classmethod
    def of(
        cls, registry: str, ranking: str, target: TargetHashes | None, *, keep_copies: bool
    ) -> "Waiting | None":
        """For a target of any size; None for one too large to be kept."""
        if target is None:
            return cls(
                registry=registry, ranking=ranking, keep_copies=keep_copies, rows=None, texts=None
            )
        if max(len(target.rows), len(target.texts)) > MAX_HASHES:
            return None
        return cls(
            registry=registry, ranking=ranking, keep_copies=keep_copies,
            rows=_encoded(target.rows), texts=_encoded(target.texts),
        )  # fmt: skip

    @model_validator(mode="after")
    def _are_hashes(self) -> Self:
        for data in (self.rows, self.texts):
            hashes = _hashes(data or b"")
            if (hashes[1:] <= hashes[:-1]).any():
                raise ValueError("hashes that do not increase")
        return self

    @property
    def target(self) -> TargetHashes | None:
        """The hashes of the target."""
        if self.rows is None or self.texts is None:
            return None
        return TargetHashes(_hashes(self.rows), _hashes(self.texts))


Record = Annotated[Verdict | Waiting, Field(discriminator="state")]


def digest_of(rows: Sequence[Compared]) -> str:
    """Of the references and digests of rows, in their order."""
    return digest_bytes("".join(f"{row.reference} {row.digest}\n" for row in rows).encode())


def _encoded(hashes: Hashes) -> bytes:
    return base64.b64encode(hashes.astype("<u8").tobytes())


def _hashes(data: bytes) -> Hashes:
    """Raises ValueError for bytes that are none."""
    return np.frombuffer(data, dtype="<u8").astype(np.uint64)
