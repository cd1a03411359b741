"""All checks of the way to a registry, in the order in which they depend on each other."""

from collections.abc import Generator, Iterator
from dataclasses import replace

from esm_client.core.checkup import Check
from esm_client.remote.config.settings import Settings
from esm_client.remote.doctor.local import check_cache, check_credentials
from esm_client.remote.doctor.network import check_dns, check_proxy, check_tcp, check_tls, proxy_of
from esm_client.remote.doctor.server import (
    check_bytes,
    check_clock,
    check_server,
    check_token,
    check_version,
)

PATIENCE = 5.0
"""Seconds that any one check may wait."""
_OF_SERVER = ("server", "version", "clock", "token", "bytes")


def examine(settings: Settings) -> Iterator[Check]:
    """Check after check, as each is done; after a failure, what depends on it is skipped."""
    settings = replace(settings, timeout=min(settings.timeout, PATIENCE))
    yield Check("address", "ok", settings.url)
    reached = yield from _network(settings)
    yield from _server(settings) if reached else _skipped(*_OF_SERVER)
    yield check_credentials()
    yield check_cache(settings.cache_dir)


def _network(settings: Settings) -> Generator[Check, None, bool]:
    proxy = proxy_of(settings.url)
    first = check_proxy(settings, proxy)
    yield first
    if first.state == "failed":
        yield from _skipped("DNS", "TCP", "TLS")
        return False
    if proxy is not None:  # the proxy looks up and connects
        for name in ("DNS", "TCP", "TLS"):
            yield Check(name, "skipped", "the proxy does this")
        return True
    for number, check in enumerate((check_dns, check_tcp, check_tls)):
        found = check(settings)
        yield found
        if found.state == "failed":
            yield from _skipped(*("DNS", "TCP", "TLS")[number + 1 :])
            return False
    return True


def _server(settings: Settings) -> Iterator[Check]:
    found, info, asked = check_server(settings)
    yield found
    if info is None:
        yield from _skipped(*_OF_SERVER[1:])
        return
    yield check_version(info)
    yield check_clock(info, asked)
    yield check_token(settings)
    yield check_bytes(settings, info)


def _skipped(*names: str) -> Iterator[Check]:
    for name in names:
        yield Check(name, "skipped", "an earlier check failed")
