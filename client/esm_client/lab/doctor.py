"""What embedding needs on this machine: a base model and, if there is one, a GPU."""

from importlib.util import find_spec

from esm_client.core.checkup import Check
from esm_client.core.errors import EsmError
from esm_client.lab.base_model import find_base_model


def check_base_model(folder: str) -> Check:
    """Whether the base model is there and safe; its weights are not loaded."""
    try:
        found = find_base_model(folder)
    except EsmError as error:
        return Check("base model", "failed", error.message, error.hint)
    return Check("base model", "ok", f"{found.name} in {found.folder}")


def check_gpu() -> Check:
    """What embedding would run on."""
    if find_spec("torch") is None or find_spec("transformers") is None:
        return Check(
            "GPU",
            "warning",
            "torch or transformers is not installed, so nothing can be embedded here.",
            'Run: pip install "esm-registry[torch]"; ready embeddings can be ranked without.',
        )
    import torch

    if torch.cuda.is_available():
        return Check("GPU", "ok", f"{torch.cuda.get_device_name()} (CUDA)")
    if torch.backends.mps.is_available():
        return Check("GPU", "ok", "Apple GPU (MPS)")
    return Check("GPU", "ok", "none: embedding runs on the CPU")
