"""`esm-server` processes forked from one that has imported the server: imports are most of a start.

They are processes like any other: signals, kills, locks and what they leave behind are theirs. Only
tests fork them, benches start each from nothing.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver, get_context
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any
from unittest.mock import patch

_FORKING: Any = get_context("forkserver")
_FORKING.set_forkserver_preload(["support.preloaded"])
_LOADED_AT_A_START = ("LD_PRELOAD", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


def can_fork(env: Mapping[str, str]) -> bool:
    """Whether nothing in this environment needs a start from nothing, as a turned clock does."""
    return not any(name in env for name in _LOADED_AT_A_START)


@cache
def _start_once() -> None:
    """Start what all are forked from. Python 3.11 tells it nothing of our sys.path."""
    with patch.dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)):
        forkserver.ensure_running()


class Forked:
    """One of them, with what `subprocess.Popen` has of it."""

    def __init__(
        self, words: Sequence[str], env: Mapping[str, str], stdout: Path, stderr: Path
    ) -> None:
        for path in (stdout, stderr):
            path.open("wb").close()  # at once: what an earlier one wrote is not this one's
        _start_once()
        arguments = (list(words), dict(env), stdout, stderr)
        self._words = words
        self._process = _FORKING.Process(target=_run, args=arguments, daemon=True)
        self._process.start()
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Its exit status, once it has ended; minus the signal that ended it."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once it has ended; raises TimeoutExpired."""
        self._process.join(timeout)
        if (status := self.poll()) is None:
            raise TimeoutExpired(list(self._words), timeout or 0)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _run(words: list[str], env: dict[str, str], stdout: Path, stderr: Path) -> None:
    """What the new process does."""
    writing = os.O_WRONLY | os.O_APPEND
    files = ((os.devnull, os.O_RDONLY), (stdout, writing), (stderr, writing))
    for descriptor, (path, mode) in enumerate(files):
        opened = os.open(path, mode)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["esm-server", *words]
    from esm_server.cli.entry import main

    main()
