"""Every command line in README and docs is one that the programs and the Makefile understand."""

import re
from typing import Any

import pytest
from docs.documents import DOCUMENTS, ROOT, CommandLine, command_lines, commands_in
from typer.main import get_command

from esm_client.cli.app import command_tree
from esm_server.cli.entry import app as server_app

APPS = {"esm-client": command_tree(), "esm-server": get_command(server_app)}
COMMANDS = [command for path in DOCUMENTS for command in command_lines(path)]


def problem(command: CommandLine) -> str | None:
    """What is wrong with a command line; None if it would be understood."""
    program, *words = command.words
    if program == "make":
        return _unknown_target(words)
    apps = [APPS[program]] if program else [a for a in APPS.values() if words[0] in a.commands]
    ends = [[]] if command.whole else [[], ["VALUE"]]  # "`rank --local`" leaves a value out
    problems = [
        _misunderstood(app, program, [*words, *end], whole=command.whole)
        for app in apps
        for end in ends
    ]
    return None if None in problems or not problems else problems[0]


def _unknown_target(words: list[str]) -> str | None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = [word for word in words if "=" not in word and not word.startswith("-")]
    unknown = [word for word in asked if word not in targets]
    return f"no target {unknown[0]}" if unknown else None


def _misunderstood(app: Any, program: str, words: list[str], *, whole: bool) -> str | None:
    """Parse as the program does, group by group, and run nothing."""
    context = app.context_class(app, info_name=program)
    while True:
        try:
            given, rest, _ = app.make_parser(context).parse_args(args=list(words))
        except Exception as error:  # typer's own copy of click has its own classes of errors
            return f"{program}: {type(error).__name__}: {error}"
        if not hasattr(app, "get_command"):
            break
        if not rest:
            alone = app.invoke_without_command or "help" in given or not whole
            return None if alone else f"{program}: no command"
        program, words = rest[0], rest[1:]
        inner = app.get_command(context, program)
        if inner is None:
            return f"no command {program}"
        context = inner.context_class(inner, info_name=program, parent=context)
        app = inner
    missing = [
        parameter.name
        for parameter in app.get_params(context)
        if parameter.required and not isinstance(given.get(parameter.name), str | list | tuple)
    ]
    if given.get("help"):
        return None
    if rest:
        return f"{program}: too many arguments: {rest}"
    return f"{program}: without {missing}" if missing and whole else None


def test_there_are_many() -> None:
    programs = [command.words[0] for command in COMMANDS]
    assert programs.count("esm-client") > 40
    assert programs.count("esm-server") > 20
    assert programs.count("make") > 4


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_it_is_understood(command: CommandLine) -> None:
    assert problem(command) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("    esm-client rank data.csv --planted-option 1", "planted-option"),
        ("    esm-client rank data.csv --space A --json extra", "too many arguments"),
        ("    esm-client rank data.csv --space", "--space"),
        ("    esm-client planted", "no command planted"),
        ("    esm-client alias planted a b 1", "no command planted"),
        ("    esm-client alias set hotels/reviews", "without"),
        ("    esm-client", "no command"),
        ("    esm-server gc --planted", "planted"),
        ("    dc exec server esm-server token create --user anna", "without ['scope']"),
        ("    make setup planted", "no target planted"),
        ("Text of `esm-client pull --planted`.", "planted"),
        ("```sh\ntrue && esm-client pull --planted | head\n```", "planted"),
        ("Text of `rank --planted`.", "planted"),
        ("    esm-client pull \\\n        --planted", "planted"),
    ],
)
def test_what_would_not_be_understood_is_found(text: str, said: str) -> None:
    (command,) = commands_in(text, "planted.md")
    assert said in (problem(command) or "")


@pytest.mark.parametrize(
    "text",
    [
        "    esm-client rank data.csv --space A    # --planted in a comment",
        "    esm-client --offline rank data.csv --space A --space B",
        "    esm-client push --help",
        "Text of `esm-client pull`, and `push`.",
        "Text of `docker --planted`, and `check --repair --deep`.",
        "    VENV=/opt/x esm-server migrate && dc up -d",
        "    make -s test PYTEST_ARGS=-x",
        "```\nesm-client planted, as a program printed it\n```",
    ],
)
def test_what_is_understood_is_not_found(text: str) -> None:
    problems = {problem(command) for command in commands_in(text, "planted.md")}
    assert problems <= {None}


def test_files_that_documents_name_are_there() -> None:
    files = re.compile(r"\b(?:tests|docs|deploy)/[\w/.-]+\.(?:py|md|sh|svg|ipynb)\b")
    named = {(path.name, file) for path in DOCUMENTS for file in files.findall(path.read_text())}
    assert len(named) > 20
    assert {(name, file) for name, file in named if not (ROOT / file).exists()} == set()
