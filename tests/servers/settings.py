"""What a server of the tests was configured with."""

from pathlib import Path

from esm_server.settings import Settings


def settings_of(data_dir: Path, env: dict[str, str]) -> Settings:
    """The settings of a server with this environment."""
    prefix = "ESM_SERVER_"
    given = {key: value for key, value in env.items() if key.startswith(prefix)}
    values = {key.removeprefix(prefix).lower(): value for key, value in given.items()}
    return Settings(**{**values, "data_dir": data_dir})
