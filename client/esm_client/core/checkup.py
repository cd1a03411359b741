"""What a check of the doctor found."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True)
class Check:
    """One check: its name, how it ended, what was found, and how to mend it."""

    name: str
    state: State
    found: str
    fix: str = ""
