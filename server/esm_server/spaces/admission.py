"""Deciding the space of a pushed ESM: an existing one it agrees with, or a new one."""

import re

from sqlmodel import Session

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.errors import (
    Conflict,
    DimensionMismatch,
    InvalidArtifact,
    NotFound,
    SpaceMismatch,
)
from esm_client.core.spaces import SpaceFingerprint, check_same_settings, check_same_space
from esm_client.core.views import SpaceViews
from esm_server.auth.caller import Caller
from esm_server.db import SpaceRow
from esm_server.spaces.founders import A_ROBOT, founder
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import find_space, require_id, stored_fingerprint

_HUB_ID = re.compile(r"[\w-][\w.-]*/([\w-][\w.-]*)")


def claimed_fingerprint(
    artifact: EsmArtifact, sent: SpaceFingerprint | None
) -> SpaceFingerprint | None:
    """The fingerprint a push claims: the one sent, which must agree with the artifact's own.

    Raises SpaceMismatch, DimensionMismatch, or InvalidArtifact for canaries that cannot be.
    """
    try:
        own = artifact.fingerprint
    except ValueError as cause:
        raise InvalidArtifact(
            "The canaries in summary.safetensors are zero or not finite.",
            "Embed the canary sentences again with the base model.",
        ) from cause
    if sent is None:
        return own
    _check_width(sent, artifact)
    said = artifact.config.space
    if said is not None:
        check_same_settings("of the artifact", said, sent.identity)
        if said.views != sent.identity.views:
            raise SpaceMismatch(
                f"The ESM is of a space with {said.views} views of an inner layer, the fingerprint "
                "has none.",
                "Send the fingerprint of the embedder that the ESM was trained with.",
            )
    if own is not None:
        check_same_space("of the artifact", own, sent)
    return sent


def admit(
    session: Session,
    name: str | None,
    artifact: EsmArtifact,
    fingerprint: SpaceFingerprint | None,
    caller: Caller,
) -> SpaceRow:
    """The space of this artifact within the transaction, created if need be.

    Raises NotFound, SpaceMismatch, DimensionMismatch.
    """
    spaces = SpaceRepository(session)
    name = name or _default_name(artifact, fingerprint)
    row = spaces.find(name)
    if row is not None:
        _check_open(session, row, caller)
        try:
            _check_belongs(row, artifact, fingerprint)
        except SpaceMismatch as error:
            raise with_fitting_space(spaces, row, fingerprint, error) from error
    elif fingerprint is not None:
        _check_views(name, fingerprint.identity.views, artifact, fingerprint)
        row = spaces.add(name, fingerprint, caller.name)
    else:
        row = _unknown_space(spaces, name)
    if fingerprint is not None:
        spaces.add_digests(require_id(row), fingerprint)
    return row


def _default_name(artifact: EsmArtifact, fingerprint: SpaceFingerprint | None) -> str:
    identity = fingerprint.identity if fingerprint else artifact.config.space
    if identity is None:
        raise NotFound(
            "The artifact does not say its embedding space, and none was named.",
            "Name an existing space with `space`.",
        )
    return identity.default_name


def _unknown_space(spaces: SpaceRepository, name: str) -> SpaceRow:
    try:
        return find_space(spaces, name)
    except NotFound as error:
        raise NotFound(
            error.message,
            f"Without canary embeddings an ESM can only join an existing space. {error.hint}",
        ) from error


def with_fitting_space(
    spaces: SpaceRepository,
    row: SpaceRow,
    fingerprint: SpaceFingerprint | None,
    error: SpaceMismatch,
) -> SpaceMismatch:
    """The error of a wrong space, saying which space is the right one if there is any."""
    for other in spaces.of_dimension(fingerprint.identity.dimension) if fingerprint else ():
        if other.id == row.id or fingerprint is None:
            continue
        try:
            check_same_space(other.name, stored_fingerprint(other), fingerprint)
        except SpaceMismatch:
            continue
        return SpaceMismatch(error.message, f"They fit the space {other.name!r}: name that one.")
    return error


def _check_open(session: Session, row: SpaceRow, caller: Caller) -> None:
    if row.retired_at is None:
        return
    known = founder(session, caller, row.created_by)
    who = "an admin of the registry" if known == A_ROBOT else known
    raise Conflict(
        f"The space {row.name!r} was retired at {row.retired_at:%Y-%m-%d}: it takes no more ESMs.",
        f"Train the ESM for its successor {row.successor!r}."
        if row.successor
        else f"Ask {who} which space to use.",
    )


def _check_belongs(
    row: SpaceRow, artifact: EsmArtifact, fingerprint: SpaceFingerprint | None
) -> None:
    stored = stored_fingerprint(row)
    _check_views(row.name, stored.identity.views, artifact, fingerprint)
    if fingerprint is not None:
        check_same_space(row.name, stored, fingerprint)
        return
    if artifact.config.dimension != row.dimension:
        raise DimensionMismatch(
            f"The ESM has {artifact.config.dimension} dimensions, the space {row.name!r} has "
            f"{row.dimension}.",
            "Push it to the space of its own base model with `space`.",
        )
    if artifact.config.space is not None:  # settings without canaries: compare the settings
        check_same_settings(row.name, stored.identity, artifact.config.space)
    ours, theirs = _hub_name(row.base_model), _hub_name(artifact.config.base_model)
    if ours and theirs and ours != theirs:
        raise SpaceMismatch(
            f"The ESM was trained on {artifact.config.base_model}, the space {row.name!r} "
            f"belongs to {row.base_model}.",
            "Push it to the space of its own base model with `space`.",
        )


def _check_views(
    space: str,
    offered: SpaceViews | None,
    artifact: EsmArtifact,
    fingerprint: SpaceFingerprint | None,
) -> None:
    """Raise DimensionMismatch for a map that reads more or fewer views of a text than a space
    offers, SpaceMismatch for others of as many."""
    read = artifact.map.width - artifact.map.dimension
    if read <= 0:
        return
    identity = artifact.config.space or (fingerprint.identity if fingerprint else None)
    said = identity.views if identity else None
    if said is not None and said == offered and read == said.count:
        return
    kind = SpaceMismatch if offered and read == offered.count else DimensionMismatch
    raise kind(
        f"The ESM reads views of an inner layer ({said or read}), and the space {space!r} has "
        f"{offered or 'none'}.",
        "Push it to the space that it was trained in, or train it in this one.",
    )


def _hub_name(base_model: str) -> str | None:
    """The last component of a hub id `org/name`; None for a local path."""
    match = _HUB_ID.fullmatch(base_model)
    return match[1].lower() if match else None


def _check_width(fingerprint: SpaceFingerprint, artifact: EsmArtifact) -> None:
    width = fingerprint.identity.dimension
    if width != artifact.config.dimension:
        raise DimensionMismatch(
            f"The ESM has {artifact.config.dimension} dimensions, the fingerprint {width}.",
            "Send the fingerprint of the base model that the ESM was trained on.",
        )
