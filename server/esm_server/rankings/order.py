"""From scores to the rows of a receipt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from esm_client.core.ordering import ordered
from esm_client.core.receipt import ranked_row, skipped_row
from esm_client.core.references import Reference
from esm_client.core.schemas import RankedEsm, SkippedEsm, Source, SourceTask
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.engine.request import PoolScores
from esm_server.rankings.candidates import Pool
from esm_server.registry.repository import EsmRepository, VersionRecord

MAX_SKIPPED = 1000
_PART = 500
"""How many keys go into one statement."""


@dataclass(frozen=True, slots=True)
class Records:
    """What is known of the versions a receipt speaks of."""

    versions: dict[int, VersionRecord]
    with_model: set[int]


def best_first(
    digests: Sequence[str], scores: PoolScores, limit: int
) -> tuple[list[int], list[int]]:
    """Indices into the pool: of the best rows, a few more for ties, and of what was skipped."""
    values = scores.scores
    scored = np.flatnonzero(~np.isnan(values))
    order = scored[np.argsort(-values[scored], kind="stable")]
    if len(order) > limit:  # equal scores at the end are ordered by name, so all of them count
        order = order[: np.searchsorted(-values[order], -values[order[limit - 1]], side="right")]
    skipped = [
        i for i in np.flatnonzero(np.isnan(values)).tolist() if digests[i] in scores.failures
    ]
    return order.tolist(), skipped[:MAX_SKIPPED]


def read_records(esms: EsmRepository, versions: list[int]) -> Records:
    """Look versions up, a part after the other."""
    found: dict[int, VersionRecord] = {}
    models: set[int] = set()
    for start in range(0, len(versions), _PART):
        part = versions[start : start + _PART]
        found |= esms.by_ids(part)
        models |= esms.with_source_model(part)
    return Records(found, models)


def ordered_rows(
    pool: Pool, indices: list[int], records: Records, scores: PoolScores,
    sketch: TargetSketch, *, intercept: bool,
) -> list[RankedEsm]:  # fmt: skip
    """The rows of these members, best first; deleted ones are left out."""
    rows: list[RankedEsm] = []
    for index in indices:
        record = records.versions.get(pool.versions[index])
        if record is None:
            continue
        version = record[1]
        row = ranked_row(
            reference=_reference(record),
            digest=version.digest,
            task=SourceTask.model_validate(version.task),
            source=Source.model_validate(version.source),
            has_source_model=version.id in records.with_model,
            near_duplicate_of=version.near_duplicate_of,
            score=float(scores.scores[index]),
            is_exact=bool(scores.exact[index]),
            identity_score=scores.identity,
        )
        rows.append(row)
    return ordered(rows, sketch, intercept=intercept)


def members(pool: Pool, indices: list[int], records: Records) -> dict[int, str]:
    """References by index into the pool."""
    found = ((index, records.versions.get(pool.versions[index])) for index in indices)
    return {index: _reference(record) for index, record in found if record is not None}


def skipped_rows(
    pool: Pool, indices: list[int], records: Records, scores: PoolScores
) -> list[SkippedEsm]:
    """What could not be scored, and why."""
    rows: list[SkippedEsm] = []
    for index in indices:
        record = records.versions.get(pool.versions[index])
        if record is None:
            continue
        error = scores.failures[pool.digests[index]]
        rows.append(skipped_row(_reference(record), record[1].digest, error))
    return rows


def _reference(record: VersionRecord) -> str:
    esm, version, _ = record
    return str(Reference(esm.namespace, esm.name, str(version.version)))
