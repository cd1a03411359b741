"""Scores that users of transformer-ranker know, on ESM-transformed embeddings."""

from typing import ClassVar

from esm_client.core.maps.storage import EsmMap, dump_map
from esm_client.core.schemas import SourceKind
from esm_client.core.scoring.h_score import h_score
from esm_client.core.scoring.nearest_neighbours import nearest_neighbour_score
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.method import LABELLED
from esm_client.lab.selection.target import TargetTask


class _OfMap:
    needs: ClassVar[str] = "an embedding space map"

    def prepare(self, candidate: Candidate) -> EsmMap | None:
        """The map."""
        return candidate.esm

    def num_bytes(self, prepared: EsmMap) -> int:
        """Of the file of the map."""
        return len(dump_map(prepared))


class EsmHScore(_OfMap):
    """H-score (Bao et al. 2019) of the transformed embeddings."""

    name: ClassVar[str] = "esm-h-score"
    kinds: ClassVar[frozenset[SourceKind]] = frozenset({"classification"})

    def score(self, prepared: EsmMap, target: TargetTask) -> float:
        """As `h_score`."""
        return h_score(target.mapped(prepared), target.task.labels)


class EsmNearestNeighbours(_OfMap):
    """Leave-one-out nearest neighbours among the transformed embeddings."""

    name: ClassVar[str] = "esm-knn"
    kinds: ClassVar[frozenset[SourceKind]] = LABELLED

    def score(self, prepared: EsmMap, target: TargetTask) -> float:
        """As `nearest_neighbour_score`."""
        features, kind = target.mapped(prepared), target.task.target_kind
        return nearest_neighbour_score(features, target.task.labels, kind=kind)
