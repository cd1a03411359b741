"""The server itself, and who the caller is to it."""

from esm_client.core.schemas import Identity, ServerInfo
from esm_client.remote.transport import Transport


class ServerResource:
    """`/v1` and `/v1/whoami`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def info(self) -> ServerInfo:
        """GET what proves that this is an ESM registry; needs no token."""
        return self._transport.get("/v1", ServerInfo)

    def whoami(self) -> Identity:
        """GET the token's owner and scope."""
        return self._transport.get("/v1/whoami", Identity)
