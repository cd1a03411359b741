"""LEEP (Nguyen et al. 2020)."""

from typing import ClassVar

from esm_client.core.schemas import SourceKind
from esm_client.core.scoring.leep import log_expected_empirical_prediction
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.nce import classifier
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.selection.target import TargetTask


class Leep:
    """How well the source model's class probabilities tell the target's classes."""

    name: ClassVar[str] = "leep"
    needs: ClassVar[str] = "its source model with a classification head"
    kinds: ClassVar[frozenset[SourceKind]] = frozenset({"classification"})

    def prepare(self, candidate: Candidate) -> SourceModel | None:
        """The source model of a classification task."""
        return classifier(candidate)

    def num_bytes(self, prepared: SourceModel) -> int:
        """Of the model."""
        return prepared.num_bytes

    def score(self, prepared: SourceModel, target: TargetTask) -> float:
        """In nats; 0 is best."""
        probabilities = prepared.probabilities(target.embedded_by(prepared))
        return log_expected_empirical_prediction(probabilities, target.task.labels)
