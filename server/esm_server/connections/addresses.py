"""From which address a request comes: its peer's, or the one that a trusted proxy tells."""

import logging
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from litestar.types import Scope

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_LOG = logging.getLogger("esm_server")


class Addresses:
    """Tells addresses, believing X-Forwarded-For of proxies in these networks alone.

    An IPv6 address is told as its network of 64 bits. None where nobody can be told apart: on this
    machine, and behind a proxy that does not say whom it speaks for.
    """

    def __init__(self, proxies: Sequence[Network]) -> None:
        self._proxies = tuple(proxies)
        self._has_told = False

    def of_request(self, scope: Scope) -> str | None:
        """The client of a request."""
        peer = scope["client"][0] if scope["client"] else ""
        address = _parsed(peer)
        if address is None or not self._is_proxy(address):
            self._tell_of_unnamed(scope, peer)
            return self.of_peer(peer)
        found = None
        for entry in _forwarded(scope):  # each proxy appends whom it saw: the last are true
            address = _parsed(entry)
            if address is None:
                break
            found = address
            if not self._is_proxy(address):
                break
        return None if found is None else _counted(found)

    def of_peer(self, peer: str) -> str | None:
        """Whoever has a connection, unless it is a proxy, which has those of many."""
        address = _parsed(peer)
        if address is None or address.is_loopback or self._is_proxy(address):
            return None
        return _counted(address)

    def _is_proxy(self, address: Address) -> bool:
        return any(address in proxies for proxies in self._proxies)

    def _tell_of_unnamed(self, scope: Scope, peer: str) -> None:
        """Say once that what may be a proxy is not believed: all of its users are one address."""
        if not self._has_told and any(name == b"x-forwarded-for" for name, _ in scope["headers"]):
            self._has_told = True
            _LOG.warning(
                "%s sends X-Forwarded-For and is not named in ESM_SERVER_TRUSTED_PROXIES, so all "
                "its requests count as one address's: name it if it is your proxy",
                peer,
            )


def network(peer: str) -> str:
    """Of a peer, what whoever has it may well have more addresses of: 48 bits of IPv6."""
    address = _parsed(peer)
    return _prefix(address, 48) if isinstance(address, IPv6Address) else str(address)


def _forwarded(scope: Scope) -> Iterator[str]:
    """The entries of all X-Forwarded-For headers, the last first."""
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    text = b",".join(values).decode("latin-1")
    return reversed([part.strip() for part in text.split(",")])


def _parsed(text: str) -> Address | None:
    """An address, with or without a port; None for anything else."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _counted(address: Address) -> str:
    # one customer, one machine even, has all of such a network to choose from
    return _prefix(address, 64) if isinstance(address, IPv6Address) else str(address)


def _prefix(address: IPv6Address, bits: int) -> str:
    rest = 128 - bits
    return f"{IPv6Address(int(address) >> rest << rest)}/{bits}"
