"""What can be wrong with a map that is well formed."""

import numpy as np

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.spaces import SpaceFingerprint
from esm_server.admission.signature import linear_part, shift_of

NORMS = "norms"
WORSE_THAN_IDENTITY = "worse-than-identity"
NO_FIT_REPORT = "no-fit-report"
UNVERIFIED_SPACE = "unverified-space"
NEAR_DUPLICATE = "near-duplicate"

MIN_NORM, MAX_NORM = 0.05, 20.0
"""Of W, Frobenius over the square root of D, which is 1 for the identity: twelve real maps have
0.79 to 1.38."""
MAX_BIAS = 100.0
"""Of b against the mean norm of the canary embeddings: real maps have about 1."""

Problem = tuple[str, str]
"""The name of a check, and what it found."""


def problems_of(artifact: EsmArtifact, fingerprint: SpaceFingerprint | None) -> list[Problem]:
    """What the artifact alone shows."""
    found = [*_norms(artifact, fingerprint), *_fit(artifact)]
    if fingerprint is None:
        message = "It carries no canary embeddings, so its space cannot be verified."
        found.append((UNVERIFIED_SPACE, message))
    return found


def near_duplicate(reference: str, distance: float) -> Problem:
    """The map is almost that of another ESM."""
    return (
        NEAR_DUPLICATE,
        f"Its map is almost that of {reference} (relative distance {distance:.2g}).",
    )


def _norms(artifact: EsmArtifact, fingerprint: SpaceFingerprint | None) -> list[Problem]:
    if isinstance(artifact.map, MlpMap):
        return []  # its held-out error is the check of it
    bias, dimension = shift_of(artifact.map), artifact.map.dimension
    norms, is_identity = list[float](), not bias.any()
    for columns, weight in linear_part(artifact.map):
        norms.append(float(np.linalg.norm(weight)))
        units = np.eye(dimension, weight.shape[1], -columns.start)
        is_identity = is_identity and np.array_equal(weight, units)
    if is_identity:
        return [(NORMS, "It is the identity map: it changes no embedding at all.")]
    norm = float(np.linalg.norm(norms)) / dimension**0.5
    if not MIN_NORM <= norm <= MAX_NORM:
        message = (
            f"The norm of its weights is {norm:.3g} times that of the identity; "
            f"{MIN_NORM:g} to {MAX_NORM:g} is plausible."
        )
        return [(NORMS, message)]
    if fingerprint is not None:
        canaries = np.array(fingerprint.canaries, dtype=np.float64)[:, :dimension]
        usual = float(np.linalg.norm(canaries, axis=1).mean())
        shift = float(np.linalg.norm(bias))
        if shift > MAX_BIAS * usual:
            message = (
                f"The norm of its bias is {shift:.3g}, {shift / usual:.3g} times that of an "
                f"embedding; up to {MAX_BIAS:g} times is plausible."
            )
            return [(NORMS, message)]
    return []


def _fit(artifact: EsmArtifact) -> list[Problem]:
    fit = artifact.config.fit
    if fit is None:
        return [(NO_FIT_REPORT, "It does not say how well it imitates its source model.")]
    if fit.held_out_mse < fit.identity_mse:
        return []
    message = (
        f"On held-out rows it is no better than no map: its error is {fit.held_out_mse:.3g}, "
        f"that of the identity {fit.identity_mse:.3g}."
    )
    return [(WORSE_THAN_IDENTITY, message)]
