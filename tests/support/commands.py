"""`esm-client` commands: in this process, or as a process of their own.

A process takes most of a second to start, a command in this process a few milliseconds. What is
about processes is tested on processes: signals, pipes, terminals, exit codes, encodings, keyrings.
"""

import io
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from unittest.mock import patch

from support.streams import pipe, standard_streams, written

from esm_client.cli.__main__ import run

COMMAND = (sys.executable, "-m", "esm_client.cli")
Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]


def run_here(
    arguments: Sequence[object], *, env: Mapping[str, str], cwd: Path, stdin: str = ""
) -> Result:
    """Run one command line in this process; it finds and leaves nothing of other tests.

    It has the environment `env` and nothing else, the working directory, streams of bytes that
    are no terminals, the warning filters and the keyring of a process that has just begun.
    """
    words = [str(one) for one in arguments]
    source = pipe(stdin.encode())
    stdout, stderr = pipe(), pipe(errors="backslashreplace")
    with ExitStack() as stack:
        stack.enter_context(_environment(env))
        stack.enter_context(chdir(cwd))
        stack.enter_context(patch.object(sys, "excepthook", sys.excepthook))  # typer sets its own
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(_keyring_of_the_environment())
        stack.enter_context(standard_streams(source, stdout, stderr))
        stack.enter_context(_log_handlers(stderr))
        code = _exit_code(words)
    return subprocess.CompletedProcess(
        ["esm-client", *words], code, stdout=written(stdout), stderr=written(stderr)
    )


def run_process(
    arguments: Sequence[object], *, env: Mapping[str, str], cwd: Path, stdin: str = ""
) -> Result:
    """Run one command line in a process of its own, without a terminal."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=dict(env),
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def failed(result: Result, code: int = 1) -> tuple[str, str]:
    """What was wrong and what to do: the two lines of a command that failed with `code`."""
    lines = result.stderr.splitlines()
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert len(lines) == 2, result.stderr
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("  ")
    return lines[0].removeprefix("error: "), lines[1].strip()


def _exit_code(words: list[str]) -> int:
    try:
        return run(words)
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)


@contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    """The object stays the same: functions have it as a default argument."""
    before, wanted = dict(os.environ), dict(env)
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _log_handlers(stderr: io.TextIOWrapper) -> Iterator[None]:
    """Let what libraries log appear in the stderr of this command.

    Their handlers keep the stderr of when they were made, in a process the only one there is.
    """
    loggers = [one for one in logging.root.manager.loggerDict.values() if hasattr(one, "handlers")]
    handlers = {
        handler: handler.stream
        for logger in loggers
        for handler in logger.handlers
        if type(handler) is logging.StreamHandler
    }
    for handler in handlers:
        handler.setStream(stderr)
    try:
        yield
    finally:
        for handler, stream in handlers.items():
            handler.setStream(stream)


@contextmanager
def _keyring_of_the_environment() -> Iterator[None]:
    """The keyring library chooses a back end once; make it choose by this environment."""
    core = sys.modules.get("keyring.core")
    before = getattr(core, "_keyring_backend", None)
    if core:
        core._keyring_backend = None
    try:
        yield
    finally:
        if core := sys.modules.get("keyring.core"):
            core._keyring_backend = before
