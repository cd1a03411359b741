"""The blobs of a namespace, and the files of a version."""

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from litestar import Controller, MediaType, Request, Response, delete, get, head, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from esm_client.core.artifact.directory import MODEL
from esm_client.core.errors import NotFound
from esm_client.core.schemas import EsmVersionDetail, SourceModelCreate
from esm_client.core.schemas.uploads import DirectUpload, DirectUploadCreate
from esm_server.artifacts.service import ArtifactService, StoredFile
from esm_server.artifacts.source_models import SourceModelService
from esm_server.artifacts.streams import FILE_ANSWERS, OCTETS, send_file
from esm_server.artifacts.uploads import upload_of
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.problems import head_problems, problems
from esm_server.responses import ContractResponse
from esm_server.telemetry.metrics import Metrics

VERSION = "/v1/esms/{namespace:str}/{name:str}/versions/{selector:str}"

_ATTACHED = problems(404, 409, 507)


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
        """Whether a blob is stored, and its size; of those alone that the caller may name.

        That is: which the namespace has, or which they sent into it within seven days.
        """
        try:
            headers = {"Content-Length": str(artifacts.blob_size(caller, namespace, digest))}
        except NotFound as error:
            error.headers = {"Upload-Offset": str(artifacts.blob_kept(caller, namespace, digest))}
            raise
        return ContractResponse(None, headers=headers)

    @put(
        "/",
        status_code=201,
        operation_class=RawUpload,
        request_max_body_size=None,  # the service counts while the bytes stream
        responses={
            **problems(404, 409, 507),
            200: ResponseSpec(None, description="The namespace or its sender had it already"),
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
        """Upload raw bytes; they are hashed while they stream and stored once.

        With `Content-Range: bytes 0-99/100` the upload is resumable: when the connection breaks,
        HEAD says in `Upload-Offset` where to go on.
        """
        upload = upload_of(request)
        is_new = await artifacts.receive(caller, namespace, digest, upload)
        return ContractResponse(None, status_code=201 if is_new else 200, media_type=MediaType.TEXT)

    @post("/upload", status_code=200, responses=problems(404), sync_to_thread=True)
    def direct_upload(
        self,
        artifacts: ArtifactService,
        caller: Caller,
        namespace: str,
        digest: str,
        data: DirectUploadCreate,
    ) -> DirectUpload:
        """How to send these bytes to the object store itself, where the server has one."""
        signed = artifacts.direct_upload(
            caller, namespace, digest, data.size, source_model=data.source_model
        )
        return DirectUpload() if signed is None else DirectUpload(**asdict(signed))


class FileController(Controller):
    """The files of a version, whole or in part."""

    path = f"{VERSION}/files/{{filename:str}}"
    tags = ("files",)
    guards = (requires("read"),)

    @get("/", media_type=OCTETS, responses=FILE_ANSWERS, sync_to_thread=True)
    def get_file(
        self,
        request: Request[Any, Any, Any],
        artifacts: ArtifactService,
        caller: Caller,
        namespace: str,
        name: str,
        selector: str,
        filename: str,
        metrics: Metrics,
    ) -> Response[Any]:
        """The bytes of one file; understands Range, If-Range and If-None-Match.

        With the header `X-ESM-Follow` the answer may be a redirect to the object store; the token
        is nothing for it.
        """
        file = artifacts.find_file(caller, namespace, name, selector, filename)
        answer = send_file(request.headers, file)
        if filename == MODEL and answer.status_code in (
            HTTPStatus.OK,
            HTTPStatus.TEMPORARY_REDIRECT,
        ):
            metrics.pulls.inc()
        return answer

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
        return _headers(artifacts.find_file(caller, namespace, name, selector, filename))


class SourceModelController(Controller):
    """The fine-tuned source model beside a version."""

    path = f"{VERSION}/source-model"
    tags = ("source models",)
    guards = (requires("read"),)

    @put("/", guards=[requires("write")], responses=_ATTACHED, sync_to_thread=True)
    def attach_source_model(
        self,
        source_models: SourceModelService,
        caller: Caller,
        namespace: str,
        name: str,
        selector: str,
        data: SourceModelCreate,
    ) -> EsmVersionDetail:
        """Give a version the source model whose files were uploaded before."""
        return source_models.attach(caller, namespace, name, selector, data)

    @delete("/", guards=[requires("admin")], responses=problems(404, 409, 507), sync_to_thread=True)
    def remove_source_model(
        self,
        source_models: SourceModelService,
        caller: Caller,
        namespace: str,
        name: str,
        selector: str,
    ) -> None:
        """Take the source model of a version away."""
        source_models.remove(caller, namespace, name, selector)

    @get("/files/{filename:str}", media_type=OCTETS, responses=FILE_ANSWERS, sync_to_thread=True)
    def get_source_model_file(
        self,
        request: Request[Any, Any, Any],
        artifacts: ArtifactService,
        caller: Caller,
        namespace: str,
        name: str,
        selector: str,
        filename: str,
    ) -> Response[Any]:
        """The bytes of one file; understands Range, If-Range and If-None-Match.

        With the header `X-ESM-Follow` the answer may be a redirect to the object store; the token
        is nothing for it.
        """
        file = artifacts.find_source_model_file(caller, namespace, name, selector, filename)
        return send_file(request.headers, file)


def _headers(file: StoredFile) -> Response[None]:
    headers = {
        "ETag": file.etag,
        "Accept-Ranges": "bytes",
        "Content-Length": str(file.size),
    }
    return ContractResponse(None, headers=headers)
