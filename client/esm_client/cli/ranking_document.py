"""A ranking as one JSON document."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.ranking.method_ranking import MethodRanking
from esm_client.ranking.method_scores import MethodScores
from esm_client.ranking.ranking import Ranking
from esm_client.ranking.source_rows import MethodRow


def document(ranking: Ranking | MethodRanking) -> dict[str, Any]:
    """What the shield found, and everything that is known of the rows."""
    if isinstance(ranking, MethodRanking):
        return _of_methods(ranking)
    receipt = ranking.receipt.model_dump(mode="json")
    receipt["rows"] = [row.model_dump(mode="json") for row in ranking]
    return {"shield": _shield(ranking), **receipt}


def _of_methods(ranking: MethodRanking) -> dict[str, Any]:
    """Scores, ranks, reasons, seconds and bytes by source and method."""
    subject = ranking.subject
    agreement = [
        {"methods": found.methods, "spearman": found.correlation, "num_sources": found.num_sources}
        for found in ranking.agreement
    ]
    return {
        "shield": _shield(ranking),
        "space": subject.space,
        "pool_size": subject.pool_size,
        "kind": subject.kind,
        "num_rows": subject.num_rows,
        "methods": [_method(found) for found in ranking.scores.values()],
        "fused_methods": ranking.fused_methods,
        "rows": [_row(row) for row in ranking],
        "agreement": agreement,
        "problems": dict(subject.problems),
    }


def _shield(ranking: Ranking | MethodRanking) -> dict[str, Any]:
    shield = ranking.shield
    overlaps = {
        reference: {
            "share": found.share,
            "interval": list(found.interval),
            "matched": found.matched,
            "compared": found.compared,
            "copy": found.is_copy,
        }
        for reference, found in shield.overlaps.items()
    }
    return {
        "state": shield.state,
        "cautions": ranking.cautions,
        "compared": shield.num_compared,
        "unknown": shield.num_unknown,
        "not_compared": list(shield.not_compared),
        "overlaps": overlaps,
        "left_out": [row.reference for row in ranking.left_out],
        "groups": [list(group) for group in shield.groups],
    }


def _method(found: MethodScores) -> dict[str, Any]:
    return {
        "name": found.method,
        "num_ranked": int((~np.isnan(found.scores)).sum()),
        "prepare_seconds": _total(found.prepare_seconds),
        "seconds": _total(found.seconds),
        "num_bytes": int(_total(found.num_bytes)),
    }


def _total(values: NDArray[np.float64]) -> float:
    return float(np.nansum(values))


def _row(row: MethodRow) -> dict[str, Any]:
    return {
        "reference": row.reference,
        "digest": row.digest,
        "task": row.task.model_dump(mode="json"),
        "source": row.source.model_dump(mode="json"),
        "has_source_model": row.has_source_model,
        "rank": row.rank,
        "fused": row.fused,
        "by_method": {name: asdict(cell) for name, cell in row.by_method.items()},
    }
