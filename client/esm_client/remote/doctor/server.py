"""Who answers, and whether it knows us."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx

from esm_client import __version__
from esm_client.core.checkup import Check
from esm_client.core.compatibility import misfit
from esm_client.core.errors import EsmError, NotOurServer, Unauthorized, Unavailable
from esm_client.core.schemas import ServerInfo
from esm_client.remote.config.settings import Settings
from esm_client.remote.doctor.network import proxy_of
from esm_client.remote.http.connection import open_store
from esm_client.remote.http.failures import connection_failed
from esm_client.remote.resources.server import ServerResource
from esm_client.remote.transport import Transport

MAX_SKEW = timedelta(seconds=60)
SOON = timedelta(days=7)


def check_server(settings: Settings) -> tuple[Check, ServerInfo | None, datetime]:
    """Whether an ESM registry answers; what it says of itself, and when it was asked.

    The token is shown to it only later, once it is known to be one.
    """
    transport = Transport(replace(settings, token=None))
    started = datetime.now(UTC)
    try:
        info = ServerResource(transport).info()
    except (NotOurServer, Unavailable) as error:
        return _not_ours(settings, error), None, started
    except EsmError as error:
        return Check("server", "failed", error.message, error.hint), None, started
    finally:
        transport.close()
    asked = started + (datetime.now(UTC) - started) / 2
    return Check("server", "ok", f"an ESM registry, version {info.version}"), info, asked


def _not_ours(settings: Settings, error: EsmError) -> Check:
    proxy = proxy_of(settings.url)
    if proxy is None:
        return Check("server", "failed", error.message, error.hint)
    return Check(
        "server",
        "failed",
        f"It seems that the proxy answered instead of the registry: {error.message}",
        "Go around the proxy with NO_PROXY, or give it what it asks for in the proxy's address.",
    )


def check_version(info: ServerInfo) -> Check:
    """Whether client and server fit."""
    problem = misfit(__version__, info.version)
    if problem is None:
        return Check("version", "ok", f"client {__version__} and server {info.version} fit")
    found, _, fix = problem.partition(": ")
    fix = fix[0].upper() + fix[1:]
    return Check("version", "failed", f"{found}.", fix)


def check_clock(info: ServerInfo, asked: datetime) -> Check:
    """Whether both clocks agree: by them tokens expire and logs are compared."""
    if info.time is None:
        return Check("clock", "skipped", "the server does not tell its time")
    skew = asked - info.time
    if abs(skew) <= MAX_SKEW:
        return Check("clock", "ok", f"{abs(skew).total_seconds():.1f} s from the server's")
    side = "ahead of" if skew > timedelta(0) else "behind"
    return Check(
        "clock",
        "failed",
        f"This machine's clock is {abs(skew).total_seconds():.0f} s {side} the server's.",
        "Set the wrong one of both by a time server (for instance: timedatectl set-ntp true).",
    )


def check_bytes(settings: Settings, info: ServerInfo) -> Check:
    """Which way large files go: over the registry, or straight from and to its object store."""
    if info.store is None:
        return Check("bytes", "ok", "files go over the registry")
    try:
        with open_store(settings) as client:
            client.head(info.store)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        failure = connection_failed(error, info.store)
        found = f"Files go over the registry, not straight from its store: {failure.message}"
        return Check("bytes", "warning", found, "This works, but the other way is faster.")
    return Check("bytes", "ok", f"large files go straight from and to {info.store}")


def check_token(settings: Settings) -> Check:
    """Whether the token is known, and for how long."""
    if settings.token is None:
        fix = "Set ESM_REGISTRY_TOKEN."
        told = "No token is set or stored for this registry."
        return Check("token", "failed", told, fix, {"log_in_at": settings.url})
    transport = Transport(settings)
    try:
        identity = ServerResource(transport).whoami()
    except Unauthorized as error:
        return Check("token", "failed", error.message, error.hint)
    except EsmError as error:
        return Check("token", "failed", error.message, error.hint)
    finally:
        transport.close()
    found = f"{identity.token!r} of {identity.name}, scope {identity.scope}"
    if identity.expires_at is not None and identity.expires_at - datetime.now(UTC) < SOON:
        fix = "Ask an admin for a new one: none that is made with it lives longer."
        when = f"{identity.expires_at:%Y-%m-%d %H:%M} UTC"
        return Check("token", "warning", f"{found}; it expires at {when}.", fix)
    return Check("token", "ok", found)
