"""The registry of a workflow: the client that was given, or one of the user's settings."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from esm_client.core.errors import EsmWarning
from esm_client.core.schemas import Space

if TYPE_CHECKING:
    from esm_client.remote.client import Client


@contextmanager
def opened(client: "Client | None") -> "Generator[Client]":
    """The client that was given, which stays open, or one that is closed at the end."""
    from esm_client.remote.client import Client

    if client is not None:
        yield client
        return
    with Client() as own:
        yield own


def warn_if_retired(space: Space) -> None:
    """Warn of a space that gets no new ESMs, and say what to use instead."""
    if space.retired_at is not None:
        instead = f"; use {space.successor}" if space.successor else ""
        warnings.warn(
            f"the space {space.name} is retired and gets no new ESMs{instead}.",
            EsmWarning,
            stacklevel=2,
        )
