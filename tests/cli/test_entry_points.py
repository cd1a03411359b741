"""The command as the operating system starts it: its names, exit codes and streams."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import COMMAND, run_here, run_process

import esm_client

pytestmark = pytest.mark.process

INSTALLED = (str(Path(sys.executable).with_name("esm-client")),)


@pytest.mark.parametrize("command", [COMMAND, INSTALLED], ids=["module", "script"])
@pytest.mark.parametrize(
    ("words", "code", "stdout", "stderr"),
    [
        (["--version"], 0, f"esm-client {esm_client.__version__}\n", ""),
        (["pull", "no-slash"], 1, "", "error: 'no-slash'"),
        (["frobnicate"], 2, "", "error: No such command 'frobnicate'."),
    ],
    ids=["done", "failed", "wrong"],
)
def test_exit_codes(environment, command, words, code, stdout, stderr):
    result = subprocess.run(
        [*command, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (code, stdout), result.stderr
    assert result.stderr.startswith(stderr)
    assert bool(result.stderr) is bool(stderr)


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_card_in_any_script_is_printed_in_any_locale(
    esm_process, done, esm_directory, namespace, locale
):
    done("push", esm_directory(card="# Ölçüm 測定 ✓\n"), f"{namespace}/esm")
    shown = esm_process("show", f"{namespace}/esm", env={"LC_ALL": locale, "LANG": locale})
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.endswith("\n# Ölçüm 測定 ✓\n")


@pytest.mark.parametrize(
    "words", [["list", "--space", "SPACE"], ["show", "a/b"], ["rank"], ["cache", "ls", "--json"]]
)
def test_a_command_in_this_process_prints_the_same(environment, pushed, tmp_path, words):
    """What the other tests of commands rest upon."""
    words = [pushed.partition("/")[0] if word == "SPACE" else word for word in words]
    here = run_here(words, env=environment, cwd=tmp_path)
    there = run_process(words, env=environment, cwd=tmp_path)
    assert (here.returncode, here.stdout, here.stderr) == (
        there.returncode, there.stdout, there.stderr,
    )  # fmt: skip


def test_a_command_in_this_process_leaves_nothing_behind(environment, tmp_path):
    import os
    import warnings

    before = (
        dict(os.environ), Path.cwd(), warnings.showwarning, list(warnings.filters),
        sys.stdin, sys.stdout, sys.stderr, sys.excepthook,
    )  # fmt: skip
    run_here(["--offline", "list"], env=environment | {"HF_HUB_OFFLINE": "0"}, cwd=tmp_path)
    after = (
        dict(os.environ), Path.cwd(), warnings.showwarning, list(warnings.filters),
        sys.stdin, sys.stdout, sys.stderr, sys.excepthook,
    )  # fmt: skip
    assert after == before
