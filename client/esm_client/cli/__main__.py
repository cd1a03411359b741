"""The one exit point: every error becomes two lines and an exit code.

0: done. 1: it failed. 2: the command line is wrong. 130: interrupted. 141: nobody reads.
"""

import os
import re
import sys
import traceback
import warnings
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer

from esm_client.cli.errors import in_command_words, next_step, running
from esm_client.cli.interrupted import Interrupted
from esm_client.cli.output import print_error
from esm_client.core.errors import EsmError, ServerFault, StorageFull, Unavailable

_PACKAGE = Path(__file__).parents[1]
_INTERRUPTED = 130


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code."""

    @cache
    def options() -> Collection[str]:
        from esm_client.cli.app import options_of

        return options_of(arguments)

    with running(options):
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    debug = "--debug" in arguments
    _show_our_warnings(everything=debug)
    try:
        code = _invoke(list(arguments) or ["--help"])
        sys.stdout.flush()
        if code == _INTERRUPTED:  # typer makes an exit code of Ctrl-C
            print_error("interrupted")
    except (BrokenPipeError, SystemExit) as error:
        # the reader left, as `| head` does; what is still buffered has nowhere to go
        if not isinstance(error.__context__ or error, BrokenPipeError):
            raise  # typer makes a SystemExit of a broken pipe; this one is another's
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (KeyboardInterrupt, typer.Abort):
        print_error("interrupted")
        return _INTERRUPTED
    except Interrupted:
        print_error("interrupted")
        sys.stderr.write("  ")
        print_error("The same command goes on where it was.")
        return _INTERRUPTED
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _report(error)
    return code


def _invoke(arguments: list[str]) -> int:
    from esm_client.cli.app import command_tree

    outcome: Any = command_tree()(arguments, prog_name="esm-client", standalone_mode=False)
    return outcome if isinstance(outcome, int) else 0


def _report(error: Exception) -> int:
    """Print what was wrong and what to do next; returns the exit code."""
    if isinstance(error, EsmError):
        hint = _with_request_id(error, next_step(error))
        return _two_lines(in_command_words(error.message), hint, 1)
    if isinstance(error, typer.TyperException):
        context: Any = getattr(error, "ctx", None)
        path = context.command_path if context else "esm-client"
        message, hint = error.format_message(), f"{path} --help shows how."
        if re.match(r"No such option: -[\d.]", message):
            hint = f"A negative number comes last, behind --, as in: {path} ... -- -0.5"
        return _two_lines(message, hint, error.exit_code)
    return _two_lines(
        f"Something unexpected happened: {type(error).__name__}: {error}",
        "Run the same command again with --debug and report what it prints.",
        1,
    )


def _with_request_id(error: EsmError, hint: str) -> str:
    """The hint; where the server failed, with the name that its log has for the request."""
    failed = isinstance(error, ServerFault | Unavailable | StorageFull)
    if not failed or error.request_id is None or error.request_id in hint:
        return hint
    return f"{hint} (request id {error.request_id})".strip()


def _two_lines(message: str, hint: str, code: int) -> int:
    print_error(f"error: {message}")
    if hint:
        sys.stderr.write("  ")
        print_error(hint)
    return code


def _show_our_warnings(*, everything: bool) -> None:
    """Show our own warnings as one line each, and those of libraries only with --debug."""
    shown: set[str] = set()

    def show(
        message: Warning | str, category: type[Warning], filename: str, *_: object, **__: object
    ) -> None:
        ours = category.__module__.startswith("esm_client.") or (
            category is UserWarning and Path(filename).is_relative_to(_PACKAGE)
        )
        if (ours or everything) and str(message) not in shown:
            shown.add(str(message))
            print_error(f"warning: {in_command_words(str(message)) if ours else message}")

    warnings.simplefilter("always")
    warnings.showwarning = show


if __name__ == "__main__":
    main()
