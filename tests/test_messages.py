"""Messages below the command line name Python arguments and functions, no options or commands.

`esm_server/operations` is left out beside both command lines: what it says is said to an operator
by `esm-server` alone, never over the wire, and may name its commands. Of what lies deeper and
`esm-server` shows too, `esm_server/cli/words.py` makes options.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from esm_client import Client
from esm_client.cli.app import command_tree
from esm_client.cli.errors import COMMANDS, PARAMETERS
from esm_server.cli.entry import app as server_app
from esm_server.cli.words import OPTIONS, in_option_words

ROOT = Path(__file__).parents[1]
CLIENT, SERVER = ROOT / "client" / "esm_client", ROOT / "server" / "esm_server"
WORDS_OF_THE_COMMAND_LINE = re.compile(r"""((^|[\s(\["'`])--?[a-z][a-z-]+)|(\besm-client )""")
FUNCTION = re.compile(r"`(Client(?:\.[a-z_]+)+)\(")


def modules() -> list[Path]:
    """Of client and server, without their command lines."""
    own = [path for path in CLIENT.rglob("*.py") if CLIENT / "cli" not in path.parents]
    aside = {SERVER / "cli", SERVER / "operations"}
    own += [path for path in SERVER.rglob("*.py") if not aside & set(path.parents)]
    assert len(own) > 250
    return own


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every string of a module with its line, docstrings left out; `…` for what an f-string fills.

    A string in several pieces is one text.
    """
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case ast.Constant(value=str(text)):
                yield node.lineno, text
            case ast.JoinedStr(values=values):
                pieces = (one.value if isinstance(one, ast.Constant) else "…" for one in values)
                yield node.lineno, "".join(map(str, pieces))
                for inner in values:
                    if isinstance(inner, ast.FormattedValue):
                        yield from texts(inner.value)
            case _:
                yield from texts(node)


def found_in(source: str) -> list[tuple[int, str]]:
    """Texts of a module that name an option or a command."""
    return [
        (line, text) for line, text in texts(ast.parse(source))
        if WORDS_OF_THE_COMMAND_LINE.search(text)
    ]  # fmt: skip


def test_no_message_below_the_command_line_names_an_option() -> None:
    found = {str(path.relative_to(ROOT)): found_in(path.read_text()) for path in modules()}
    assert {path: texts for path, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "line",
    [
        'raise NotFound("No column.", "Name it with --text-column.")',
        'hint = f"Or {this} (--force)."',
        'hint = (f"Name {this}; " f"--space is {that}.")',
        "hint = f\"Pass {f'{x} --kind'}\"",
        'hint = "Add -quiet."',
        'print(f"esm-client pull {reference}")',
        'word = "--label-column"',
    ],
)
def test_it_would_be_found(line: str) -> None:
    assert len(found_in(f'"""Of --this a docstring may speak."""\n{line}')) == 1


def test_what_is_no_option_is_left_alone() -> None:
    assert found_in('x = "a - b", "re-run", "a--b", "-1", "-m", f"{n}-fold", "esm-client"') == []


def commands(command: object, path: str = "") -> Iterator[tuple[str, frozenset[str]]]:
    """Every command with its options."""
    options = (option for one in getattr(command, "params", ()) for option in one.opts)
    yield path, frozenset(options)
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{path} {name}".strip())


KNOWN = dict(commands(command_tree()))


@pytest.mark.parametrize("option", sorted(set(PARAMETERS.values())))
def test_each_parameter_has_an_option(option: str) -> None:
    assert any(option in options for options in KNOWN.values())


@pytest.mark.parametrize(("name", "option"), sorted(OPTIONS.items()))
def test_each_option_of_the_server_is_one_that_a_message_needs(name: str, option: str) -> None:
    known = dict(commands(typer.main.get_command(server_app)))
    assert any(option in options for options in known.values())
    below = [path for path in modules() if SERVER in path.parents]
    named = (
        f"`{name}`" in text for path in below for _, text in texts(ast.parse(path.read_text()))
    )
    assert any(named)
    assert in_option_words(f"Choose another `{name}`.") == f"Choose another {option}."


def test_other_names_stay_in_the_words_of_the_server() -> None:
    assert in_option_words("Pass `space`, not name or port.") == "Pass `space`, not name or port."


def test_each_parameter_of_an_error_is_known_to_the_command_line() -> None:
    named: set[str] = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "parameters":
                inner = ast.walk(node.value)
                named |= {str(one.value) for one in inner if isinstance(one, ast.Constant)}
    assert len(named) > 5
    assert named <= PARAMETERS.keys()


@pytest.mark.parametrize(("function", "command"), sorted(COMMANDS.items()))
def test_each_function_has_a_command(function: str, command: str) -> None:
    name, *option = command.split(" --")
    assert name in KNOWN
    assert {f"--{one}" for one in option} <= KNOWN[name]
    with Client("http://127.0.0.1:1", "token") as client:
        found: object = client
        for attribute in function.split(".")[1:]:
            found = getattr(found, attribute)
    assert callable(found)


def test_the_functions_that_messages_name_have_commands() -> None:
    named = {
        name for path in modules() for _, text in texts(ast.parse(path.read_text()))
        for name in FUNCTION.findall(text)
    }  # fmt: skip
    assert len(named) > 5
    assert named == COMMANDS.keys()
