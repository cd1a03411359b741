"""LogME (You et al. 2021): what ESM-LogME approximates."""

from typing import ClassVar

from esm_client.core.schemas import SourceKind
from esm_client.core.scoring.evidence import Variant, log_maximum_evidence
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.method import LABELLED
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.selection.target import TargetTask


class Logme:
    """LogME of the target's embeddings by the source model itself."""

    name: ClassVar[str] = "logme"
    needs: ClassVar[str] = "its source model"
    kinds: ClassVar[frozenset[SourceKind]] = LABELLED

    def __init__(self, variant: Variant = "exact") -> None:
        self._variant: Variant = variant

    def prepare(self, candidate: Candidate) -> SourceModel | None:
        """The source model."""
        return candidate.model

    def num_bytes(self, prepared: SourceModel) -> int:
        """Of the model."""
        return prepared.num_bytes

    def score(self, prepared: SourceModel, target: TargetTask) -> float:
        """In nats per row, mean over label columns."""
        return log_maximum_evidence(
            target.embedded_by(prepared), target.task.labels, kind=target.task.target_kind,
            variant=self._variant,
        )  # fmt: skip
