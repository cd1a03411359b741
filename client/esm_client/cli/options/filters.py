"""Options that narrow what is listed, searched or ranked."""

from typing import Annotated, Any, cast

import typer

Task = Annotated[
    list[str] | None, typer.Option("--task", metavar="DATA_SET", help="Of this data set; repeat.")
]
OfKind = Annotated[
    str | None, typer.Option("--kind", metavar="KIND", help="classification or regression.")
]
Language = Annotated[
    list[str] | None, typer.Option("--language", metavar="CODE", help="For instance de; repeat.")
]
Domain = Annotated[
    list[str] | None, typer.Option("--domain", metavar="WORD", help="For instance reviews; repeat.")
]
Licence = Annotated[
    list[str] | None, typer.Option("--licence", metavar="NAME", help="Of the data set; repeat.")
]
Architecture = Annotated[
    list[str] | None, typer.Option("--architecture", metavar="NAME", help="Of the map; repeat.")
]
Namespace = Annotated[
    list[str] | None, typer.Option("--namespace", metavar="NAME", help="In these; repeat.")
]
Owner = Annotated[
    list[str] | None, typer.Option("--owner", metavar="USER", help="Who pushed it; repeat.")
]
Tag = Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="Any of; repeat.")]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude", metavar="WHAT", help="Not namespace/name, namespace/* or data set; repeat."
    ),
]


def given(**options: Any) -> dict[str, Any]:
    """The options that were given, lists as tuples."""
    return {
        key: tuple(cast("list[str]", value)) if isinstance(value, list) else value
        for key, value in options.items()
        if value not in (None, [], False)
    }
