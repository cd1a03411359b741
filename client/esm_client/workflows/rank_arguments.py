"""Which arguments of a ranking go together."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict, Union

from esm_client.core.schemas import EsmFilter, SourceKind
from esm_client.core.schemas.rankings import Mode
from esm_client.workflows.base_models import BaseModel

if TYPE_CHECKING:
    from esm_client.lab.selection.source_model import SourceModel

ORDINARY = "esm-logme"
"""The method of a ranking for which no method is named."""
ModelSource = Union[str, "os.PathLike[str]", "SourceModel"]
"""A fine-tuned source model, or its folder."""


class RankArguments(TypedDict):
    """The arguments of `rank` beside the target and who hears of it."""

    space: Sequence[str]
    pulled: Path | None
    base_model: Sequence[BaseModel]
    kind: SourceKind | None
    filter: EsmFilter | None
    keep_copies: bool
    intercept: bool
    mode: Mode
    uncertainty: bool
    send_embeddings: bool
    methods: Sequence[str]
    source_models: Mapping[str, ModelSource]
    seed: int


class Clash(NamedTuple):
    """Arguments that do not go together: a sentence that names them in backquotes, their names."""

    message: str
    parameters: tuple[str, ...]


def are_other_methods(methods: Sequence[str]) -> bool:
    """Whether any other method than the ordinary one is wanted."""
    return bool(set(methods) - {ORDINARY})


def find_clash(wanted: RankArguments, *, ready: bool) -> Clash | None:
    """The first arguments that do not go together; ready: the target is embeddings with labels."""
    spaces = wanted["space"]
    if bool(spaces) == (wanted["pulled"] is not None):
        return Clash("Give `space`, or `pulled` with a pulled one.", ("space", "pulled"))
    if len(set(spaces)) < len(spaces):
        return Clash("Give every `space` once.", ("space",))
    if len(wanted["base_model"]) not in (0, max(1, len(spaces))):
        return Clash("Give `base_model` for every space, or for none.", ("base_model",))
    if ready and len(spaces) > 1:
        return Clash("Embeddings are of one space; give a task to rank in several.", ("space",))
    if ready and wanted["kind"] not in (None, "classification", "regression"):
        return Clash(f"`kind` {wanted['kind']} is of texts; give a task.", ("kind",))
    by_methods = are_other_methods(wanted["methods"])
    return _of_source_models(wanted) or (
        _of_methods(wanted, ready=ready) if by_methods else _of_ordinary(wanted)
    )


def _of_source_models(wanted: RankArguments) -> Clash | None:
    if not wanted["source_models"]:
        return None
    from esm_client.lab.selection.choice import ALL, OF_MODELS

    if {ALL, *OF_MODELS} & set(wanted["methods"]):
        return None
    return Clash(
        "`source_models` is for methods that use source models: add `methods` logme, nce, leep or "
        "frozen-transfer.",
        ("source_models", "methods"),
    )


def _of_ordinary(wanted: RankArguments) -> Clash | None:
    if wanted["pulled"] is None:
        return None
    if wanted["mode"] in ("screened", "prefiltered"):
        return Clash(
            f"`mode` {wanted['mode']} is a server's; with `pulled` everything is scored exactly: "
            "leave it out.",
            ("mode", "pulled"),
        )
    if wanted["send_embeddings"]:
        return Clash(
            "With `pulled` nothing is sent, and MLP maps are scored all the same: leave "
            "`send_embeddings` out.",
            ("send_embeddings", "pulled"),
        )
    return None


def _of_methods(wanted: RankArguments, *, ready: bool) -> Clash | None:
    if ready:
        return Clash("`methods` reads texts; give a task instead of `embeddings`.", ("methods",))
    if len(wanted["space"]) > 1:
        told = "What methods measure compares within one space only: give one `space`."
        return Clash(told, ("methods", "space"))
    ordinary = {
        "uncertainty": ("`uncertainty`", wanted["uncertainty"]),
        "send_embeddings": ("`send_embeddings`", wanted["send_embeddings"]),
        "intercept": ("`intercept`", not wanted["intercept"]),
        "mode": (f"`mode` {wanted['mode']}", wanted["mode"] != "auto"),
    }
    for parameter, (said, is_given) in ordinary.items():
        if is_given:
            told = f"{said} is of the ranking by {ORDINARY} alone: leave it out, or `methods`."
            return Clash(told, (parameter, "methods"))
    return None
