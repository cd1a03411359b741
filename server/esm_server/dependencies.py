"""What handlers receive by parameter name."""

from dataclasses import dataclass, fields
from typing import Any

from litestar import Request
from litestar.di import Provide

from esm_server.artifacts.service import ArtifactService
from esm_server.artifacts.source_models import SourceModelService
from esm_server.audit.service import AuditService
from esm_server.auth.caller import Caller
from esm_server.auth.service import AuthService
from esm_server.auth.tokens import TokenService
from esm_server.auth.users import UserService
from esm_server.finding.service import FindingService
from esm_server.namespaces.service import NamespaceService
from esm_server.outcomes.service import OutcomeService
from esm_server.packs.incoming import IncomingPacks
from esm_server.packs.outgoing import OutgoingPacks
from esm_server.rankings.service import RankingService
from esm_server.registry.aliases import AliasService
from esm_server.registry.editing import EditingService
from esm_server.registry.publishing import PublishService
from esm_server.registry.removal import RemovalService
from esm_server.registry.service import RegistryService
from esm_server.shield.service import ShieldService
from esm_server.similar.service import SimilarService
from esm_server.spaces.service import SpaceService
from esm_server.system.health import HealthService
from esm_server.system.metrics_page import MetricsPage
from esm_server.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Services:
    """One of each; the field names are the parameter names in handlers."""

    auth: AuthService
    tokens: TokenService
    users: UserService
    audit: AuditService
    namespaces: NamespaceService
    spaces: SpaceService
    registry: RegistryService
    finding: FindingService
    publishing: PublishService
    editing: EditingService
    removal: RemovalService
    aliases: AliasService
    artifacts: ArtifactService
    rankings: RankingService
    outcomes: OutcomeService
    source_models: SourceModelService
    shield: ShieldService
    similar: SimilarService
    incoming_packs: IncomingPacks
    outgoing_packs: OutgoingPacks
    health: HealthService
    metrics: Metrics
    metrics_page: MetricsPage


def dependencies(services: Services) -> dict[str, Provide]:
    """Providers for all services and the caller."""
    providers = {field.name: _constant(getattr(services, field.name)) for field in fields(services)}
    return {**providers, "caller": Provide(_caller, sync_to_thread=False)}


def _constant(service: Any) -> Provide:
    def provide() -> Any:
        return service

    return Provide(provide, sync_to_thread=False)


def _caller(request: Request[Any, Any, Any]) -> Caller:
    # A guard has put it there: a handler that asks for the caller without one is a bug.
    return request.user
