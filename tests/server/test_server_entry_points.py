"""`esm-server` as the operating system starts it: its names, exit codes and streams."""

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from support.artifacts import make_esm, publish
from support.registry import RunningRegistry, back_ends
from support.server_commands import SECONDS, run_here, run_process, server_env

pytestmark = pytest.mark.process

INSTALLED = (str(Path(sys.executable).with_name("esm-server")),)


@pytest.fixture(name="damaged", scope="module")
def _damaged(tmp_path_factory):
    """The environment of a stopped registry with one ESM that has lost a file."""
    folder = tmp_path_factory.mktemp("damaged")
    running = RunningRegistry(folder / "registry")
    try:
        publish(running, make_esm(folder, "esm"), "n/esm", space="space").raise_for_status()
        ((digest,),) = running.query(
            "SELECT digest FROM version_files WHERE name = 'model.safetensors'"
        )
        running.store.remove(digest)
        assert running.stop() == 0
    finally:
        running.kill()
    own = back_ends(running.data_dir)
    return server_env(ESM_SERVER_DATA_DIR=str(running.data_dir), COLUMNS="100", **own)


@pytest.fixture(name="nowhere")
def _nowhere(tmp_path):
    """The environment of a server that has no registry yet."""
    return server_env(ESM_SERVER_DATA_DIR=str(tmp_path / "nowhere"), COLUMNS="100")


def run_installed(words, env):
    return subprocess.run(
        [*INSTALLED, *words],
        env=env,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize("run", [run_process, run_installed], ids=["module", "script"])
class TestExitCodes:
    def test_done(self, damaged, run):
        result = run(["--help"], damaged)
        assert (result.returncode, result.stderr) == (0, "")
        assert "Usage: esm-server " in result.stdout
        assert "The ESM registry server." in result.stdout

    def test_failed(self, nowhere, run):
        result = run(["check"], nowhere)
        assert (result.returncode, result.stdout) == (1, ""), result.stderr
        message, hint = result.stderr.splitlines()
        assert message.startswith("error: There is no registry in ")
        assert hint.startswith("  ")

    def test_wrong(self, damaged, run):
        result = run(["check", "--frobnicate"], damaged)
        assert (result.returncode, result.stdout) == (2, "")
        assert "No such option: --frobnicate" in result.stderr
        assert "Traceback" not in result.stderr

    def test_problems(self, damaged, run):
        result = run(["check"], damaged)
        assert (result.returncode, result.stderr) == (3, "")
        assert "problem   blob-missing  sha256:" in result.stdout
        assert result.stdout.endswith("1 problems.\n")


@pytest.mark.parametrize(
    "words",
    [
        ["check"],
        ["check", "--json"],
        ["gc", "--dry-run"],
        ["token", "create", "--user", "ann"],
        ["scrub", "--rate", "fast"],
    ],
    ids=" ".join,
)
def test_a_command_in_this_process_prints_the_same(damaged, words):
    """What the other tests of commands rest upon."""
    here, there = run_here(words, damaged), run_process(words, damaged)
    assert (here.returncode, here.stdout, here.stderr) == (
        there.returncode, there.stdout, there.stderr,
    )  # fmt: skip


def state():
    """What a command could change for the tests after it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return (
        dict(os.environ), Path.cwd(), mask, sys.stdin, sys.stdout, sys.stderr, sys.excepthook,
        warnings.showwarning, list(warnings.filters), loggers(),
    )  # fmt: skip


def loggers():
    """Levels and handlers of all that are set up; a library adds idle ones when it is imported."""
    named = (one for one in logging.root.manager.loggerDict.values() if hasattr(one, "handlers"))
    shown = {}
    for one in (logging.root, *named):
        handlers = [held for held in one.handlers if not isinstance(held, logging.NullHandler)]
        if handlers or one.level or one.disabled or not one.propagate:
            shown[one.name] = (one.level, handlers, one.disabled, one.propagate)
    return shown


@pytest.mark.parametrize("words", [["check"], ["migrate"], ["frobnicate"]], ids=" ".join)
def test_a_command_in_this_process_leaves_nothing_behind(damaged, words):
    before = state()
    run_here(words, damaged | {"ESM_SERVER_LOG_LEVEL": "debug"})
    assert state() == before
