"""How many files this process may open, and how many of them may be connections."""

import logging
import resource
from contextlib import suppress

MOST_CONNECTIONS = 8192
"""Open at a time, idle ones too; the next wait. Many times what users of one server need, so that
who opens thousands keeps nobody out; an idle one costs some kilobytes."""
MOST_FILES = 65_536
_LOG = logging.getLogger("esm_server")


def allow_connections() -> int:
    """Raise this process's limit of open files; how many connections fit into it.

    A quarter is left for the database, blobs and workers.
    """
    files = _raise_limit()
    connections = min(MOST_CONNECTIONS, files * 3 // 4)
    if connections < MOST_CONNECTIONS:
        _LOG.warning(
            "this process may open %d files, so it serves %d connections at a time and not %d: "
            "raise the hard limit of open files (LimitNOFILE of a unit, nofile of a container)",
            files, connections, MOST_CONNECTIONS,
        )  # fmt: skip
    return connections


def _raise_limit() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST_FILES if soft == resource.RLIM_INFINITY else soft
    with suppress(OSError, ValueError):  # macOS has a further limit of its own
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
