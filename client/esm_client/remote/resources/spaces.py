"""Embedding spaces."""

from collections.abc import Iterator
from typing import Any

from esm_client.core.references import check_name
from esm_client.core.schemas import Space, SpaceCreate, SpaceDetail, SpaceUpdate
from esm_client.core.spaces import SpaceFingerprint
from esm_client.remote.http.requests import checked
from esm_client.remote.transport import Transport


class SpaceResource:
    """`/v1/spaces`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Iterator[Space]:
        """All spaces by name, retired ones too."""
        return self._transport.pages("/v1/spaces", Space)

    def get(self, name: str) -> SpaceDetail:
        """GET one space with its canary embeddings; raises NotFound."""
        return self._transport.get(f"/v1/spaces/{check_name(name, 'space')}", SpaceDetail)

    def create(
        self,
        name: str,
        fingerprint: SpaceFingerprint,
        *,
        location: str = "",
        description: str = "",
    ) -> SpaceDetail:
        """POST a new space; its fingerprint (`Embedder.fingerprint`) says what belongs to it.

        location: where the team finds the base model. Raises InvalidName, Conflict, Forbidden.
        """
        body = checked(
            SpaceCreate,
            {
                "name": check_name(name, "space name"),
                "fingerprint": fingerprint,
                "location": location,
                "description": description,
            },
        )
        return self._transport.post("/v1/spaces", body, SpaceDetail, idempotent=False)

    def edit(self, name: str, **changes: Any) -> SpaceDetail:
        """PATCH `location`, `description`, `retired` (bool) or `successor` ("" for none).

        Raises NotFound, Forbidden, InvalidInput.
        """
        path = f"/v1/spaces/{check_name(name, 'space')}"
        return self._transport.change("PATCH", path, SpaceDetail, checked(SpaceUpdate, changes))
