"""Embedding spaces."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from esm_client.core.schemas.contract import Contract, Digest, Name, Text
from esm_client.core.spaces import SpaceFingerprint, SpaceIdentity


class SpaceCreate(Contract):
    """A new space, made by hand: its fingerprint says what belongs to it."""

    name: Name
    fingerprint: SpaceFingerprint
    location: Text = ""
    description: Text = ""


class SpaceUpdate(Contract):
    """Fields to change; what is left out stays."""

    location: Text | None = None
    description: Text | None = None
    retired: bool | None = None
    successor: Annotated[str, Field(max_length=96)] | None = None
    """The space that replaces it, for instance of a new revision of the base model; "" for none."""


class Space(Contract):
    """An embedding space of the registry."""

    name: str
    identity: SpaceIdentity
    num_esms: int
    weight_digests: list[Digest]
    tokenizer_digests: list[Digest]
    location: str = ""
    """Where the team finds the base model: a path, URL or sentence."""
    description: str = ""
    retired_at: datetime | None = None
    """When it was closed for new ESMs; what is there can still be ranked and pulled."""
    successor: str | None = None
    created_at: datetime
    created_by: str = ""
    """`a robot` in place of the name of one whose namespace the caller may not read."""


class SpaceDetail(Space):
    """A space with the canary embeddings that decide who belongs to it."""

    canaries: list[list[float]]
