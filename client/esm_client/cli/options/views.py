"""The option by which a space reads an inner layer too."""

from typing import Annotated

import typer

from esm_client.lab.views import AskedViews

InnerLayer = Annotated[
    int | None,
    typer.Option(
        "--inner-layer",
        min=0,
        metavar="N",
        help="Read the mean of this inner layer too, 0 for none; default: the one two thirds up. "
        "Each choice is a space of its own.",
    ),
]


def asked_views(inner_layer: int | None) -> AskedViews:
    """What an Embedder takes for it."""
    return "default" if inner_layer is None else inner_layer or None
