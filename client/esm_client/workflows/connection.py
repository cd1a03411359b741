"""The registry that a function works with: the caller's client, or one of its own."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
