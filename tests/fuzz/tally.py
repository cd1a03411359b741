"""Counting what became of inputs, and showing it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from fuzz.worker import ACCEPTED


@dataclass
class Row:
    """One reader's figures."""

    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    peak: int = 0
    slowest: float = 0.0

    def add(self, outcome: str, seconds: float, peak: int, fault: str | None) -> None:
        """Count one input."""
        self.inputs += 1
        self.outcomes[outcome] += 1
        self.faults += fault is not None
        self.peak, self.slowest = max(self.peak, peak), max(self.slowest, seconds)


@dataclass
class Tally:
    """All readers' figures."""

    rows: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))

    @property
    def inputs(self) -> int:
        """Of all readers."""
        return sum(row.inputs for row in self.rows.values())

    @property
    def faults(self) -> int:
        """Inputs after which anything but an EsmError came out."""
        return sum(row.faults for row in self.rows.values())

    def table(self) -> str:
        """For people."""
        header = "| reader | inputs | accepted | refused | faults | peak MiB | slowest ms |"
        lines = [header, "|---|--:|--:|---|--:|--:|--:|"]
        for name, row in self.rows.items():
            refused = ", ".join(
                f"{outcome} {count}"
                for outcome, count in row.outcomes.most_common()
                if outcome != ACCEPTED
            )
            lines.append(
                f"| {name} | {row.inputs} | {row.outcomes[ACCEPTED]} | {refused or '-'} "
                f"| {row.faults} | {row.peak / 2**20:.1f} | {1000 * row.slowest:.0f} |"
            )
        return "\n".join(lines)

    def summary(self) -> dict[str, object]:
        """For programs."""
        outcomes: Counter[str] = Counter()
        for row in self.rows.values():
            outcomes.update(row.outcomes)
        accepted = outcomes.pop(ACCEPTED, 0)
        return {
            "inputs": self.inputs,
            "readers": len(self.rows),
            "accepted": accepted,
            "refused": sum(outcomes.values()) - outcomes["crash"] - outcomes["hang"],
            "faults": self.faults,
            "peak_mib": round(max((r.peak for r in self.rows.values()), default=0) / 2**20, 1),
            "slowest_ms": round(1000 * max((r.slowest for r in self.rows.values()), default=0)),
        }
