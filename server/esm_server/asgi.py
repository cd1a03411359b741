"""The composition root: the one place that builds the app."""

from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp

from esm_server.admission.policy import AdmissionPolicy
from esm_server.application import Application
from esm_server.artifacts.controllers import BlobController, FileController, SourceModelController
from esm_server.artifacts.service import ArtifactService, UploadLimits
from esm_server.artifacts.source_models import SourceModelService
from esm_server.audit.controllers import AuditController
from esm_server.audit.service import AuditService
from esm_server.auth.controllers import AuthController, TokenController, UserController
from esm_server.auth.lives import TokenLives
from esm_server.auth.service import AuthService
from esm_server.auth.tokens import TokenService
from esm_server.auth.users import UserService
from esm_server.bodies import JsonRequest, bounded_query
from esm_server.connections.addresses import Addresses
from esm_server.connections.bounds import BoundedRequests
from esm_server.connections.deadlines import BodyDeadlines
from esm_server.connections.heads import CheckedHeads
from esm_server.db.database import Database
from esm_server.db.owner import DatabaseOwner
from esm_server.dependencies import Services, dependencies
from esm_server.engine.device import num_workers
from esm_server.engine.scoring import Engine
from esm_server.finding.controllers import FindingController
from esm_server.finding.service import FindingService
from esm_server.in_flight import InFlight
from esm_server.lifespan import lifespan
from esm_server.namespaces.controllers import NamespaceController
from esm_server.namespaces.service import NamespaceService
from esm_server.outcomes.controllers import OutcomeController
from esm_server.outcomes.service import OutcomeService
from esm_server.packs.controllers import PackController
from esm_server.packs.incoming import IncomingPacks
from esm_server.packs.outgoing import OutgoingPacks
from esm_server.possession.service import Possession
from esm_server.problems import problem_response
from esm_server.rankings.controllers import RankingController
from esm_server.rankings.prefiltering import Prefiltering
from esm_server.rankings.queue import RankingQueue
from esm_server.rankings.service import RankingService
from esm_server.registry.alias_controllers import AliasController
from esm_server.registry.aliases import AliasService
from esm_server.registry.controllers import EsmController
from esm_server.registry.editing import EditingService
from esm_server.registry.publishing import PublishService
from esm_server.registry.removal import RemovalService
from esm_server.registry.service import RegistryService
from esm_server.request_log import RequestLog
from esm_server.responses import ContractResponse
from esm_server.settings import Settings, usable_cores
from esm_server.shield.controllers import ShieldController
from esm_server.shield.service import ShieldService
from esm_server.similar.controllers import SimilarController
from esm_server.similar.service import SimilarService
from esm_server.spaces.controllers import SpaceController
from esm_server.spaces.service import SpaceService
from esm_server.storage.base import BlobStore
from esm_server.storage.choice import open_direct, open_store
from esm_server.system.controllers import SystemController
from esm_server.system.health import HealthService
from esm_server.system.metrics_page import MetricsPage
from esm_server.system.openapi import NoPages
from esm_server.system.state import StateCollector
from esm_server.system.version import server_version
from esm_server.system.watched_store import watched
from esm_server.telemetry.metrics import Metrics
from esm_server.telemetry.traces import start_traces
from esm_server.telemetry.transactions import trace_transactions
from esm_server.unread_body import UnreadBody


def create_app(settings: Settings | None = None, owner: DatabaseOwner | None = None) -> Application:
    """The server, ready to be run; settings come from the environment unless given.

    owner: of its PostgreSQL database, to confirm each write; only `serve` has one.
    """
    settings = settings or Settings()
    metrics = Metrics(server_version())
    database = Database(settings.url)
    if owner is not None:
        owner.confirm_writes_of(database.engine)
    if settings.traces_endpoint:
        start_traces(settings.traces_endpoint, server_version())
        trace_transactions(database.engine)
    store, direct = watched(open_store(settings), metrics), open_direct(settings)
    lives = TokenLives.of(settings)
    auth = AuthService(database, lives)
    uploads = UploadLimits(
        settings.max_blob_bytes,
        settings.max_source_model_bytes,
        settings.max_pack_bytes,
        settings.open_namespaces,
    )
    possession = Possession(database, direct)
    engine = _engine(settings, store)
    publishing = PublishService(
        database,
        store,
        possession,
        AdmissionPolicy(settings.verdicts),
        engine.take_in,
        metrics,
        open_namespaces=settings.open_namespaces,
    )
    similar = SimilarService(database, gpu=settings.index_on_gpu)
    queue = RankingQueue(
        running=settings.running_rankings,
        waiting=settings.waiting_rankings,
        waiting_per_owner=settings.waiting_rankings_per_user,
    )
    metrics.add(StateCollector(database, engine, queue))
    services = Services(
        auth=auth,
        tokens=TokenService(database, lives),
        users=UserService(database, lives),
        audit=AuditService(database),
        namespaces=NamespaceService(database, open_namespaces=settings.open_namespaces),
        spaces=SpaceService(database),
        registry=RegistryService(database),
        finding=FindingService(database),
        publishing=publishing,
        editing=EditingService(database),
        removal=RemovalService(database),
        aliases=AliasService(database),
        artifacts=ArtifactService(database, store, auth, uploads, possession, direct),
        rankings=RankingService(
            database,
            engine,
            queue,
            auth,
            Prefiltering(database, similar),
            metrics,
            budget=settings.ranking_budget,
        ),
        outcomes=OutcomeService(database),
        source_models=SourceModelService(
            database, store, possession, settings.max_source_model_bytes
        ),
        shield=ShieldService(database),
        incoming_packs=IncomingPacks(store, publishing, possession, settings.max_blob_bytes),
        outgoing_packs=OutgoingPacks(database, store, metrics),
        similar=similar,
        health=HealthService(database, store),
        metrics=metrics,
        metrics_page=MetricsPage(metrics),
    )
    app = Litestar(
        route_handlers=[
            SystemController,
            AuthController,
            TokenController,
            UserController,
            AuditController,
            NamespaceController,
            SpaceController,
            FindingController,
            EsmController,
            AliasController,
            BlobController,
            FileController,
            SourceModelController,
            ShieldController,
            RankingController,
            OutcomeController,
            SimilarController,
            PackController,
        ],
        dependencies=dependencies(services),
        exception_handlers={Exception: problem_response},
        lifespan=[lifespan(database, store, direct, services.rankings)],
        request_class=JsonRequest,
        guards=[bounded_query],
        response_class=ContractResponse,
        request_max_body_size=settings.max_body_bytes,
        openapi_config=_openapi(),
        logging_config=None,  # Litestar's would log bodies; see request_log
    )
    app.state.auth = auth
    in_flight = InFlight(app)
    asgi = RequestLog(UnreadBody(CheckedHeads(_bounded(in_flight, settings))), metrics)
    return Application(asgi, settings, in_flight, services.rankings, owner)


def _bounded(app: ASGIApp, settings: Settings) -> ASGIApp:
    """An app whose requests are as many, and take as long, as the settings say."""
    bodies = BodyDeadlines(app, quiet=settings.body_quiet_seconds, total=settings.body_seconds)
    return BoundedRequests(
        bodies,
        Addresses(settings.proxies),
        per_user=settings.requests_per_user,
        per_address=settings.requests_per_address,
    )


def _engine(settings: Settings, store: BlobStore) -> Engine:
    workers = settings.workers or num_workers(settings.device, usable_cores())
    return Engine(settings.engine_dir, store.local_copy, workers, settings.device)


def _openapi() -> OpenAPIConfig:
    bearer = SecurityScheme(type="http", scheme="bearer", description="A token: esmr_...")
    return OpenAPIConfig(
        title="ESM registry",
        version=server_version(),
        description="Stores embedding space maps and ranks them for a target sketch.",
        components=Components(security_schemes={"token": bearer}),
        security=[{"token": []}, {}],
        render_plugins=[NoPages()],
        path="/openapi",
    )
