"""Scores of the ESMs of a pulled space, by the kernels that the server uses too."""

from collections.abc import Iterator, Sequence

from esm_client.core.artifact.directory import MODEL
from esm_client.core.errors import EsmError, InvalidArtifact
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.storage import EsmMap, load_map
from esm_client.core.maps.wide import WideMap
from esm_client.core.schemas import EsmVersionDetail
from esm_client.core.scoring.map_scores import MapScorer, Score
from esm_client.ranking.local.space import LocalSpace

BATCH = 16


def scored(
    local: LocalSpace, details: Sequence[EsmVersionDetail], scorer: MapScorer
) -> Iterator[tuple[EsmVersionDetail, Score]]:
    """ESMs with their scores, in any order; maps of one shape are scored a few at a time."""
    waiting: dict[tuple[str, int, int], tuple[list[EsmVersionDetail], list[EsmMap]]] = {}
    for detail in details:
        try:
            esm_map = load_map(local.blob(detail.manifest.files[MODEL].sha256))
        except (EsmError, KeyError) as error:
            known = error if isinstance(error, EsmError) else InvalidArtifact("It has no map.")
            yield detail, known
            continue
        rank = esm_map.rank if isinstance(esm_map, LowRankMap | WideMap) else 0
        shape = esm_map.architecture, esm_map.width, rank
        batch = waiting.setdefault(shape, ([], []))
        batch[0].append(detail)
        batch[1].append(esm_map)
        if len(batch[0]) == BATCH:
            del waiting[shape]
            yield from zip(batch[0], scorer.scores(batch[1]), strict=True)
    for of_one_shape, maps in waiting.values():
        yield from zip(of_one_shape, scorer.scores(maps), strict=True)
