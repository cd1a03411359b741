"""/v1/namespaces."""

from litestar import Controller, delete, get, patch, post, put

from esm_client.core.schemas import (
    Member,
    MemberUpdate,
    Namespace,
    NamespaceCreate,
    NamespaceUpdate,
    Page,
)
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.namespaces.service import NamespaceService
from esm_server.pagination import DEFAULT_LIMIT, After, Limit, Slice
from esm_server.problems import problems

ONE = "/{namespace:str}"
MEMBER = ONE + "/members/{user:str}"
_WRITES = problems(404, 409, 507)


class NamespaceController(Controller):
    """Namespaces and their members."""

    path = "/v1/namespaces"
    tags = ("namespaces",)
    guards = (requires("read"),)

    @get("/", responses=problems(), sync_to_thread=True)
    def list_namespaces(
        self,
        namespaces: NamespaceService,
        caller: Caller,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[Namespace]:
        """The namespaces the caller may see, by name."""
        return namespaces.list(caller, Slice(after, limit))

    @post("/", guards=[requires("write")], responses=_WRITES, sync_to_thread=True)
    def create_namespace(
        self, namespaces: NamespaceService, caller: Caller, data: NamespaceCreate
    ) -> Namespace:
        """A new namespace, whose admin the caller becomes."""
        return namespaces.create(caller, data)

    @get(ONE, responses=problems(404), sync_to_thread=True)
    def get_namespace(
        self, namespaces: NamespaceService, caller: Caller, namespace: str
    ) -> Namespace:
        """One namespace: what lies in it, and the caller's role."""
        return namespaces.get(caller, namespace)

    @patch(ONE, guards=[requires("admin")], responses=_WRITES, sync_to_thread=True)
    def update_namespace(
        self,
        namespaces: NamespaceService,
        caller: Caller,
        namespace: str,
        data: NamespaceUpdate,
    ) -> Namespace:
        """Change description, privacy or quotas."""
        return namespaces.update(caller, namespace, data)

    @get(ONE + "/members", responses=problems(404), sync_to_thread=True)
    def list_members(
        self, namespaces: NamespaceService, caller: Caller, namespace: str
    ) -> Page[Member]:
        """The members by name."""
        return namespaces.members(caller, namespace)

    @put(MEMBER, guards=[requires("admin")], responses=_WRITES, sync_to_thread=True)
    def set_member(
        self,
        namespaces: NamespaceService,
        caller: Caller,
        namespace: str,
        user: str,
        data: MemberUpdate,
    ) -> Member:
        """Make a user a member, or change their role."""
        return namespaces.set_member(caller, namespace, user, data)

    @delete(MEMBER, guards=[requires("write")], responses=_WRITES, sync_to_thread=True)
    def remove_member(
        self, namespaces: NamespaceService, caller: Caller, namespace: str, user: str
    ) -> None:
        """End a membership; members may end their own."""
        namespaces.remove_member(caller, namespace, user)
