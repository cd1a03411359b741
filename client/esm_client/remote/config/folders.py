"""Where this user's cache, settings and records are kept."""

import os
from collections.abc import Mapping
from pathlib import Path

from platformdirs import PlatformDirs

NAME = "esm-registry"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder for what may be fetched again, below XDG_CACHE_HOME where that is set."""
    system = PlatformDirs(NAME, appauthor=False).user_cache_path
    return _folder(environment.get("XDG_CACHE_HOME"), ".cache", system)


def config_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder for logins and choices, below XDG_CONFIG_HOME where that is set."""
    system = PlatformDirs(NAME, appauthor=False).user_config_path
    return _folder(environment.get("XDG_CONFIG_HOME"), ".config", system)


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder for what cannot be made again, below XDG_DATA_HOME where that is set."""
    home = environment.get("XDG_DATA_HOME")
    return Path(home) / NAME if home else PlatformDirs(NAME, appauthor=False).user_data_path


def _folder(home: str | None, before: str, system: Path) -> Path:
    if home:
        return Path(home) / NAME
    known = Path.home() / before / NAME  # the first versions used it on every system
    return known if known.is_dir() else system
