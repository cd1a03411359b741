"""`model.safetensors`: any map to bytes and back."""

from typing import Literal

from esm_client.core.errors import InvalidArtifact
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.maps.wide import WideMap
from esm_client.core.tensors import dump_tensors, load_tensors

EsmMap = AffineMap | LowRankMap | WideMap | MlpMap
Architecture = Literal["linear", "low-rank", "wide-low-rank", "mlp"]
FittedArchitecture = Literal["linear", "low-rank", "mlp"]
"""What `train` can be asked for."""

_LAYOUTS = {
    ("model.weight", "model.bias"): AffineMap.from_tensors,
    ("sequential.0.weight", "sequential.0.bias"): AffineMap.from_tensors,  # the peer's 0.1.0
    ("model.scale", "model.left", "model.right", "model.bias"): LowRankMap.from_tensors,
    (
        "model.wide.scale",
        "model.wide.left",
        "model.wide.right",
        "model.wide.bias",
    ): WideMap.from_tensors,
    (
        "model.hidden.weight",
        "model.hidden.bias",
        "model.output.weight",
        "model.output.bias",
    ): MlpMap.from_tensors,
}


def dump_map(esm_map: EsmMap) -> bytes:
    """The bytes of `model.safetensors`; equal maps give equal bytes."""
    return dump_tensors(esm_map.tensors(), metadata={"format": "pt"})


def load_map(data: bytes) -> EsmMap:
    """Read `model.safetensors`; raises InvalidArtifact unless it is one finite map."""
    tensors, _ = load_tensors(data, "model.safetensors")
    for names, build in _LAYOUTS.items():
        if set(tensors) == set(names):
            return build(*(tensors[name] for name in names))
    raise InvalidArtifact(
        f"model.safetensors holds the tensors {[name[:80] for name in sorted(tensors)[:6]]}.",
        "A linear ESM holds exactly model.weight and model.bias; a low-rank one model.scale, "
        "model.left, model.right and model.bias.",
    )


def not_scored() -> InvalidArtifact:
    """The error of a map whose score is not a number."""
    return InvalidArtifact("Its weights could not be scored.", "Train the ESM again.")
