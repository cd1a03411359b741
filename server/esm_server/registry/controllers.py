"""/v1/esms."""

from typing import Annotated

from litestar import Controller, Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from esm_client.core.schemas import Esm, EsmVersion, EsmVersionCreate, EsmVersionDetail, Page
from esm_server.auth.guards import requires
from esm_server.auth.service import Caller
from esm_server.pagination import DEFAULT_LIMIT, After, Limit, Slice
from esm_server.problems import problems
from esm_server.registry.publishing import PublishService
from esm_server.registry.service import RegistryService
from esm_server.responses import ContractResponse

VERSIONS = "/{namespace:str}/{name:str}/versions"

_PUBLISHED = {
    **problems(404, 409, 507),
    200: ResponseSpec(EsmVersionDetail, description="The same content is a version already"),
}


class EsmController(Controller):
    """ESMs and their versions."""

    path = "/v1/esms"
    tags = ("esms",)
    guards = (requires("read"),)

    @get("/", responses=problems(404), sync_to_thread=True)
    def list_esms(
        self,
        registry: RegistryService,
        space: Annotated[str | None, Parameter(max_length=96)] = None,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[Esm]:
        """ESMs by name, of one space if it is named."""
        return registry.list_esms(space, Slice(after, limit))

    @get("/{namespace:str}/{name:str}", responses=problems(404), sync_to_thread=True)
    def get_esm(self, registry: RegistryService, namespace: str, name: str) -> Esm:
        """One ESM with its latest version."""
        return registry.get_esm(namespace, name)

    @get(VERSIONS, responses=problems(404), sync_to_thread=True)
    def list_versions(
        self,
        registry: RegistryService,
        namespace: str,
        name: str,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[EsmVersion]:
        """Versions of one ESM, newest first."""
        return registry.list_versions(namespace, name, Slice(after, limit))

    @get(VERSIONS + "/{selector:str}", responses=problems(404), sync_to_thread=True)
    def get_version(
        self, registry: RegistryService, namespace: str, name: str, selector: str
    ) -> EsmVersionDetail:
        """One version: `latest`, a number, or `sha256:` and 64 hex digits."""
        return registry.get_version(namespace, name, selector)

    @post(VERSIONS, guards=[requires("write")], responses=_PUBLISHED, sync_to_thread=True)
    def create_version(
        self,
        publishing: PublishService,
        caller: Caller,
        namespace: str,
        name: str,
        data: EsmVersionCreate,
    ) -> Response[EsmVersionDetail]:
        """Publish a version whose files were uploaded before; the same content again is 200."""
        published = publishing.publish(namespace, name, data, caller.name)
        return ContractResponse(published.version, status_code=201 if published.is_new else 200)
