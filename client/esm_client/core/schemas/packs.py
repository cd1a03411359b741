"""What travels in packs of many ESMs (core.packs)."""

from esm_client.core.schemas.contract import Contract, Digest, Name, Problem
from esm_client.core.schemas.esms import EsmVersionCreate
from esm_client.core.schemas.spaces import SpaceDetail


class PackedEsm(EsmVersionCreate):
    """One ESM of a pushed pack: its name in the namespace, and what a push says otherwise."""

    name: Name


class PackResult(Contract):
    """What became of one ESM of a pushed pack."""

    name: str
    version: int | None = None
    digest: Digest | None = None
    is_new: bool = False
    problem: Problem | None = None
    """Why it was not published; the others are all the same."""


class PackReport(Contract):
    """What became of a pushed pack, in its order."""

    results: list[PackResult]


class LiveEsm(Contract):
    """One ESM that a pulled space ranks: the latest live version."""

    reference: str
    digest: Digest


class PackContent(Contract):
    """`pack.json` of a pulled pack."""

    space: SpaceDetail
    generation: int
    cursor: int
    """To be named when the next pack is pulled: it then holds only what came later."""
    is_last: bool
    """Whether nothing comes after it."""
    live: list[LiveEsm]
    """In the last one: all of them, also those an earlier pack held."""
