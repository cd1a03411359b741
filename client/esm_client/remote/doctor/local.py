"""What lies on this machine: the cache and the stored tokens."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

from esm_client.core.checkup import Check
from esm_client.core.errors import EsmError
from esm_client.remote.cache.cache import HINT, Cache
from esm_client.remote.config.credentials import credentials_file, read_credentials

SMALL_BYTES = 10**9


def check_cache(directory: Path) -> Check:
    """Whether the cache can be written to, and has room."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
        size, free = Cache(directory).size(), shutil.disk_usage(directory).free
    except (OSError, EsmError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message
        return Check("cache", "failed", f"{directory} cannot be written to: {reason}.", HINT)
    found = f"{directory} holds {size / 1e6:.1f} MB, {free / 1e9:.1f} GB are free"
    if free < SMALL_BYTES:
        return Check("cache", "warning", f"{found}.", "Run: `Client.cache.clear()`")
    return Check("cache", "ok", found)


def check_credentials() -> Check:
    """Whether stored tokens are safe from other users."""
    path = credentials_file()
    if not path.is_file():
        return Check("credentials", "ok", "none are stored")
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        found = f"{path} can be read by other users (mode {mode:04o})."
        return Check("credentials", "failed", found, f"Run: chmod 600 {path}")
    try:
        known = read_credentials(path)
    except EsmError as error:
        return Check("credentials", "failed", error.message, error.hint, error.facts)
    where = f"{len(known.tokens)} tokens in {path}"
    ring = f", {len(known.in_keyring)} in the system's keyring" if known.in_keyring else ""
    return Check("credentials", "ok", f"{where}{ring}")
