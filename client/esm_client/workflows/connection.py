"""The registry that a function works with: the caller's client, or one of its own."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from esm_client.core.schemas import Space
from esm_client.core.warnings import EsmWarning

if TYPE_CHECKING:
    from esm_client.remote.client import Client


@contextmanager
def connected(client: "Client | None") -> "Generator[Client]":
    """The given client, which stays open; else `Client()` as long as the block lasts."""
    if client is not None:
        yield client
        return
    from esm_client.remote.client import Client

    with Client() as own:
        yield own


def warn_if_retired(space: Space) -> None:
    """Warn of a space that gets no new ESMs, and name the one to use instead."""
    if space.retired_at is not None:
        instead = f"; use {space.successor}" if space.successor else ""
        warnings.warn(
            f"the space {space.name} is retired and gets no new ESMs{instead}.",
            EsmWarning,
            stacklevel=2,
        )
