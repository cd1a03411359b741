"""Which arguments of a ranking go together."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict, Union

from esm_client.core.schemas import EsmFilter, SourceKind
from esm_client.core.schemas.rankings import Mode
from esm_client.workflows.base_models import BaseModel

if TYPE_CHECKING:
    from esm_client.lab.selection.source_model import SourceModel

ORDINARY = "esm-logme"
"""The method of a ranking for which no method is named."""
ModelSource = Union[str, Path, "SourceModel"]
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
    """Arguments that do not go together: what to do about them, and their names."""

    message: str
    parameters: tuple[str, ...]


def are_other_methods(methods: Sequence[str]) -> bool:
    """Whether any other method than the ordinary one is wanted."""
    return bool(set(methods) - {ORDINARY})


def find_clash(
    wanted: RankArguments, *, ready: bool, named: Callable[[str], str] = str
) -> Clash | None:
    """The first arguments that do not go together.

    ready: whether the target is embeddings with labels. named: how the user knows an argument.
    """
    space, pulled = named("space"), named("pulled")
    spaces = wanted["space"]
    if bool(spaces) == (wanted["pulled"] is not None):
        return Clash(f"Give {space}, or {pulled} with a pulled one.", ("space", "pulled"))
    if len(set(spaces)) < len(spaces):
        return Clash(f"Give every {space} once.", ("space",))
    if len(wanted["base_model"]) not in (0, max(1, len(spaces))):
        told = f"Give {named('base_model')} for every space, or for none."
        return Clash(told, ("base_model",))
    if ready and len(spaces) > 1:
        told = f"Embeddings are of one space; give {named('target')} to rank in several."
        return Clash(told, ("space",))
    if ready and wanted["kind"] not in (None, "classification", "regression"):
        told = f"{named('kind')} {wanted['kind']} is of texts; give {named('target')}."
        return Clash(told, ("kind",))
    return (
        _of_source_models(wanted, named)
        or (
            _of_methods(wanted, named, ready=ready)
            if are_other_methods(wanted["methods"])
            else _of_ordinary(wanted, named)
        )
    )  # fmt: skip


def _of_source_models(wanted: RankArguments, named: Callable[[str], str]) -> Clash | None:
    if not wanted["source_models"]:
        return None
    from esm_client.lab.selection.choice import ALL, OF_MODELS

    if {ALL, *OF_MODELS} & set(wanted["methods"]):
        return None
    return Clash(
        f"{named('source_models')} is for methods that use source models: add {named('methods')} "
        "logme, nce, leep or frozen-transfer.",
        ("source_models", "methods"),
    )


def _of_ordinary(wanted: RankArguments, named: Callable[[str], str]) -> Clash | None:
    if wanted["pulled"] is None:
        return None
    if wanted["mode"] in ("screened", "prefiltered"):
        return Clash(
            f"{named('mode')} {wanted['mode']} is a server's; with {named('pulled')} everything is "
            "scored exactly: leave it out.",
            ("mode", "pulled"),
        )
    if wanted["send_embeddings"]:
        return Clash(
            f"With {named('pulled')} nothing is sent, and MLP maps are scored all the same: leave "
            f"{named('send_embeddings')} out.",
            ("send_embeddings", "pulled"),
        )
    return None


def _of_methods(wanted: RankArguments, named: Callable[[str], str], *, ready: bool) -> Clash | None:
    methods = named("methods")
    if ready:
        told = f"{methods} reads texts; give {named('target')} instead of {named('embeddings')}."
        return Clash(told, ("methods",))
    if len(wanted["space"]) > 1:
        return Clash(
            f"What methods measure compares within one space only: give one {named('space')}.",
            ("methods", "space"),
        )
    mode = f"{named('mode')} {wanted['mode']}"
    ordinary = {
        "uncertainty": (named("uncertainty"), wanted["uncertainty"]),
        "send_embeddings": (named("send_embeddings"), wanted["send_embeddings"]),
        "intercept": (named("intercept"), not wanted["intercept"]),
        "mode": (mode, wanted["mode"] != "auto"),
    }
    for parameter, (said, is_given) in ordinary.items():
        if is_given:
            told = f"{said} is of the ranking by {ORDINARY} alone: leave it out, or {methods}."
            return Clash(told, (parameter, "methods"))
    return None
