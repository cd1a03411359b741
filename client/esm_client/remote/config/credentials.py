"""What a login keeps: one token per registry, in the system's keyring or in a file
that only its owner can read."""

import json
import os
import stat
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from esm_client.core.disk import disk_errors, write_whole
from esm_client.core.errors import InvalidInput
from esm_client.remote.config.folders import config_folder
from esm_client.remote.config.keyring import forget, keep, recall

_HINT = "Set XDG_CONFIG_HOME to a directory you may write to, or use ESM_REGISTRY_TOKEN."


class OpenCredentialsWarning(UserWarning):
    """Other users of this machine may read the stored tokens."""


class Credentials(BaseModel):
    """Stored tokens by registry URL, and the registry used when none is named."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    default: str | None = None
    tokens: Annotated[dict[str, str], Field(repr=False)] = {}
    in_keyring: tuple[str, ...] = ()
    """Registries whose tokens lie in the system's keyring."""
    ca_files: dict[str, str] = {}
    """Certificates to trust, by registry."""

    def token(self, url: str) -> str | None:
        """The token for a registry, wherever it lies."""
        return recall(url) if url in self.in_keyring else self.tokens.get(url)


def credentials_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the credentials lie on this machine."""
    return config_folder(environment) / "credentials.json"


def read_credentials(path: Path) -> Credentials:
    """The stored credentials, empty if there are none.

    Warns (OpenCredentialsWarning) if others may read the file; raises InvalidInput if it is
    damaged.
    """
    with disk_errors(path, _HINT):
        if not path.is_file():
            return Credentials()
        mode, text = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    if os.name == "posix" and mode & 0o077:
        warnings.warn(
            f"{path} can be read by other users (mode {mode:04o}); run: chmod 600 {path}",
            OpenCredentialsWarning,
            stacklevel=2,
        )
    try:
        return Credentials.model_validate_json(text)
    except ValidationError:
        # from None: pydantic would show the input, and with it the tokens
        raise InvalidInput(
            f"{path} is damaged.", "Remove it, and log in again.", credentials=str(path)
        ) from None


def store_token(
    path: Path, url: str, token: str, *, ca_file: Path | None = None, keyring: bool = True
) -> bool:
    """Keep `token` for `url` and make it the default registry; whether the keyring holds it.

    The file gets mode 0600.
    """
    try:
        known = read_credentials(path)
    except InvalidInput:
        known = Credentials()
    tokens = {other: kept for other, kept in known.tokens.items() if other != url}
    rings = tuple(other for other in known.in_keyring if other != url)
    ca_files = {**known.ca_files, **({url: str(ca_file.resolve())} if ca_file else {})}
    kept = keyring and keep(url, token)
    if kept:
        rings = (*rings, url)
    else:
        tokens[url] = token
    _write(path, Credentials(default=url, tokens=tokens, in_keyring=rings, ca_files=ca_files))
    return kept


def forget_token(path: Path, url: str | None) -> str | None:
    """Remove the token of `url`, or of the default registry; returns its URL if there was one."""
    known = read_credentials(path)
    url = url or known.default
    if url is None or url not in {*known.tokens, *known.in_keyring}:
        return None
    if url in known.in_keyring:
        forget(url)
    changes = {
        "default": None if known.default == url else known.default,
        "tokens": {other: token for other, token in known.tokens.items() if other != url},
        "in_keyring": tuple(other for other in known.in_keyring if other != url),
    }
    _write(path, known.model_copy(update=changes))
    return url


def _write(path: Path, credentials: Credentials) -> None:
    with disk_errors(path, _HINT):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = json.dumps(credentials.model_dump(exclude_defaults=True), indent=2, sort_keys=True)
        write_whole(path, f"{text}\n".encode(), mode=0o600)
