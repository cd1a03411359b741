"""Rankings."""

from urllib.parse import quote

from esm_client.core.schemas import RankingCreate, RankingReceipt
from esm_client.remote.transport import Transport

RANKING_TIMEOUT = 900.0
"""Seconds: an exact ranking of a large pool takes the server minutes."""


class RankingResource:
    """`/v1/rankings`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, ranking: RankingCreate) -> RankingReceipt:
        """POST a sketch to be ranked; not repeated once the server has it."""
        return self._transport.post(
            "/v1/rankings", ranking, RankingReceipt, idempotent=False, timeout=RANKING_TIMEOUT
        )

    def get(self, identifier: str) -> RankingReceipt:
        """GET the receipt of an earlier ranking; raises NotFound."""
        return self._transport.get(f"/v1/rankings/{quote(identifier, safe='')}", RankingReceipt)
