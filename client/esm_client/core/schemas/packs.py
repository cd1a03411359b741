"""What travels in packs of many ESMs (core.packs)."""

from typing import Annotated

from pydantic import Field

from esm_client.core.schemas.contract import Contract, Digest, Name, Problem
from esm_client.core.schemas.esms import EsmVersionCreate, Finding
from esm_client.core.schemas.spaces import SpaceDetail
from esm_client.core.schemas.tasks import Source


class PackedEsm(EsmVersionCreate):
    """One ESM of a pushed pack: its name in the namespace, and what a push says otherwise."""

    name: Name


class PackResult(Contract):
    """What became of one ESM of a pushed pack."""

    name: str
    version: int | None = None
    digest: Digest | None = None
    is_new: bool = False
    findings: tuple[Finding, ...] = ()
    """What the admission found wrong with the version, and published all the same."""
    missing: tuple[str, ...] = ()
    """What a user of its data set would have to ask for: facts that its source does not state."""
    problem: Problem | None = None
    """Why it was not published; the others are all the same."""


class PackReport(Contract):
    """What became of a pushed pack, in its order."""

    results: list[PackResult]


class LiveEsm(Contract):
    """One ESM that a space ranks, its latest live version, and what may change of it any day."""

    key: Annotated[int, Field(ge=1)]
    """By which packs are asked for it."""
    reference: str
    digest: Digest
    source: Source = Source()
    tags: tuple[str, ...] = ()
    near_duplicate_of: str | None = None


class LiveSpace(Contract):
    """All that a space ranks, as the caller may read it; packs hold the ESMs themselves."""

    space: SpaceDetail
    generation: int
    live: list[LiveEsm]


class PackContent(Contract):
    """`pack.json` of a pulled pack."""

    lost: list[str]
    """References of what was asked for and is left out, as the server lost bytes of it."""
