"""Arguments that take one of something or several."""

from collections.abc import Iterable
from typing import TypeVar, cast

One = TypeVar("One")


def listed(given: One | Iterable[One] | None) -> tuple[One, ...]:
    """Several as they are, one as a tuple of it, None as an empty one; a string is one.

    >>> listed("all"), listed(["size", "random"]), listed(None)
    (('all',), ('size', 'random'), ())
    """
    if given is None:
        return ()
    if isinstance(given, Iterable) and not isinstance(given, str):
        return tuple(cast("Iterable[One]", given))
    return (cast("One", given),)
