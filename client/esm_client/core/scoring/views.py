"""Views: numbers beside a text's embedding that come from an inner layer of the base model."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Views:
    """The last `count` columns of embeddings z = [x, u], and the digest of the basis they are by.

    Two arrays of views are comparable only where both digests are the same.
    """

    count: int
    basis: str
