"""The device a worker scores on, and the arrays it needs there."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

GPU_BATCH = 128
"""Full maps that a GPU scores at once."""
_LOG = logging.getLogger("esm_server")


def arrays_on(device: str) -> tuple[Any, Any]:
    """Namespace and device for `auto`, `cpu`, `cuda` or `cuda:1`: numpy, or torch.

    Where CUDA is asked for and cannot be had, a line in the log says so and the CPU is used.
    """
    if device == "cpu":
        return np, None
    wanted = "cuda" if device == "auto" else device
    why = "torch is not installed"
    try:
        import torch
    except ImportError:
        pass
    else:
        why = "there is no such CUDA device"
        number = int(wanted.partition(":")[2] or 0)
        if torch.cuda.is_available() and number < torch.cuda.device_count():
            return torch, wanted
    if device != "auto" or _has_gpu():
        _LOG.warning("%s: the engine uses the CPU instead of %s", why, device)
    return np, None


def is_gpu(device: str) -> bool:
    """Whether that device is, or may turn out to be, a GPU; without importing torch."""
    return device.startswith("cuda") or (device == "auto" and _has_gpu())


def num_workers(device: str, cores: int) -> int:
    """How many workers a device is fed by: one a core, or two to a GPU, of which one reads maps
    while the other computes."""
    return 2 if is_gpu(device) else cores


def _has_gpu() -> bool:
    return any(Path("/dev").glob("nvidia[0-9]*"))
