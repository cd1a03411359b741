"""How a source model is fine-tuned."""

from dataclasses import dataclass
from typing import Literal

from esm_client.core.errors import InvalidInput

Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class FineTuneRecipe:
    """The paper's recipe by default (Schulte et al. 2024, section 4).

    patience: epochs without a better held-out metric after which to stop and return to the
    best; None for all epochs. precision: "auto" is bfloat16, else float16, on CUDA, and
    float32 elsewhere; weights and embeddings are float32 always.
    """

    epochs: int = 3
    learning_rate: float = 2e-5
    batch_size: int = 32
    weight_decay: float = 0.01
    patience: int | None = None
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        for name in ("epochs", "learning_rate", "batch_size", "patience"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InvalidInput(f"{name} is {value}.", "Use a positive number.")
        if self.precision not in ("auto", "float32", "bfloat16", "float16"):
            raise InvalidInput(f"{self.precision!r} is no precision.", 'Use "auto".')
