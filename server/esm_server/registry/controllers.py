"""/v1/esms: one ESM, its versions and what is kept beside them."""

import asyncio

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.openapi.datastructures import ResponseSpec

from esm_client.core.limits import MAX_CARD_JSON_BYTES, MAX_VERSION_JSON_BYTES
from esm_client.core.schemas import (
    CardRevision,
    Esm,
    EsmUpdate,
    EsmVersion,
    EsmVersionCreate,
    EsmVersionDetail,
    EsmVersionUpdate,
    Page,
    YankCreate,
)
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.connections.turns import Gate
from esm_server.pagination import DEFAULT_LIMIT, After, Limit, Slice
from esm_server.problems import problems
from esm_server.registry.editing import EditingService
from esm_server.registry.publishing import PublishService
from esm_server.registry.removal import RemovalService
from esm_server.registry.service import RegistryService
from esm_server.responses import ContractResponse

ESM = "/{namespace:str}/{name:str}"
VERSIONS = f"{ESM}/versions"
VERSION = VERSIONS + "/{selector:str}"

_PUBLISHED = {
    **problems(404, 409, 422, 507),
    200: ResponseSpec(EsmVersionDetail, description="The same content is a version already"),
}
_READS = problems(404, 409)
_WRITES = problems(404, 409, 507)
_WRITER = (requires("write"),)
_PUBLISHING = Gate(4)
"""Versions that are published at a time: all files of each are read into memory."""


class EsmController(Controller):
    """ESMs and their versions."""

    path = "/v1/esms"
    tags = ("esms",)
    guards = (requires("read"),)

    @get(ESM, responses=_READS, sync_to_thread=True)
    def get_esm(self, registry: RegistryService, caller: Caller, namespace: str, name: str) -> Esm:
        """One ESM with its latest version."""
        return registry.get_esm(caller, namespace, name)

    @patch(ESM, guards=_WRITER, responses=_WRITES, sync_to_thread=True)
    def update_esm(
        self, editing: EditingService, caller: Caller, namespace: str, name: str, data: EsmUpdate
    ) -> Esm:
        """Change description, tags or successor."""
        return editing.update_esm(caller, namespace, name, data)

    @delete(ESM, guards=[requires("admin")], responses=_WRITES, sync_to_thread=True)
    def delete_esm(
        self, removal: RemovalService, caller: Caller, namespace: str, name: str
    ) -> None:
        """Delete an ESM with all its versions, for ever."""
        removal.delete_esm(caller, namespace, name)

    @get(VERSIONS, responses=_READS, sync_to_thread=True)
    def list_versions(
        self,
        registry: RegistryService,
        caller: Caller,
        namespace: str,
        name: str,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[EsmVersion]:
        """Versions of one ESM, newest first, yanked ones too."""
        return registry.list_versions(caller, namespace, name, Slice(after, limit))

    @get(VERSION, responses=_READS, sync_to_thread=True)
    def get_version(
        self, registry: RegistryService, caller: Caller, namespace: str, name: str, selector: str
    ) -> EsmVersionDetail:
        """One version: `latest`, a number, an alias, or `sha256:` and 64 hex digits."""
        return registry.get_version(caller, namespace, name, selector)

    @post(
        VERSIONS,
        guards=_WRITER,
        responses=_PUBLISHED,
        request_max_body_size=MAX_VERSION_JSON_BYTES,
    )
    async def create_version(
        self,
        publishing: PublishService,
        caller: Caller,
        namespace: str,
        name: str,
        data: EsmVersionCreate,
    ) -> Response[EsmVersionDetail]:
        """Publish a version whose files were uploaded before; the same content again is 200."""
        async with _PUBLISHING:
            published = await asyncio.to_thread(publishing.publish, namespace, name, data, caller)
        return ContractResponse(published.version, status_code=201 if published.is_new else 200)

    @patch(
        VERSION,
        guards=_WRITER,
        responses=_WRITES,
        request_max_body_size=MAX_CARD_JSON_BYTES,
        sync_to_thread=True,
    )
    def update_version(
        self,
        editing: EditingService,
        caller: Caller,
        namespace: str,
        name: str,
        selector: str,
        data: EsmVersionUpdate,
    ) -> EsmVersionDetail:
        """Change the card or the source; the former card is kept."""
        return editing.update_version(caller, namespace, name, selector, data)

    @get(f"{VERSION}/cards", responses=_READS, sync_to_thread=True)
    def list_cards(
        self,
        editing: EditingService,
        caller: Caller,
        namespace: str,
        name: str,
        selector: str,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[CardRevision]:
        """Former cards of a version, the last one first."""
        return editing.cards(caller, namespace, name, selector, Slice(after, limit))

    @delete(VERSION, guards=[requires("admin")], responses=_WRITES, sync_to_thread=True)
    def delete_version(
        self, removal: RemovalService, caller: Caller, namespace: str, name: str, selector: str
    ) -> None:
        """Delete a version for ever; its number is not given again."""
        removal.delete_version(caller, namespace, name, selector)

    @put(f"{VERSION}/yank", guards=_WRITER, responses=_WRITES, sync_to_thread=True)
    def yank(
        self,
        removal: RemovalService,
        caller: Caller,
        namespace: str,
        name: str,
        selector: str,
        data: YankCreate,
    ) -> EsmVersionDetail:
        """Take a version out of rankings, `latest` and aliases; by digest it can still be had."""
        return removal.yank(caller, namespace, name, selector, data.reason)

    @delete(
        f"{VERSION}/yank",
        guards=_WRITER,
        responses=_WRITES,
        status_code=200,
        sync_to_thread=True,
    )
    def unyank(
        self, removal: RemovalService, caller: Caller, namespace: str, name: str, selector: str
    ) -> EsmVersionDetail:
        """Take a yank back."""
        return removal.unyank(caller, namespace, name, selector)
