"""From which address a request comes: its peer's, or the one that a trusted proxy tells."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from litestar.types import Scope

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Addresses:
    """Tells addresses, believing X-Forwarded-For of proxies in these networks alone.

    An IPv6 address is told as its network of 64 bits. None where nobody can be told apart: on this
    machine, and behind a proxy that does not say whom it speaks for.
    """

    def __init__(self, proxies: Sequence[Network]) -> None:
        self._proxies = tuple(proxies)

    def of_request(self, scope: Scope) -> str | None:
        """The client of a request."""
        peer = scope["client"][0] if scope["client"] else ""
        address = _parsed(peer)
        if address is None or not self._is_proxy(address):
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
        return any(address in network for network in self._proxies)


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
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return str(address)
