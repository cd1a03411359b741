"""Arguments that take one of something or several."""

import os
from collections.abc import Iterable
from typing import TypeVar

One = TypeVar("One")


def listed(given: One | Iterable[One] | None) -> tuple[One, ...]:
    """Several as they are, one as a tuple of it, None as an empty one; a string is one.

    >>> listed("all"), listed(["size", "random"]), listed(None)
    (('all',), ('size', 'random'), ())
    """
    if given is None:
        return ()
    if isinstance(given, str | os.PathLike) or not isinstance(given, Iterable):
        return (given,)  # pyright: ignore[reportReturnType]
    return tuple(given)
