"""Which registry, which token, which cache: arguments first, then environment, then login."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from esm_client.core.errors import InvalidInput
from esm_client.remote.config.credentials import credentials_file, read_credentials
from esm_client.remote.config.folders import cache_folder, data_folder

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


@dataclass(frozen=True)
class Settings:
    """Everything a client needs to know; the token stays out of its repr."""

    url: str
    token: str | None = field(repr=False)
    offline: bool
    cache_dir: Path
    data_dir: Path
    """Where records lie that cannot be made again."""
    ca_file: Path | None
    timeout: float
    patience: float
    """Seconds to wait for a registry that answered before and does not now."""


def resolve_settings(
    url: str | None = None,
    token: str | None = None,
    *,
    offline: bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    timeout: float | None = None,
    patience: float | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Fill what is None from ESM_REGISTRY_* variables, then from the stored login.

    A stored token goes to the registry it was stored for, and to no other.
    Raises InvalidInput where a value cannot be used, or no registry is named anywhere.
    """
    url = url or environment.get("ESM_REGISTRY_URL")
    token = token or environment.get("ESM_REGISTRY_TOKEN")
    ca_file = ca_file or environment.get("ESM_REGISTRY_CA_FILE")
    if not url or not token or not ca_file:
        stored = read_credentials(credentials_file(environment))
        url = url or stored.default
        known = check_url(url) if url else ""
        token = token or stored.token(known)
        ca_file = ca_file or stored.ca_files.get(known)
    if not url:
        raise InvalidInput(
            "No registry is named.",
            "Pass `base_url`, or set ESM_REGISTRY_URL.",
            parameters=("base_url",),
            variable="ESM_REGISTRY_URL",
        )
    timeout = _seconds(environment, "TIMEOUT", 30) if timeout is None else timeout
    if not (math.isfinite(timeout) and timeout > 0):
        raise InvalidInput(f"A timeout of {timeout} s is not possible.", "Use a positive number.")
    patience = _seconds(environment, "PATIENCE", 60) if patience is None else patience
    if not (math.isfinite(patience) and patience >= 0):
        raise InvalidInput(f"A patience of {patience} s is not possible.", "Use 0 or more seconds.")
    return Settings(
        url=check_url(url),
        token=check_token(token) if token else None,
        offline=_switch(environment, "ESM_REGISTRY_OFFLINE") if offline is None else offline,
        cache_dir=Path(cache_dir) if cache_dir else default_cache_dir(environment),
        data_dir=data_folder(environment),
        ca_file=_existing(Path(ca_file)) if ca_file else None,
        timeout=timeout,
        patience=patience,
    )


def default_cache_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """ESM_REGISTRY_CACHE, or `esm-registry` in the user's cache directory."""
    if named := environment.get("ESM_REGISTRY_CACHE"):
        return Path(named).expanduser()
    return cache_folder(environment)


def check_url(url: str) -> str:
    """The registry's address without a trailing slash or `/v1`; raises InvalidInput."""
    shown = url.strip()
    hint = "Write it like https://registry.example.org or http://127.0.0.1:8321."
    try:
        parts = urlsplit(shown)
        _ = parts.port
    except ValueError as cause:
        raise InvalidInput(f"{shown[:200]!r} is not an address: {cause}.", hint) from cause
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(
            "The registry's address holds a user name or password.",
            "Leave it out and give the token by login or ESM_REGISTRY_TOKEN.",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InvalidInput(f"{shown[:200]!r} is not the address of a registry.", hint)
    address = parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl()
    return address.rstrip("/").removesuffix("/v1").rstrip("/")


def check_token(token: str) -> str:
    """The token without surrounding white space; InvalidInput, which never shows it."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInput(
            "The token is empty or holds characters that no token has.",
            "Copy it again, without quotes or line breaks.",
        )
    return token


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(f"ESM_REGISTRY_{name}")
    if not text:
        return default
    try:
        return float(text)
    except ValueError as cause:
        raise InvalidInput(
            f"ESM_REGISTRY_{name} is {text[:40]!r}.",
            f"Write a number of seconds, for instance {default}.",
        ) from cause


def _switch(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "").strip().lower()
    if value not in _TRUE | _FALSE:
        raise InvalidInput(f"{name} is {value[:40]!r}.", f"Set {name}=1 for yes, 0 for no.")
    return value in _TRUE


def _existing(path: Path) -> Path:
    if not path.exists():
        raise InvalidInput(
            f"The certificate file {path} does not exist.",
            "Correct ESM_REGISTRY_CA_FILE, or ask your administrator for the PEM file.",
        )
    return path
