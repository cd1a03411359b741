"""Which views of an inner layer embeddings get: those asked for, else a default."""

from pathlib import Path
from typing import Literal

from esm_client.core.errors import InvalidInput
from esm_client.core.views import SpaceViews
from esm_client.lab.base_model import read_shape

AskedViews = SpaceViews | int | Literal["default"] | None
"""Views; or an inner layer, which stands for as many views as an embedding has numbers, MOST_VIEWS
at most; or the default, the layer two thirds up; or none."""

MOST_VIEWS = 384
"""Beside wider embeddings, whose sketches would become large."""


def chosen_views(asked: AskedViews, layers: int, dimension: int) -> SpaceViews | None:
    """What was asked for of a base model with so many layers and embeddings (N, D).

    None for none; also by default where a model has a single layer, so no inner one. Raises
    InvalidInput for what such a model does not have.
    """
    if asked is None or (asked == "default" and layers < 2):
        return None
    if isinstance(asked, str) and asked != "default":
        raise InvalidInput(
            f"views is {asked!r}.", 'Use "default", a layer, `SpaceViews(...)`, or None for none.'
        )
    if not isinstance(asked, SpaceViews):
        layer = (2 * layers + 1) // 3 if asked == "default" else asked
        check_layer(layer, layers)
        return SpaceViews(layer=layer, count=min(dimension, MOST_VIEWS))
    check_layer(asked.layer, layers)
    asked.check(dimension)
    return asked


def check_layer(layer: int, layers: int) -> None:
    """Raise InvalidInput for a layer that a base model does not have, or the last one."""
    if not 1 <= layer < layers:
        raise InvalidInput(
            f"There is no inner layer {layer}: the base model has {layers} layers.",
            f"Use 1 to {layers - 1}." if layers > 1 else "Use a base model with more layers.",
        )


def views_of_folder(asked: AskedViews, folder: Path) -> SpaceViews | None:
    """The same of a base model that is not loaded.

    Raises InvalidInput for one that transformers cannot use.
    """
    return None if asked is None else chosen_views(asked, *read_shape(folder))
