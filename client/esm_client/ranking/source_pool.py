"""The sources that methods rank: of a pulled space, what filter and shield leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from esm_client.core.errors import InvalidInput
from esm_client.core.references import Reference
from esm_client.core.schemas import EsmFilter, EsmVersionDetail
from esm_client.core.shield.source import TargetHashes
from esm_client.ranking.local.pool import filtered, sketches_of
from esm_client.ranking.local.space import LocalSpace
from esm_client.ranking.shield import ShieldReport, examine

Value = TypeVar("Value")


@dataclass(frozen=True)
class SourcePool:
    """ESMs of a pulled space, by name; copies of the target are left out beforehand.

    size: how many passed the filter.
    """

    local: LocalSpace
    versions: Sequence[EsmVersionDetail]
    left_out: Sequence[EsmVersionDetail]
    shield: ShieldReport

    @classmethod
    def of(
        cls, local: LocalSpace, rows: Sequence[Sequence[str]], wanted: EsmFilter, *,
        keep_copies: bool,
    ) -> "SourcePool":  # fmt: skip
        """What is ranked for a target of these rows; raises NotFound for too narrow a filter."""
        found = sorted(filtered(local, wanted), key=lambda detail: detail.reference)
        compared = [local.live[detail.reference, detail.digest] for detail in found]
        sketches = sketches_of(local, found, (detail.digest for detail in found))
        report = examine(compared, sketches, TargetHashes.of(rows), keep_copies=keep_copies)
        kept = [detail for detail in found if detail.reference not in report.left_out]
        gone = [detail for detail in found if detail.reference in report.left_out]
        return cls(local, kept, gone, report)

    @property
    def name(self) -> str:
        """Of its space."""
        return self.local.content.space.name

    @property
    def size(self) -> int:
        """How many ESMs passed the filter."""
        return len(self.versions) + len(self.left_out)

    def by_reference(self, given: Mapping[str, Value]) -> dict[str, Value]:
        """What was given for `namespace/name`, with or without version, by full reference.

        Raises InvalidInput for a source that is not ranked, and for one that is named twice.
        """
        found: dict[str, Value] = {}
        for text, value in given.items():
            reference = self._find(text)
            if reference in found:
                raise InvalidInput(f"{reference} is named twice.", "Name each source once.")
            found[reference] = value
        return found

    def _find(self, text: str) -> str:
        wanted = Reference.parse(text)
        for detail in self.versions:
            same = (detail.namespace, detail.name) == (wanted.namespace, wanted.name)
            if same and wanted.selector in ("latest", str(detail.version), detail.digest):
                return detail.reference
        raise InvalidInput(
            f"{text} is none of the {len(self.versions)} sources of {self.name} that are ranked.",
            "Correct it; `Client.list()` shows the names.",
        )
