"""GET /v1, /health, /metrics, /openapi.json and /docs."""

from typing import Any

from litestar import Controller, MediaType, Request, get

from esm_client.core.schemas import ServerInfo
from esm_client.core.schemas.rankings import PARTS
from esm_server.artifacts.service import ArtifactService
from esm_server.auth.guards import local_or_token
from esm_server.db.columns import now
from esm_server.problems import problems
from esm_server.system.documentation import render_documentation
from esm_server.system.health import Health, HealthService
from esm_server.system.metrics_page import MetricsPage
from esm_server.system.openapi import openapi_document
from esm_server.system.version import server_version


class SystemController(Controller):
    """What answers without a token."""

    tags = ("system",)

    @get("/v1", responses=problems(token=False), sync_to_thread=False)
    def info(self, artifacts: ArtifactService) -> ServerInfo:
        """Proof that this is an ESM registry."""
        store = artifacts.direct_endpoint
        return ServerInfo(version=server_version(), time=now(), store=store, takes=(PARTS,))

    @get("/health/live", responses=problems(token=False), sync_to_thread=False)
    def live(self) -> Health:
        """The process answers."""
        return Health()

    @get("/health/ready", responses=problems(507, token=False))
    async def ready(self, health: HealthService) -> Health:
        """The database answers and the blob store can be written to."""
        await health.check()
        return Health()

    @get(
        "/metrics",
        guards=[local_or_token],
        media_type=MediaType.TEXT,
        responses=problems(),
    )
    async def prometheus(self, metrics_page: MetricsPage) -> bytes:
        """Prometheus metrics, on this machine or with a token."""
        return await metrics_page.text()

    @get("/openapi.json", include_in_schema=False, sync_to_thread=True)
    def openapi(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """The OpenAPI document."""
        return openapi_document(request.app)

    @get("/docs", include_in_schema=False, media_type=MediaType.HTML, sync_to_thread=True)
    def documentation(self, request: Request[Any, Any, Any]) -> str:
        """The OpenAPI document for human readers; loads nothing from anywhere."""
        return render_documentation(openapi_document(request.app))
