"""What every source did for every target of a grid, without any judgement of methods."""

from collections import defaultdict
from collections.abc import Iterable
from statistics import fmean
from typing import Any

from esm_client.lab.evaluation.records import Record
from esm_client.lab.evaluation.transfer_report import NO_SOURCE

COLUMNS = ("target", "source", "performance", "gain")
RIGHT = ("performance", "gain")


def transfer_entries(records: Iterable[Record]) -> list[dict[str, Any]]:
    """An entry per target and source, means over seeds, the best of each target first.

    gain: over no intermediate task, of the same seeds; None where that is not known yet.
    """
    found: dict[tuple[str, str | None], dict[int, float]] = defaultdict(dict)
    for one in records:
        if one["what"] == "transfer":
            found[one["target"], one["source"]][one["seed"]] = one["performance"]
    entries: list[dict[str, Any]] = []
    for (target, source), by_seed in found.items():
        alone = found.get((target, None), {})
        gains = [value - alone[seed] for seed, value in by_seed.items() if seed in alone]
        entries.append({
            "target": target, "source": source, "performance": fmean(by_seed.values()),
            "gain": fmean(gains) if gains and source is not None else None,
        })  # fmt: skip
    return sorted(entries, key=lambda one: (one["target"], -one["performance"]))


def transfer_cells(entries: Iterable[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The rows of the table."""
    return [
        (
            one["target"],
            one["source"] or NO_SOURCE,
            f"{one['performance']:.4f}",
            "" if one["gain"] is None else f"{one['gain']:+.4f}",
        )
        for one in entries
    ]
