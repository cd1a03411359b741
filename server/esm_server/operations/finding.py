"""What a check found wrong."""

from dataclasses import dataclass, field
from typing import Literal

Code = Literal[
    "schema",
    "blob-missing",
    "blob-damaged",
    "digest-wrong",
    "facts-wrong",
    "esm-empty",
    "esm-facts-wrong",
    "text-index-wrong",
    "vectors-wrong",
    "reference-dangling",
    "alias-elsewhere",
    "file-elsewhere",
    "engine-damaged",
]

CODES: dict[Code, str] = {
    "schema": "the database has another schema than this version reads",
    "blob-missing": "the store has lost a file",
    "blob-damaged": "the store has a file with other bytes than its digest says",
    "digest-wrong": "a version's digest is not that of its manifest",
    "facts-wrong": "a version's columns are not what its files say",
    "esm-empty": "an ESM has no version",
    "esm-facts-wrong": "an ESM's columns do not follow from its versions",
    "text-index-wrong": "a text that search finds is not the ESM's",
    "vectors-wrong": "a signature, text embedding or sketch is missing or not its version's",
    "reference-dangling": "a row names another that does not exist",
    "alias-elsewhere": "an alias points to a version of another ESM",
    "file-elsewhere": "a file is filed under another namespace than its ESM's",
    "engine-damaged": "the engine's copy of a map is damaged",
}
"""Everything that can be found, in short."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what, where, and whether `--repair` can mend it.

    key: what the repair needs to find it again, a version's or an ESM's id for instance.
    """

    code: Code
    where: str
    what: str
    repairable: bool
    key: int | str = 0


@dataclass(slots=True)
class Report:
    """What a check looked at and found."""

    versions: int = 0
    blobs: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])
    unreferenced_blobs: int = 0
    unreferenced_bytes: int = 0
    repaired: list[Finding] = field(default_factory=list[Finding])
    """What was found before a repair and is not found after it."""
    set_aside: dict[str, str] = field(default_factory=dict[str, str])
    """Where a repair has moved damaged blobs, by digest."""
