"""Rankings."""

from collections.abc import Callable, Iterator
from urllib.parse import quote

from esm_client.core.schemas import RankingCreate, RankingJob, RankingReceipt, ServerInfo
from esm_client.core.schemas.rankings import PARTS
from esm_client.remote.http.parts import Part, in_parts
from esm_client.remote.transport import JSON, Transport

EVENT_TIMEOUT = 300.0
"""Seconds without any progress, after which the connection counts as broken."""

_ANSWERS: dict[int, type[RankingReceipt] | type[RankingJob]] = {
    200: RankingReceipt,
    201: RankingReceipt,
    202: RankingJob,
}
_BYTES = {"sketch", "folds", "embedded"}


class RankingResource:
    """`/v1/rankings`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._takes_parts: bool | None = None
        """Whether the server does; it is asked before the first ranking."""

    def create(self, ranking: RankingCreate) -> RankingReceipt | RankingJob:
        """POST a sketch to be ranked; not repeated once the server has it."""
        if self._takes_parts is None:
            self._takes_parts = PARTS in self._transport.get("/v1", ServerInfo).takes
        timeout = ranking.wait + EVENT_TIMEOUT
        headers, content = _in_parts(ranking) if self._takes_parts else _in_json(ranking)
        return self._transport.either(
            "POST", "/v1/rankings", _ANSWERS, content, headers=headers, timeout=timeout
        )

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


def _in_parts(ranking: RankingCreate) -> tuple[dict[str, str], Callable[[], Iterator[bytes]]]:
    options = ranking.model_dump_json(exclude=_BYTES).encode()
    parts = [Part("request", options, JSON["Content-Type"]), Part("sketch", ranking.sketch)]
    parts += [Part("fold", fold) for fold in ranking.folds]
    if ranking.embedded is not None:
        parts.append(Part("embedded", ranking.embedded))
    return in_parts(parts)


def _in_json(ranking: RankingCreate) -> tuple[dict[str, str], bytes]:
    """As servers take it that know no parts: bytes as base64."""
    return JSON, ranking.model_dump_json().encode()


def _path(identifier: str) -> str:
    return f"/v1/rankings/{quote(identifier, safe='')}"
