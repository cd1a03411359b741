"""Packs of many ESMs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from esm_client.core.packs import Member, pack_bytes, pack_size
from esm_client.core.schemas import LiveSpace, PackReport
from esm_client.remote.files.transfer import Download
from esm_client.remote.transport import Transport

PUSH_TIMEOUT = 900.0
"""Seconds: publishing thousands of ESMs takes the server minutes."""


class PackResource:
    """`packs` of a namespace, and the `pack` of a space."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def push(self, namespace: str, members: Sequence[Member]) -> PackReport:
        """POST a pack; sending it again publishes only what is not there."""
        content: Callable[[], Iterator[bytes]] = lambda: pack_bytes(members)  # noqa: E731
        path = f"/v1/namespaces/{namespace}/packs"
        return self._transport.post_stream(
            path, content, pack_size(members), PackReport, PUSH_TIMEOUT
        )

    def live(self, space: str) -> LiveSpace:
        """GET all that a space ranks."""
        return self._transport.get(f"/v1/spaces/{space}/live", LiveSpace)

    def pull(self, space: str, keys: Sequence[int], start: int) -> AbstractContextManager[Download]:
        """GET a pack of some of that, from byte `start` on."""
        query = "&".join(f"key={key}" for key in keys)
        return self._transport.files.download(f"/v1/spaces/{space}/pack?{query}", start)
