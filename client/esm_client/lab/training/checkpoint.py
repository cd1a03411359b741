"""The whole state of a fine-tuning on disk, in safetensors and JSON, so that a kill costs little.

A run that is continued from here takes the very steps that it would have taken.
"""

import json
import shutil
import time
from pathlib import Path
from typing import Any

from esm_client.lab.extras import require

SECONDS_BETWEEN = 60.0
"""Long enough that short runs never write one."""
_TENSORS, _FACTS = "state.safetensors", "state.json"


class Checkpoint:
    """A folder that holds the newest state, or nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written = time.monotonic()

    def is_due(self) -> bool:
        """Whether the last state is so old that it is time for the next."""
        return time.monotonic() - self._written >= SECONDS_BETWEEN

    def save(self, model: Any, head: Any, optimiser: Any, facts: dict[str, Any]) -> None:
        """Write the state whole or not at all: a new folder takes the old one's place."""
        torch = require("torch")
        tensors = {f"{name}": tensor.detach() for name, tensor in _named(model, head)}
        for name, parameter in _parameters(model, head):
            for key, value in optimiser.state.get(parameter, {}).items():
                tensors[f"optimiser.{key}.{name}"] = value
        tensors["random.cpu"] = torch.random.get_rng_state()
        if torch.cuda.is_available():
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        fresh, old = (
            self._folder.with_name(f"{self._folder.name}.{end}") for end in ("new", "old")
        )
        for leftover in (fresh, old):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh.mkdir(parents=True)
        contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
        require("safetensors.torch").save_file(contiguous, fresh / _TENSORS)
        (fresh / _FACTS).write_text(json.dumps(facts))
        if self._folder.exists():
            self._folder.rename(old)
        fresh.rename(self._folder)
        shutil.rmtree(old, ignore_errors=True)
        self._written = time.monotonic()

    def restore(self, model: Any, head: Any, optimiser: Any) -> dict[str, Any] | None:
        """Bring everything back to the state on disk; None where there is none to be used."""
        torch = require("torch")
        try:
            facts: dict[str, Any] = json.loads((self._folder / _FACTS).read_text())
            tensors = require("safetensors.torch").load_file(self._folder / _TENSORS)
        except (OSError, ValueError, require("safetensors").SafetensorError):
            return None
        with torch.no_grad():
            for name, tensor in _named(model, head):
                tensor.copy_(tensors[name])
        for name, parameter in _parameters(model, head):
            for key in ("step", "exp_avg", "exp_avg_sq"):
                value = tensors.get(f"optimiser.{key}.{name}")
                if value is None:  # a part of the model that gets no gradients
                    continue
                optimiser.state[parameter][key] = value.to(parameter.device)
        torch.random.set_rng_state(tensors["random.cpu"])
        if torch.cuda.is_available() and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"])
        return facts

    def remove(self) -> None:
        """Remove it: the run is over."""
        for end in ("", ".new", ".old"):
            shutil.rmtree(f"{self._folder}{end}", ignore_errors=True)


def _parameters(model: Any, head: Any) -> list[tuple[str, Any]]:
    """Parameters by name, tied ones once."""
    return [
        *((f"model.{name}", p) for name, p in model.named_parameters()),
        *((f"head.{name}", p) for name, p in head.named_parameters()),
    ]


def _named(model: Any, head: Any) -> list[tuple[str, Any]]:
    """Parameters and buffers."""
    buffers = [(f"model.{name}", buffer) for name, buffer in model.named_buffers()]
    return [*_parameters(model, head), *buffers]
