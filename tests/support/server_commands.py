"""`esm-server` commands in this process: a start of Python costs many times what most of them do.

What is about a process (signals, locks that end with it, a server that listens) has one of its
own: see `RunningRegistry.run_process` and `begin_command`.
"""

import io
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from unittest.mock import patch

from esm_server.cli.entry import run


def run_here(arguments: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one command line with this environment and no other; it leaves nothing behind."""
    assert arguments[0] != "serve", "a server sets up logging and signals for the whole process"
    output, errors = io.StringIO(), io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, env, clear=True))
        stack.enter_context(patch.object(sys, "excepthook", sys.excepthook))  # typer sets its own
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(_no_log_handlers())
        stack.enter_context(redirect_stdout(output))
        stack.enter_context(redirect_stderr(errors))
        code = run(arguments)
    return subprocess.CompletedProcess(
        ["esm-server", *arguments], code, output.getvalue(), errors.getvalue()
    )


@contextmanager
def _no_log_handlers() -> Iterator[None]:
    """As in a process that has set up none: warnings go to stderr as they are."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    try:
        yield
    finally:
        root.handlers = before
