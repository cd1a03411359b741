"""ESM-LogME (Schulte et al. 2024, section 3): the method of this registry."""

from typing import ClassVar

from esm_client.core.errors import EsmError
from esm_client.core.maps.storage import EsmMap, dump_map
from esm_client.core.schemas import SourceKind
from esm_client.core.scoring.evidence import Variant, log_maximum_evidence
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.method import LABELLED
from esm_client.lab.selection.target import TargetTask


class EsmLogme:
    """LogME of the target's base embeddings, transformed by the source's map.

    variant: "exact" is the maximum evidence with an intercept, "published" the fixed point of
    hf-dataset-selector.
    """

    name: ClassVar[str] = "esm-logme"
    needs: ClassVar[str] = "an embedding space map"
    kinds: ClassVar[frozenset[SourceKind]] = LABELLED

    def __init__(self, variant: Variant = "exact") -> None:
        self._variant: Variant = variant

    def prepare(self, candidate: Candidate) -> EsmMap | None:
        """The map."""
        return candidate.esm

    def num_bytes(self, prepared: EsmMap) -> int:
        """Of the file of the map."""
        return len(dump_map(prepared))

    def score(self, prepared: EsmMap, target: TargetTask) -> float:
        """In nats per row, mean over label columns."""
        if self._variant == "published":
            features, labels = target.mapped(prepared), target.task.labels
            kind = target.task.target_kind
            return log_maximum_evidence(features, labels, kind=kind, variant="published")
        found = target.scorer.scores([prepared])[0]
        if isinstance(found, EsmError):
            raise found
        return found
