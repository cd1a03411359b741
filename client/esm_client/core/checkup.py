"""What a check of the doctor found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True)
class Check:
    """One check: its name, how it ended, what was found, and how to mend it.

    facts: names and values that the fix speaks of, for programs, as those of an EsmError.
    """

    name: str
    state: State
    found: str
    fix: str = ""
    facts: Mapping[str, object] = field(default_factory=dict[str, object])

    def document(self) -> dict[str, str]:
        """For JSON: all but the facts."""
        return {"name": self.name, "state": self.state, "found": self.found, "fix": self.fix}
