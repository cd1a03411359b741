"""Tokens in the system's keyring, where the optional package `keyring` finds one."""

import warnings
from importlib.util import find_spec
from typing import Any

SERVICE = "esm-registry"


class KeyringWarning(UserWarning):
    """The keyring did not do its part."""


def usable_keyring() -> Any:
    """The `keyring` module, or None where there is no keyring that keeps anything."""
    if find_spec("keyring") is None:
        return None
    import keyring

    try:
        return keyring if keyring.get_keyring().priority > 0 else None
    except RuntimeError:
        return None


def keep(url: str, token: str) -> bool:
    """Put a token into the keyring; False where there is none, or it fails (KeyringWarning)."""
    ring = usable_keyring()
    if ring is None:
        return False
    try:
        ring.set_password(SERVICE, url, token)
    except ring.errors.KeyringError as error:
        _warn(error)
        return False
    return True


def recall(url: str) -> str | None:
    """The token kept for a registry; None where it cannot be read (KeyringWarning)."""
    ring = usable_keyring()
    if ring is None:
        _warn("no keyring is usable here")
        return None
    try:
        return ring.get_password(SERVICE, url)
    except ring.errors.KeyringError as error:
        _warn(error)
        return None


def forget(url: str) -> None:
    """Remove the token of a registry, if there is one."""
    ring = usable_keyring()
    if ring is None:
        return
    try:
        ring.delete_password(SERVICE, url)
    except ring.errors.KeyringError as error:
        _warn(error)


def _warn(reason: object) -> None:
    message = f"The system's keyring cannot be used ({reason}); log in again."
    warnings.warn(message, KeyringWarning, stacklevel=3)
