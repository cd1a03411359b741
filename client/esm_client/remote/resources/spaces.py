"""Embedding spaces."""

from esm_client.core.references import check_name
from esm_client.core.schemas import Page, Space, SpaceDetail
from esm_client.remote.transport import Transport


class SpaceResource:
    """`/v1/spaces`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def page(self, after: str | None = None) -> Page[Space]:
        """GET one page of spaces by name."""
        params = {} if after is None else {"after": after}
        return self._transport.get("/v1/spaces", Page[Space], params)

    def get(self, name: str) -> SpaceDetail:
        """GET one space with its canary embeddings; raises NotFound."""
        return self._transport.get(f"/v1/spaces/{check_name(name, 'space')}", SpaceDetail)
