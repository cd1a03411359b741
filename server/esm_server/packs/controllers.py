"""Packs of ESMs."""

import asyncio
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter
from litestar.response import Stream

from esm_client.core.schemas import PackReport
from esm_server.artifacts.controllers import OCTETS, RawUpload
from esm_server.artifacts.ranges import select
from esm_server.artifacts.service import ArtifactService
from esm_server.artifacts.uploads import upload_of
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.packs.incoming import IncomingPacks
from esm_server.packs.outgoing import OutgoingPacks
from esm_server.problems import problems

Since = Annotated[int, Parameter(ge=0, le=2**53)]
_ANSWERS = {
    **problems(404, 416),
    206: ResponseSpec(bytes, description="The range asked for", media_type=OCTETS),  # pyright: ignore[reportArgumentType]
    304: ResponseSpec(None, description="The bytes with this entity tag are known"),
}


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
            return await asyncio.to_thread(incoming_packs.publish, file, namespace, caller)

    @get(
        "/spaces/{name:str}/pack",
        guards=[requires("read")],
        media_type=OCTETS,
        responses=_ANSWERS,
        sync_to_thread=True,
    )
    def pull_pack(
        self,
        request: Request[Any, Any, Any],
        outgoing_packs: OutgoingPacks,
        caller: Caller,
        name: str,
        since: Since = 0,
    ) -> Stream:
        """What a space ranks, from the cursor of an earlier pack on; understands Range."""
        pack = outgoing_packs.of_space(caller, name, since)
        part = select(request.headers, pack.size, pack.etag)
        headers = {"ETag": pack.etag, "Accept-Ranges": "bytes"}
        if part.status != 304:
            headers["Content-Length"] = str(part.stop - part.start)
        if part.status == 206:
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{pack.size}"
        content = pack.read(part.start, part.stop)
        return Stream(content, status_code=part.status, headers=headers, media_type=OCTETS)
