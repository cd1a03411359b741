"""Errors in the words of the command line: options and commands instead of Python names.

Messages below the command line name Python arguments and functions in backquotes:

    Pass `label_column`.                                 Pass --label-column.
    Pass `text_columns=["a", "b"], label_column="c"`.    Pass --text-column a --text-column b ...
    List them: `Client.aliases.list("team/news")`        List them: esm-client alias list team/news
"""

import ast
import re
import shlex
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from esm_client.core.checkup import Check
from esm_client.core.errors import EsmError

PARAMETERS: Mapping[str, str] = {
    "base_model": "--base-model",
    "base_model_name": "--base-model-name",
    "base_models": "--base-model",
    "base_url": "--url",
    "ca_file": "--ca-file",
    "card": "--card",
    "contact": "--contact",
    "data_revision": "--data-revision",
    "delimiter": "--delimiter",
    "device": "--device",
    "embeddings": "--embeddings",
    "epochs": "--epochs",
    "evaluation_rows": "--evaluation-rows",
    "evaluation_split": "--evaluation-split",
    "expires_in_days": "--expires-days",
    "force": "--force",
    "intercept": "--no-intercept",
    "keep_copies": "--keep-copies",
    "kind": "--kind",
    "label_column": "--label-column",
    "labels": "--labels",
    "licence": "--licence",
    "limit_rows": "--limit-rows",
    "location": "--location",
    "max_length": "--max-length",
    "methods": "--method",
    "mode": "--mode",
    "namespace": "--namespace",
    "offline": "--offline",
    "output": "--output",
    "pooling": "--pooling",
    "pulled": "--pack",
    "push": "--push",
    "ranking": "--ranking",
    "robot": "--robot",
    "scope": "--scope",
    "send_embeddings": "--send-embeddings",
    "source_data": "--source-data",
    "source_models": "--source-model",
    "sources": "--source",
    "space": "--space",
    "spaces": "--space",
    "split": "--split",
    "streaming": "--streaming",
    "subset": "--subset",
    "text_columns": "--text-column",
    "timeout": "--timeout",
    "uncertainty": "--uncertainty",
    "unlabelled": "--unlabelled",
    "user": "--user",
    "workers": "--workers",
}
"""The option that stands for a Python argument."""

COMMANDS: Mapping[str, str] = {
    "Client.aliases.history": "alias history",
    "Client.aliases.list": "alias list",
    "Client.cache.clear": "cache clear",
    "Client.cache.ls": "cache ls",
    "Client.facets": "list --facets",
    "Client.list": "list",
    "Client.namespaces.list": "namespace list",
    "Client.namespaces.members": "namespace members",
    "Client.packs.pull": "spaces pull",
    "Client.push": "push",
    "Client.ranking": "ranking",
    "Client.tokens.create": "token create",
    "Client.tokens.list": "token list",
    "Client.tokens.rotate": "token rotate",
}
"""The command that does what a Python function does."""

# what stands in quotes, or in the midst of a path, is the user's
_SPAN = re.compile(
    r"""(?<![\w"'`])(?:"[^"]*"|'[^']*')(?!\w)|(?<![^\s(\[])`([^`]{1,300})`(?![^\s.,;:!?)\]])"""
)
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


@dataclass
class _Running:
    """What the running command line can do: of the process, as threads of it warn too."""

    options: Callable[[], Collection[str]] | None = None


_running = _Running()


@contextmanager
def running(options: Callable[[], Collection[str]]) -> Generator[None]:
    """While the block lasts, arguments get the names of these options alone."""
    before, _running.options = _running.options, options
    try:
        yield
    finally:
        _running.options = before


def next_step(error: EsmError, options: Collection[str] | None = None) -> str:
    """What to do next, as a user of the command line does it.

    options: default: those that the running command has; all where none runs. An argument that
    it has no option for keeps its Python name.
    """
    options = _options(options)
    if (own := _own_step(error.facts, options)) is not None:
        return own
    hint = in_command_words(error.hint, options)
    named = [PARAMETERS[one] for one in error.parameters if one in PARAMETERS]
    more = [
        one for one in dict.fromkeys(named)
        if (options is None or one in options) and one not in _OPTION.findall(hint)
    ]  # fmt: skip
    return f"{hint} ({', '.join(more)})".strip() if more else hint


def fix_of(check: Check) -> str:
    """How to mend what a check of the doctor found, by options and commands."""
    if (own := _own_step(check.facts, _options(None))) is not None:
        return own
    fix = in_command_words(check.fix)
    if PARAMETERS["ca_file"] in _OPTION.findall(fix):
        return f"{fix} Once for all, run: esm-client login URL --ca-file FILE"
    return fix


def in_command_words(text: str, options: Collection[str] | None = None) -> str:
    """A text with options and commands where it names arguments and functions in backquotes.

    options: as for `next_step`. What stands in quotes or within a path stays.
    """
    options = _options(options)

    def replaced(span: re.Match[str]) -> str:
        return (span[1] and _spoken(span[1], options)) or span[0]

    return _SPAN.sub(replaced, text)


def entry_in_command_words(entry: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """An entry of a JSON document, with some of its texts in the words of the command line."""

    def spoken(value: Any) -> Any:
        match value:
            case str():
                return in_command_words(value)
            case [*texts]:
                return [spoken(one) for one in texts]
            case _:
                return value

    return {key: spoken(value) if key in names else value for key, value in entry.items()}


def _options(given: Collection[str] | None) -> Collection[str] | None:
    if given is not None or _running.options is None:
        return given
    return _running.options()


def _spoken(code: str, options: Collection[str] | None) -> str | None:
    """The words for an argument, several arguments with values, or a call; None for others."""
    try:
        match ast.parse(f"_({code})", mode="eval").body:
            case ast.Call(args=[ast.Name(id=name)], keywords=[]):
                return PARAMETERS[name] if _offered([name], options) else name
            case ast.Call(args=[ast.Call() as call], keywords=[]):
                words = ["esm-client", *COMMANDS[ast.unparse(call.func)].split()]
                return shlex.join([*words, *_arguments(call)])
            case ast.Call(args=[], keywords=[_, *_] as given) as call:
                words = _arguments(call)
                return shlex.join(words) if _offered([one.arg for one in given], options) else code
            case _:
                return None
    except (SyntaxError, ValueError, KeyError, MemoryError, RecursionError):
        return None


def _offered(names: Sequence[str | None], options: Collection[str] | None) -> bool:
    """Whether the running command has an option for each argument; KeyError for unknown ones."""
    wanted = [PARAMETERS[name or ""] for name in names]
    return options is None or set(wanted) <= set(options)


def _arguments(call: ast.Call) -> list[str]:
    """The arguments of a call as a command line takes them; KeyError for an unknown name."""
    words = [word for one in call.args for word in _values(one)]
    for keyword in call.keywords:
        option = PARAMETERS[keyword.arg or ""]
        match keyword.value:
            case ast.Constant(value=True):  # the text "True" is a value like others
                words.append(option)
            case given:
                words += [word for value in _values(given) for word in (option, value)]
    return words


def _values(value: ast.expr | None) -> list[str]:
    """A value; those of a list; KEY=VALUE of a dictionary; raises ValueError for anything else.

    Of a variable it is the name in capitals, as help texts show what is to be filled in.
    """
    match value:
        case ast.Constant():
            return [str(value.value)]
        case ast.Name():
            return [value.id.upper()]
        case ast.List():
            return [word for one in value.elts for word in _values(one)]
        case ast.Dict():
            pairs = zip(value.keys, value.values, strict=True)
            return ["=".join([*_values(key), *_values(one)]) for key, one in pairs]
        case _:
            raise ValueError(value)


def _own_step(facts: Mapping[str, object], options: Collection[str] | None) -> str | None:
    """What only the command line can do, by the facts of an error or check; None for all others."""
    match facts:
        case {"variable": str(variable)}:
            url = shlex.quote(str(facts.get("url", "URL")))
            return f"Set {variable}, or run: esm-client login {url}"
        case {"log_in_at": str(url)}:
            return f"Run: esm-client login {shlex.quote(url)}"
        case {"credentials": _}:
            return "Run: esm-client login URL, which writes it again."
        case {"space": str(space), "mapped": str()}:
            return f"Map it again: {_mapping(space)}"
        case {"space": str(space), "mapped": None}:
            if options is not None and PARAMETERS["base_model"] not in options:
                return f"Map its folder once for all: {_mapping(space)}"
            return f"Name its folder with --base-model, or once for all: {_mapping(space)}"
        case _:
            return None


def _mapping(space: str) -> str:
    return shlex.join(["esm-client", "spaces", "map", space, "FOLDER"])
