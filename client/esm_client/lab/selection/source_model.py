"""A fine-tuned source model as the methods use it: its encoder, its head, its rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidArtifact
from esm_client.core.schemas import SourceKind
from esm_client.core.tensors import load_tensors
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.extras import require
from esm_client.lab.training.source_model import HEAD, load_source_model


@dataclass(frozen=True, eq=False)
class SourceModel:
    """encoder: the settings of the base model's space around the fine-tuned weights.

    head: the linear layer, outputs by D; None where it is not known. task: the rows it was
    fine-tuned on; None where they are not at hand.
    """

    encoder: TextEncoder
    kind: SourceKind
    head: Any = None
    task: TextTask | None = None

    @classmethod
    def load(cls, folder: Path, embedder: Embedder, task: TextTask | None = None) -> "SourceModel":
        """What `save_source_model` wrote; other fine-tuned models have no head.

        Raises SpaceMismatch, InvalidArtifact, and what loading a base model raises.
        """
        encoder = load_source_model(folder, embedder)
        if not (folder / HEAD).is_file():
            return cls(encoder, "classification", None, task)
        tensors, told = load_tensors((folder / HEAD).read_bytes(), HEAD)
        kind: Any = told.get("kind")
        weight, bias = tensors.get("weight"), tensors.get("bias")
        wide = encoder.dimension
        if weight is None or bias is None or weight.shape != (len(bias), wide):
            raise InvalidArtifact(
                f"{folder / HEAD} holds no head for {wide} dimensions.", "Save the model again."
            )
        torch = require("torch")
        head = torch.nn.Linear(wide, len(bias), device=encoder.device)
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(weight))
            head.bias.copy_(torch.from_numpy(bias))
        return cls(encoder, kind, head, task)

    @property
    def num_bytes(self) -> int:
        """Of its weights, in the precision they are kept in."""
        modules = [self.encoder.model, *([self.head] if self.head is not None else [])]
        return sum(p.numel() * p.element_size() for m in modules for p in m.parameters())

    def probabilities(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """What its head says of texts it embedded (N, D): (N, Z) of its own classes."""
        torch = require("torch")
        with torch.inference_mode():
            scores = self.head(torch.from_numpy(embeddings).to(self.encoder.device))
            return torch.softmax(scores.double(), dim=1).cpu().numpy()
