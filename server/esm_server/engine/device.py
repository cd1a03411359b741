"""The device a worker scores on, and the arrays it needs there."""

import logging
from typing import Any

import numpy as np

_LOG = logging.getLogger("esm_server")


def arrays_on(device: str) -> tuple[Any, Any]:
    """Namespace and device for `auto`, `cpu`, `cuda` or `cuda:1`: numpy, or torch.

    Where CUDA is asked for and cannot be had, a line in the log says so and the CPU is used.
    """
    if device == "cpu":
        return np, None
    try:
        import torch
    except ImportError:
        if device != "auto":
            _LOG.warning("torch is not installed: the engine uses the CPU instead of %s", device)
        return np, None
    if torch.cuda.is_available():
        return torch, "cuda" if device == "auto" else device
    if device != "auto":
        _LOG.warning("there is no CUDA device: the engine uses the CPU instead of %s", device)
    return np, None
