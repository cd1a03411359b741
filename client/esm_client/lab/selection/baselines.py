"""What a method has to beat."""

import hashlib
from typing import ClassVar

from esm_client.core.schemas import SourceKind
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.method import EVERY
from esm_client.lab.selection.target import TargetTask


class SourceSize:
    """The more rows a source has, the better."""

    name: ClassVar[str] = "size"
    needs: ClassVar[str] = "its number of rows"
    kinds: ClassVar[frozenset[SourceKind]] = EVERY

    def prepare(self, candidate: Candidate) -> int | None:
        """The number of rows."""
        return candidate.num_rows

    def num_bytes(self, prepared: int) -> int:
        """Of a number."""
        del prepared
        return 8

    def score(self, prepared: int, target: TargetTask) -> float:
        """The number of rows."""
        del target
        return float(prepared)


class Random:
    """A score drawn from the name of the source and the seed of the target."""

    name: ClassVar[str] = "random"
    needs: ClassVar[str] = "a name"
    kinds: ClassVar[frozenset[SourceKind]] = EVERY

    def prepare(self, candidate: Candidate) -> str:
        """The name."""
        return candidate.name

    def num_bytes(self, prepared: str) -> int:
        """Of the name."""
        return len(prepared.encode())

    def score(self, prepared: str, target: TargetTask) -> float:
        """From 0 to 1, the same again for the same target, seed and source."""
        target_name = target.task.source_task.data_set
        text = f"{target_name}\0{target.seed}\0{prepared}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2.0**48
