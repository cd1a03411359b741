"""Ctrl-C in a command that can go on."""

from collections.abc import Generator
from contextlib import contextmanager


class Interrupted(Exception):
    """Interrupted where the same command goes on."""


@contextmanager
def goes_on() -> Generator[None]:
    """Turn Ctrl-C into Interrupted, which says that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt as cause:
        raise Interrupted from cause
