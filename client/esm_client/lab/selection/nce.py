"""Negative conditional entropy (Tran et al. 2019)."""

from typing import ClassVar

from esm_client.core.schemas import SourceKind
from esm_client.core.scoring.conditional_entropy import negative_conditional_entropy
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.selection.target import TargetTask


class Nce:
    """How well the classes that the source model predicts tell the target's."""

    name: ClassVar[str] = "nce"
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
        predicted = prepared.probabilities(target.embedded_by(prepared)).argmax(axis=1)
        return negative_conditional_entropy(predicted, target.task.labels)


def classifier(candidate: Candidate) -> SourceModel | None:
    """A candidate's source model, if its head predicts classes."""
    model = candidate.model
    if model is None or model.head is None or model.kind != "classification":
        return None
    return model
