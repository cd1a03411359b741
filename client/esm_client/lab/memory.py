"""When a device has no room: telling it from other failures, and saying what to do."""

from typing import Any

from esm_client.core.errors import InvalidInput
from esm_client.lab.extras import require


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch failed for want of memory; MPS says so in words only."""
    return isinstance(error, require("torch").OutOfMemoryError) or "out of memory" in str(error)


def release_memory() -> None:
    """Give back what torch holds of a GPU's memory without using it."""
    torch = require("torch")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def no_room(device: Any, error: RuntimeError) -> InvalidInput:
    """The error where not even one text finds room."""
    reason = str(error).partition("\n")[0][:150]
    return InvalidInput(
        f"The device {device} has no memory for a single text: {reason}",
        'Free its memory, use a shorter `max_length` or a smaller base model, or `device="cpu"`.',
        parameters=("max_length", "device"),
    )
