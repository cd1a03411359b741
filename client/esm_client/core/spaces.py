"""Embedding spaces: what makes two arrays of embeddings comparable, and how that is checked.

An identity (names and settings) can lie or differ without consequence: a local path for a hub
id, half precision, other shards. So the embeddings of a few fixed sentences, the canaries,
decide. They are chosen to expose every setting: one is longer than any common `max_length`,
one is a pair joined by the separator, others depend on case, accents and digits.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from esm_client.core.document import Document, Items
from esm_client.core.errors import SpaceMismatch
from esm_client.core.limits import MAX_DIMENSION
from esm_client.core.views import SpaceViews

Pooling = Literal["pooler", "first-token", "mean"]
"""BERT's pooler output, the first token's last hidden state, or the masked mean."""

SEPARATOR = " [SEP] "
MAX_LENGTH = 128

CANARIES: tuple[tuple[str, str | None], ...] = (
    ("The ferry left at noon and nobody was on board.", None),
    ("ÉCOLE, naïve Äpfel & 3.14159 — WHY not?!", None),
    ("Does the shop open on Sunday?", "Opening hours are Monday to Saturday."),
    (
        " ".join(f"clause {number} of a long agreement about nothing," for number in range(160)),
        None,
    ),
    ("no", None),
)
MIN_CANARY_COSINE = 0.999
MAX_CANARY_NORM_ERROR = 0.02


class SpaceIdentity(Document):
    """What an embedding space says of itself."""

    base_model: Annotated[str, Field(min_length=1, max_length=300)]
    revision: Annotated[str | None, Field(max_length=100)] = None
    pooling: Pooling
    max_length: Annotated[int, Field(ge=1, le=100_000)] = MAX_LENGTH
    separator: Annotated[str, Field(max_length=20)] = SEPARATOR
    dimension: Annotated[int, Field(ge=1, le=MAX_DIMENSION)]
    views: SpaceViews | None = None
    """What stands behind the D numbers of an embedding; None, and no key, where nothing does."""

    @property
    def width(self) -> int:
        """How many numbers an embedding has, views and all."""
        return self.dimension + (self.views.count if self.views else 0)

    @property
    def default_name(self) -> str:
        """A legal space name made of model, pooling and length: `all-minilm-l6-v2-mean-128`.

        One with views also says their layer and number: `all-minilm-l6-v2-mean-128-layer-4-384`.
        """
        model = re.sub(r"[^a-z0-9._-]+", "-", self.base_model.rstrip("/").split("/")[-1].lower())
        named = f"{self.pooling}-{self.max_length}"
        if self.views is None:
            return f"{model.strip('.-')[:70] or 'space'}-{named}"
        layer = f"layer-{self.views.layer}-{self.views.count}"
        return f"{model.strip('.-')[:60] or 'space'}-{named}-{layer}"

    @model_validator(mode="after")
    def _no_more_views_than_numbers(self) -> Self:
        if self.views is not None and self.views.count > self.dimension:
            raise ValueError(f"there are {self.views.count} views of {self.dimension} dimensions")
        return self

    @model_serializer(mode="wrap")
    def _without_what_older_versions_do_not_know(
        self, dump: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        document: dict[str, Any] = dump(self)
        if self.views is None:
            document.pop("views", None)
        return document


class SpaceFingerprint(Document):
    """A space as one machine sees it: identity, file digests and canary embeddings."""

    identity: SpaceIdentity
    weight_digest: Annotated[str | None, Field(pattern=r"^sha256:[0-9a-f]{64}$")] = None
    tokenizer_digest: Annotated[str | None, Field(pattern=r"^sha256:[0-9a-f]{64}$")] = None
    canaries: Annotated[
        tuple[Annotated[tuple[float, ...], Items(2 * MAX_DIMENSION, least=1)], ...],
        Items(len(CANARIES), least=len(CANARIES)),
    ]
    """One embedding of `identity.width` numbers per sentence of CANARIES."""

    @field_validator("canaries")
    @classmethod
    def _finite(cls, canaries: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
        _check_norms(canaries)
        return canaries

    @model_validator(mode="after")
    def _as_wide_as_said(self) -> Self:
        widths = {len(row) for row in self.canaries}
        if widths != {self.identity.width}:
            raise ValueError(
                f"canary embeddings have {sorted(widths)} numbers, the space {self.identity.width}"
            )
        dimension = self.identity.dimension
        _check_norms([row[:dimension] for row in self.canaries])
        if self.identity.views is not None:
            _check_norms([row[dimension:] for row in self.canaries])
        return self


def _check_norms(rows: Sequence[Sequence[float]]) -> None:
    # the norm, not the numbers: 1e200 is finite, its square is not, and no cosine follows
    with np.errstate(over="ignore"):
        norms = [float(np.linalg.norm(row)) for row in rows]
    if not all(0 < norm < np.inf for norm in norms):
        raise ValueError("canary embeddings must be finite and not zero")


def check_same_settings(name: str, stored: SpaceIdentity, offered: SpaceIdentity) -> None:
    """Raise SpaceMismatch, naming the part that differs, unless both have the same settings.

    Base model and revision are only words, so they are left to the canaries. Who offers embeddings
    without views belongs to a space that has some, as their first numbers are the same.
    """
    for part in ("dimension", "pooling", "max_length", "separator"):
        ours, theirs = getattr(stored, part), getattr(offered, part)
        if ours != theirs:
            raise _mismatch(name, stored, f"its {part} is {ours!r}, yours is {theirs!r}")
    if offered.views is not None and offered.views != stored.views:
        has = stored.views or "none"
        difference = f"its views of an inner layer are {has}, yours are {offered.views}"
        raise _mismatch(name, stored, difference)


def check_same_space(name: str, stored: SpaceFingerprint, offered: SpaceFingerprint) -> None:
    """Raise SpaceMismatch, naming the part that differs, unless both are one space.

    Settings are compared first because their names explain best. Views are compared apart from the
    embeddings before them, whose differences theirs would hide.
    """
    identity = stored.identity
    check_same_settings(name, identity, offered.identity)
    parts = {"": slice(identity.dimension)}
    if offered.identity.views is not None:
        parts["the views of "] = slice(identity.dimension, None)
    for index, both in enumerate(zip(stored.canaries, offered.canaries, strict=True)):
        for what, columns in parts.items():
            a, b = (np.asarray(row[columns], np.float64) for row in both)
            if len(a) != len(b):
                difference = f"canary {index} has {len(b)} numbers, not {len(a)}"
                raise _mismatch(name, identity, difference)
            where = f"{what}canary sentence {index}"
            norms = float(np.linalg.norm(a)), float(np.linalg.norm(b))
            cosine = float(a @ b) / (norms[0] * norms[1])
            if not cosine >= MIN_CANARY_COSINE:  # NaN too
                difference = f"{where} has cosine {cosine:.4f} with the space's own"
                difference += f" (at least {MIN_CANARY_COSINE} is needed)"
                raise _mismatch(name, identity, difference)
            if not abs(norms[1] / norms[0] - 1) <= MAX_CANARY_NORM_ERROR:
                difference = f"{where} has norm {norms[1]:.4g} instead of {norms[0]:.4g}"
                raise _mismatch(name, identity, difference)


def _mismatch(name: str, identity: SpaceIdentity, difference: str) -> SpaceMismatch:
    views = f", views of an inner layer ({identity.views})" if identity.views else ""
    revision = f" at revision {identity.revision}" if identity.revision else ""
    return SpaceMismatch(
        f"These embeddings are not of the space {name!r}: {difference}.",
        f"Use the base model {identity.base_model}{revision} with {identity.pooling} pooling"
        f"{views} and max length {identity.max_length}, or another `space`.",
        parameters=("base_model", "space"),
        space=name,
        base_model=identity.base_model,
    )
