"""Which version this is."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def server_version() -> str:
    """The installed version; 0 in a checkout that was never installed."""
    try:
        return version("esm-registry")
    except PackageNotFoundError:
        return "0"
