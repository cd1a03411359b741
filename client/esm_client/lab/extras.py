"""Optional packages, imported when a function first needs one."""

from importlib import import_module
from typing import Any

from esm_client.core.errors import MissingExtra


def require(module: str, extra: str = "torch") -> Any:
    """Import a module of an extra; raises MissingExtra when it is not installed."""
    try:
        return import_module(module)
    except ImportError as cause:
        raise MissingExtra(
            f"{module.partition('.')[0]} cannot be imported: {cause}.",
            f'Install it with: pip install "esm-registry[{extra}]"',
        ) from cause
