"""Mixed precision on GPUs: arithmetic in half precision, weights in float32."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from esm_client.lab.extras import require
from esm_client.lab.training.recipe import Precision


class Precise:
    """How one run computes: in float32, or in half precision with scaled gradients."""

    def __init__(self, device: Any, precision: Precision) -> None:
        torch = require("torch")
        self._device = device
        if precision == "auto":
            cuda = device.type == "cuda"
            half = "bfloat16" if cuda and torch.cuda.is_bf16_supported() else "float16"
            precision = half if cuda else "float32"
        self._dtype = None if precision == "float32" else getattr(torch, precision)
        # only float16 has so narrow a range that small gradients vanish
        self._scaler = torch.amp.GradScaler(device.type, enabled=precision == "float16")

    def forward(self) -> AbstractContextManager[Any]:
        """Around the forward pass and the loss."""
        if self._dtype is None:
            return nullcontext()
        return require("torch").autocast(self._device.type, dtype=self._dtype)

    def backward(self, loss: Any) -> None:
        """Add the gradients of a loss."""
        self._scaler.scale(loss).backward()

    def unscale(self, optimiser: Any) -> None:
        """Bring the gradients to their true size, before they are clipped."""
        self._scaler.unscale_(optimiser)

    def step(self, optimiser: Any) -> None:
        """Step, unless a scaled gradient overflowed."""
        self._scaler.step(optimiser)
        self._scaler.update()

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: numbers."""
        return self._scaler.state_dict()

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        if state:
            self._scaler.load_state_dict(state)
