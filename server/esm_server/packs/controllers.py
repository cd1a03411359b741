"""Packs of ESMs."""

import asyncio
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any

from litestar import Controller, MediaType, Request, Response, get, post
from litestar.params import Parameter
from litestar.response import Stream

from esm_client.core.limits import MAX_PULLED_ESMS
from esm_client.core.schemas import LiveSpace, PackReport
from esm_server.artifacts.controllers import RawUpload
from esm_server.artifacts.service import ArtifactService
from esm_server.artifacts.streams import FILE_ANSWERS, OCTETS, stream_part
from esm_server.artifacts.uploads import upload_of
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.connections.turns import Gate
from esm_server.packs.incoming import IncomingPacks
from esm_server.packs.outgoing import OutgoingPacks
from esm_server.problems import problems
from esm_server.responses import ContractResponse, item_by_item

Keys = Annotated[
    list[int] | None,
    Parameter(query="key", max_items=MAX_PULLED_ESMS, description="Of ESMs, as `live` tells them"),
]

_PUBLISHING = Gate(2)
"""Packs that are published at a time, users in turn: each holds a thread for long, and the database
has one writer."""


class PackController(Controller):
    """Many ESMs in one request."""

    path = "/v1"
    tags = ("packs",)

    @post(
        "/namespaces/{namespace:str}/packs",
        guards=[requires("write")],
        operation_class=RawUpload,
        request_max_body_size=None,  # the service counts while the bytes stream
        status_code=200,
        responses=problems(404, 409, 507),
    )
    async def push_pack(
        self,
        request: Request[Any, Any, Any],
        artifacts: ArtifactService,
        incoming_packs: IncomingPacks,
        caller: Caller,
        namespace: str,
    ) -> PackReport:
        """Publish the ESMs of a pack, a tar file (see core.packs), each on its own."""
        with NamedTemporaryFile(dir=artifacts.spool) as spooled:
            file = Path(spooled.name)
            await artifacts.receive_pack(caller, namespace, upload_of(request), file)
            async with _PUBLISHING:
                return await asyncio.to_thread(incoming_packs.publish, file, namespace, caller)

    @get(
        "/spaces/{name:str}/live",
        guards=[requires("read")],
        responses=problems(404),
        sync_to_thread=True,
    )
    def list_live(
        self, outgoing_packs: OutgoingPacks, caller: Caller, name: str
    ) -> Response[LiveSpace]:
        """All that a space ranks, in short: what to ask packs for."""
        written: Any = item_by_item(outgoing_packs.live(caller, name), "live")
        return ContractResponse(written, media_type=MediaType.JSON)

    @get(
        "/spaces/{name:str}/pack",
        guards=[requires("read")],
        media_type=OCTETS,
        responses=FILE_ANSWERS,
        sync_to_thread=True,
    )
    def pull_pack(
        self,
        request: Request[Any, Any, Any],
        outgoing_packs: OutgoingPacks,
        caller: Caller,
        name: str,
        keys: Keys = None,
    ) -> Stream:
        """Some of what a space ranks, as a tar file (see core.packs); understands Range."""
        pack = outgoing_packs.of_space(caller, name, keys or [])
        return stream_part(request.headers, pack)
