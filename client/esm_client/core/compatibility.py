"""Whether a client and a server of different versions fit."""

import re

_VERSION = re.compile(r"(\d+)\.(\d+)")


def misfit(client: str, server: str) -> str | None:
    """What does not fit, and which side to update; None where they fit.

    Versions fit within one major number, and before 1.0 within one minor number as well.
    """
    ours, theirs = _VERSION.match(client), _VERSION.match(server)
    if ours is None or theirs is None:
        return None  # a development version: nobody knows
    mine, its = (tuple(int(part) for part in match.groups()) for match in (ours, theirs))
    significant = 2 if mine[0] == its[0] == 0 else 1
    if mine[:significant] == its[:significant]:
        return None
    if mine < its:
        return f"The server has version {server}, this client {client}: update the client."
    return (
        f"The server has version {server}, this client {client}: ask its operator to update it, "
        "or install the client of that version."
    )
