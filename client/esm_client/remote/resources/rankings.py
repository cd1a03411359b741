"""Rankings."""

from collections.abc import Iterator
from urllib.parse import quote

from esm_client.core.schemas import RankingCreate, RankingJob, RankingReceipt
from esm_client.remote.transport import Transport

EVENT_TIMEOUT = 300.0
"""Seconds without any progress, after which the connection counts as broken."""

_ANSWERS: dict[int, type[RankingReceipt] | type[RankingJob]] = {
    200: RankingReceipt,
    201: RankingReceipt,
    202: RankingJob,
}


class RankingResource:
    """`/v1/rankings`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, ranking: RankingCreate) -> RankingReceipt | RankingJob:
        """POST a sketch to be ranked; not repeated once the server has it."""
        timeout = ranking.wait + EVENT_TIMEOUT
        return self._transport.either("POST", "/v1/rankings", _ANSWERS, ranking, timeout=timeout)

    def get(self, identifier: str) -> RankingReceipt | RankingJob:
        """GET the receipt of a ranking, or how far it is; raises NotFound."""
        return self._transport.either("GET", _path(identifier), _ANSWERS)

    def follow(self, identifier: str) -> Iterator[RankingJob]:
        """GET how far a ranking is until it is over; raises NotFound, ConnectionFailed."""
        return self._transport.events(f"{_path(identifier)}/events", RankingJob, EVENT_TIMEOUT)

    def cancel(self, identifier: str) -> None:
        """DELETE a ranking that is not done yet; raises NotFound, and Conflict when it is.

        Whoever calls it off is about to leave: a registry that is away is not waited for.
        """
        self._transport.delete(_path(identifier), patience=0.0)


def _path(identifier: str) -> str:
    return f"/v1/rankings/{quote(identifier, safe='')}"
