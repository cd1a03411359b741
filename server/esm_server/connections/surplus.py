"""Which connections are too many: of their address, and of all that there may be."""

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

FEW = 16
"""Connections that whoever has no more is left before all others give some: probes and scrapes."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a connection is."""

    network: str
    """From where it comes, as widely as one client may choose addresses."""
    address: str | None
    """For the bound of an address; None where it is a proxy's, or this machine's."""


def surplus(owners: Mapping[int, Owner], *, per_address: int, most: int) -> dict[int, str]:
    """The connections to close, and whose they are, of all by number, those that came first first.

    Those beyond `per_address` of their address; and while there are more than `most`, the newest of
    the network that has the most. Networks of proxies, whose connections are those of many, come
    after the others as long as these have more than a few.
    """
    counts, closed = Counter[str](), dict[int, str]()
    for number, owner in owners.items():
        if owner.address is not None:
            counts[owner.address] += 1
            if counts[owner.address] > per_address:
                closed[number] = owner.address
    left = {number: owner for number, owner in owners.items() if number not in closed}
    return closed | _newest_of_largest(left, len(left) - most)


def _newest_of_largest(owners: Mapping[int, Owner], count: int) -> dict[int, str]:
    networks = dict[tuple[str, bool], list[int]]()
    for number, owner in owners.items():
        networks.setdefault((owner.network, owner.address is None), []).append(number)
    turns = [_turn(network, numbers) for network, numbers in networks.items()]
    heapq.heapify(turns)
    closed = dict[int, str]()
    while len(closed) < count:
        *_, network = heapq.heappop(turns)
        numbers = networks[network]
        closed[numbers.pop()] = network[0]
        if numbers:
            heapq.heappush(turns, _turn(network, numbers))
    return closed


_Turn = tuple[bool, bool, int, tuple[str, bool]]


def _turn(network: tuple[str, bool], numbers: list[int]) -> _Turn:
    """Its place in the order in which networks give connections, the smallest first."""
    return len(numbers) <= FEW, network[1], -len(numbers), network
