"""`esm-server` commands in this process: a start of Python costs many times what most of them do.

What is about a process (signals, locks that end with it, a server that listens) has one of its own.
"""

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from support.streams import pipe, standard_streams, written

from esm_server.cli.entry import run

COMMAND = (sys.executable, "-m", "esm_server.cli")
SECONDS = 60
"""For a server to start or to stop, and for a command."""


def run_here(arguments: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one command line with this environment and no other; it leaves nothing behind."""
    assert arguments[0] != "serve", "a server sets up logging and signals for the whole process"
    source, stdout, stderr = pipe(), pipe(), pipe(errors="backslashreplace")
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, env, clear=True))
        stack.enter_context(patch.object(sys, "excepthook", sys.excepthook))  # typer sets its own
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(_no_log_handlers())
        stack.enter_context(standard_streams(source, stdout, stderr))
        code = run(arguments)
    return subprocess.CompletedProcess(
        ["esm-server", *arguments], code, stdout=written(stdout), stderr=written(stderr)
    )


def run_process(
    arguments: Sequence[str], env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own: for `serve`, and for what is about processes."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def server_env(**settings: str) -> dict[str, str]:
    """The environment of a server's process with these settings and none of this machine's."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("ESM_")},
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OMP_NUM_THREADS": "1",
        **settings,
    }


@contextmanager
def _no_log_handlers() -> Iterator[None]:
    """As in a process that has set up none: warnings go to stderr as they are."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    try:
        yield
    finally:
        root.handlers = before
