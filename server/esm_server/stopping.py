"""What a server that stops answers to work it did not begin, or handed back undone."""

from esm_client.core.errors import Unavailable

RETRY_AFTER_SECONDS = 5
"""Most stops take less, restart included; a client comes back until its patience ends."""


def stopping() -> Unavailable:
    """The error; its Retry-After tells a client that nothing was done."""
    error = Unavailable("The server is stopping.", "Try again in a moment.")
    error.headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return error
