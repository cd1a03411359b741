"""ESMs and their versions."""

from contextlib import AbstractContextManager

from esm_client.core.references import Reference
from esm_client.core.schemas import Esm, EsmVersionCreate, EsmVersionDetail, Page
from esm_client.remote.transport import Download, Transport


class EsmResource:
    """`/v1/esms`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def page(self, space: str | None = None, after: str | None = None) -> Page[Esm]:
        """GET one page of ESMs by name, of one space or of all."""
        given = {"space": space, "after": after}
        params = {key: value for key, value in given.items() if value is not None}
        return self._transport.get("/v1/esms", Page[Esm], params)

    def version(self, reference: Reference) -> EsmVersionDetail:
        """GET one version; raises NotFound."""
        return self._transport.get(_version_path(reference), EsmVersionDetail)

    def commit(self, namespace: str, name: str, version: EsmVersionCreate) -> EsmVersionDetail:
        """POST a version whose blobs are uploaded; equal content makes no second version."""
        path = f"/v1/esms/{namespace}/{name}/versions"
        return self._transport.post(path, version, EsmVersionDetail, idempotent=True)

    def file(
        self, reference: Reference, filename: str, start: int = 0
    ) -> AbstractContextManager[Download]:
        """GET a file of a version from byte `start` on."""
        return self._transport.download(f"{_version_path(reference)}/files/{filename}", start)


def _version_path(reference: Reference) -> str:
    return f"/v1/esms/{reference.path}/versions/{reference.selector}"
