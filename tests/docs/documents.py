"""What README and docs hold besides prose: blocks of Python, and command lines."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sybil import Document, Example
from sybil.parsers.markdown import PythonCodeBlockParser

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
PROGRAMS = ("esm-client", "esm-server", "make")
_SHELLS = ("sh", "bash", "shell", "console")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^(?: {4}|\t).*\n?)+", re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_ENDS_A_COMMAND = frozenset({"&&", "||", "|", ";", ">", ">>", "<", "&"})


@dataclass(frozen=True)
class CommandLine:
    """One call of one of our programs, in a document."""

    document: str
    line: int
    words: tuple[str, ...]
    """The program, and its arguments; "" where a mention leaves the program out."""
    whole: bool
    """From a block, ready to run; a mention in prose may leave arguments out."""

    def __str__(self) -> str:
        return f"{self.document}:{self.line}: {shlex.join(self.words)}"


def python_blocks(path: Path, places: Mapping[str, str] = {}) -> list[Example]:
    """The fenced blocks of Python of a document, in order; they share its namespace.

    `places` stand for folders of the reader's machine that the document names.
    """
    text = path.read_text()
    for named, place in places.items():
        text = text.replace(named, place)
    document = Document(text, str(path))
    for region in PythonCodeBlockParser()(document):
        document.add(region)
    return list(document)


def command_lines(path: Path) -> list[CommandLine]:
    """Every command line of a document, in blocks of shell and in prose."""
    return commands_in(path.read_text(), path.relative_to(ROOT).as_posix())


def commands_in(text: str, name: str) -> list[CommandLine]:
    """The same of a text."""
    found = [(match.start(2), match[2]) for match in _FENCE.finditer(text) if match[1] in _SHELLS]
    prose = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    commands: list[CommandLine] = []
    for start, block in found:
        commands += _in_block(block, name, text.count("\n", 0, start) + 1)
    for match in _INDENTED.finditer(prose):
        commands += _in_block(match[0], name, prose.count("\n", 0, match.start()) + 1)
    prose = _INDENTED.sub(lambda match: "\n" * match[0].count("\n"), prose)
    for match in _INLINE.finditer(prose):
        line = prose.count("\n", 0, match.start()) + 1
        if match[1].split()[0] in PROGRAMS:
            commands += [CommandLine(name, line, words, False) for words in _calls(match[1])]
        elif re.match(r"[a-z][a-z -]* --[a-z]", match[1]):  # "`rank --offline`"
            words = ("", *shlex.split(match[1]))
            commands.append(CommandLine(name, line, words, False))
    return sorted(commands, key=lambda command: command.line)


def _in_block(block: str, name: str, first: int) -> Iterator[CommandLine]:
    joined, began = "", first
    for number, line in enumerate(block.splitlines(), first):
        began = began if joined else number
        joined += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        if any(program in joined for program in PROGRAMS):
            yield from (CommandLine(name, began, words, True) for words in _calls(joined))
        joined = ""


def _calls(line: str) -> Iterator[tuple[str, ...]]:
    """Calls of our programs in a line of shell, also behind `dc exec server` and the like."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    call: list[str] | None = None
    for word in [*lexer, ";"]:
        if word in _ENDS_A_COMMAND:
            if call:
                yield tuple(call)
            call = None
        elif call is not None:
            call.append(word)
        elif Path(word).name in PROGRAMS:
            call = [Path(word).name]
