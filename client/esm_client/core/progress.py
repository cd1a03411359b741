"""The one way in which long work tells how far it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the name of a step, how much of it is done, and how much there is (0: not known).

Steps that go on at the same time have different names. A step is over when all of it is done.
"""


def unheard(told: object) -> None:
    """Do nothing with a result or a note: the default of a callback."""


def silent(step: str, done: int, total: int) -> None:
    """Show nothing."""
