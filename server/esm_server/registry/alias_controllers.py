"""/v1/esms/{namespace}/{name}/aliases."""

from litestar import Controller, delete, get, post, put

from esm_client.core.schemas import Alias, AliasMove, AliasUpdate, Page
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.pagination import DEFAULT_LIMIT, After, Limit, Slice
from esm_server.problems import problems
from esm_server.registry.aliases import AliasService

_WRITES = problems(404, 409, 507)


class AliasController(Controller):
    """Movable names of versions."""

    path = "/v1/esms/{namespace:str}/{name:str}/aliases"
    tags = ("aliases",)
    guards = (requires("read"),)

    @get("/", responses=problems(404), sync_to_thread=True)
    def list_aliases(
        self,
        aliases: AliasService,
        caller: Caller,
        namespace: str,
        name: str,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[Alias]:
        """The aliases of an ESM by name."""
        return aliases.list(caller, namespace, name, Slice(after, limit))

    @put("/{alias:str}", guards=[requires("write")], responses=_WRITES, sync_to_thread=True)
    def set_alias(
        self,
        aliases: AliasService,
        caller: Caller,
        namespace: str,
        name: str,
        alias: str,
        data: AliasUpdate,
    ) -> Alias:
        """Point an alias to a version; `expected` refuses it when somebody moved it before."""
        return aliases.move(caller, namespace, name, alias, data)

    @delete("/{alias:str}", guards=[requires("write")], responses=_WRITES, sync_to_thread=True)
    def delete_alias(
        self, aliases: AliasService, caller: Caller, namespace: str, name: str, alias: str
    ) -> None:
        """Remove an alias; its history stays."""
        aliases.delete(caller, namespace, name, alias)

    @get("/{alias:str}/moves", responses=problems(404), sync_to_thread=True)
    def list_moves(
        self,
        aliases: AliasService,
        caller: Caller,
        namespace: str,
        name: str,
        alias: str,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[AliasMove]:
        """Where an alias has pointed, the last move first."""
        return aliases.moves(caller, namespace, name, alias, Slice(after, limit))

    @post(
        "/{alias:str}/rollback",
        guards=[requires("write")],
        responses=_WRITES,
        status_code=200,
        sync_to_thread=True,
    )
    def roll_back(
        self, aliases: AliasService, caller: Caller, namespace: str, name: str, alias: str
    ) -> Alias:
        """Point an alias to where it pointed before its last move."""
        return aliases.roll_back(caller, namespace, name, alias)
