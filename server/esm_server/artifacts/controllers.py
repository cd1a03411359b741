"""The blobs of a namespace, and the files of a version."""

from dataclasses import dataclass
from typing import Any

from litestar import Controller, MediaType, Request, Response, get, head, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.response import Stream

from esm_server.artifacts.ranges import select
from esm_server.artifacts.service import ArtifactService
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.problems import head_problems, problems
from esm_server.responses import ContractResponse

OCTETS = "application/octet-stream"
FILE = "/v1/esms/{namespace:str}/{name:str}/versions/{selector:str}/files/{filename:str}"


@dataclass
class RawUpload(Operation):
    """An operation whose body is raw bytes, which a handler's signature cannot say."""

    def __post_init__(self) -> None:
        schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        self.request_body = RequestBody(
            content={OCTETS: OpenAPIMediaType(schema=schema)},
            description="The bytes themselves, of the digest in the path",
            required=True,
        )


class BlobController(Controller):
    """Content-addressed uploads, which become visible with the version that names them."""

    path = "/v1/namespaces/{namespace:str}/blobs/{digest:str}"
    tags = ("blobs",)
    guards = (requires("write"),)

    @head("/", media_type=OCTETS, responses=head_problems(404, 409), sync_to_thread=True)
    def head_blob(
        self, artifacts: ArtifactService, caller: Caller, namespace: str, digest: str
    ) -> Response[None]:
        """Whether a blob is stored, and its size."""
        headers = {"Content-Length": str(artifacts.blob_size(caller, namespace, digest))}
        return ContractResponse(None, headers=headers)

    @put(
        "/",
        status_code=201,
        operation_class=RawUpload,
        request_max_body_size=None,  # the service counts while the bytes stream
        responses={
            **problems(404, 507),
            200: ResponseSpec(None, description="It is stored already"),
        },
    )
    async def put_blob(
        self,
        request: Request[Any, Any, Any],
        artifacts: ArtifactService,
        caller: Caller,
        namespace: str,
        digest: str,
    ) -> Response[None]:
        """Upload raw bytes; they are hashed while they stream and stored once."""
        is_new = await artifacts.receive(
            caller, namespace, digest, request.content_length, request.stream()
        )
        return ContractResponse(None, status_code=201 if is_new else 200, media_type=MediaType.TEXT)


class FileController(Controller):
    """The files of a version, whole or in part."""

    path = FILE
    tags = ("files",)
    guards = (requires("read"),)

    @get(
        "/",
        media_type=OCTETS,
        responses={
            **problems(404, 409, 416),
            206: ResponseSpec(bytes, description="The range asked for", media_type=OCTETS),  # pyright: ignore[reportArgumentType]
            304: ResponseSpec(None, description="The bytes with this entity tag are known"),
        },
        sync_to_thread=True,
    )
    def get_file(
        self,
        request: Request[Any, Any, Any],
        artifacts: ArtifactService,
        caller: Caller,
        namespace: str,
        name: str,
        selector: str,
        filename: str,
    ) -> Stream:
        """The bytes of one file; understands Range, If-Range and If-None-Match."""
        file = artifacts.find_file(caller, namespace, name, selector, filename)
        etag = f'"{file.digest}"'
        part = select(request.headers, file.size, etag)
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        if part.status != 304:
            headers["Content-Length"] = str(part.stop - part.start)
        if part.status == 206:
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
        content = file.read(part.start, part.stop)
        return Stream(content, status_code=part.status, headers=headers, media_type=OCTETS)

    @head("/", media_type=OCTETS, responses=head_problems(404, 409), sync_to_thread=True)
    def head_file(
        self,
        artifacts: ArtifactService,
        caller: Caller,
        namespace: str,
        name: str,
        selector: str,
        filename: str,
    ) -> Response[None]:
        """Size and entity tag of one file."""
        file = artifacts.find_file(caller, namespace, name, selector, filename)
        headers = {
            "ETag": f'"{file.digest}"',
            "Accept-Ranges": "bytes",
            "Content-Length": str(file.size),
        }
        return ContractResponse(None, headers=headers)
