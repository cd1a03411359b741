"""A ranking by methods as one JSON document."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.cli.commands.ranking import shield_document
from esm_client.lab.selection.ranking import MethodScores
from esm_client.ranking.method_ranking import MethodRanking
from esm_client.ranking.source_rows import MethodRow


def document(ranking: MethodRanking) -> dict[str, Any]:
    """Everything: scores, ranks, reasons, seconds and bytes by source and method."""
    subject = ranking.subject
    agreement = [
        {"methods": found.methods, "spearman": found.correlation, "num_sources": found.num_sources}
        for found in ranking.agreement
    ]
    return {
        "space": subject.space,
        "pool_size": subject.pool_size,
        "kind": subject.kind,
        "num_rows": subject.num_rows,
        "methods": [_method(found) for found in ranking.scores.values()],
        "fused_methods": ranking.fused_methods,
        "rows": [_row(row) for row in ranking],
        "agreement": agreement,
        "problems": dict(subject.problems),
        "shield": shield_document(subject.shield, subject.left_out),
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
