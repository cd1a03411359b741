"""ESMs and their versions."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager

from esm_client.core.references import Reference
from esm_client.core.schemas import (
    CardRevision,
    Esm,
    EsmQuery,
    EsmUpdate,
    EsmVersion,
    EsmVersionCreate,
    EsmVersionDetail,
    EsmVersionUpdate,
    Facets,
    Source,
    SourceModelCreate,
    YankCreate,
)
from esm_client.remote.files.transfer import SLOWEST, Download
from esm_client.remote.http.requests import checked
from esm_client.remote.transport import Transport


class EsmResource:
    """`/v1/esms`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find(self, query: EsmQuery) -> Iterator[Esm]:
        """The ESMs a query asks for; pages are fetched as they are needed."""
        return self._transport.pages("/v1/esms", Esm, _params(query))

    def facets(self, query: EsmQuery) -> Facets:
        """GET how many ESMs a query finds, and their most frequent values by field."""
        return self._transport.get("/v1/esms/facets", Facets, _params(query))

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
        return self._transport.files.download(f"{_version_path(reference)}/files/{filename}", start)

    def attach(self, reference: Reference, model: SourceModelCreate) -> EsmVersionDetail:
        """PUT the files of a source model, uploaded before; raises Conflict for another one.

        A registry whose store was sent them may have to copy all of them there first.
        """
        path = f"{_version_path(reference)}/source-model"
        wait = sum(file.size for file in model.files.values()) / SLOWEST
        return self._transport.change("PUT", path, EsmVersionDetail, model, timeout=wait)

    def source_model_file(
        self, reference: Reference, filename: str, start: int = 0
    ) -> AbstractContextManager[Download]:
        """GET a file of a version's source model from byte `start` on."""
        path = f"{_version_path(reference)}/source-model/files/{filename}"
        return self._transport.files.download(path, start)

    def detach(self, reference: str) -> None:
        """Take the source model of a version away; raises NotFound, Forbidden."""
        self._transport.delete(f"{_version_path(Reference.parse(reference))}/source-model")

    def versions(self, name: str) -> Iterator[EsmVersion]:
        """All versions of `namespace/name`, newest first, yanked ones too; raises NotFound."""
        path = f"/v1/esms/{Reference.parse(name).path}/versions"
        return self._transport.pages(path, EsmVersion)

    def cards(self, reference: str) -> Iterator[CardRevision]:
        """Former cards of a version, the last one first."""
        path = f"{_version_path(Reference.parse(reference))}/cards"
        return self._transport.pages(path, CardRevision)

    def edit(
        self,
        name: str,
        *,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        superseded_by: str | None = None,
    ) -> Esm:
        """Change what is given of `namespace/name`; `superseded_by=""` takes the mark away.

        Raises NotFound, Forbidden, InvalidInput for tags that are none.
        """
        given = {
            "description": description,
            "tags": None if tags is None else tuple(tags),
            "superseded_by": superseded_by,
        }
        update = checked(EsmUpdate, {key: v for key, v in given.items() if v is not None})
        path = f"/v1/esms/{Reference.parse(name).path}"
        return self._transport.change("PATCH", path, Esm, update)

    def edit_version(
        self, reference: str, *, card: str | None = None, source: Source | None = None
    ) -> EsmVersionDetail:
        """Change card or source of a version; it stays the same version.

        Raises NotFound, Forbidden, TooLarge, Yanked.
        """
        given = {"card": card, "source": source}
        update = checked(EsmVersionUpdate, {key: v for key, v in given.items() if v is not None})
        path = _version_path(Reference.parse(reference))
        return self._transport.change("PATCH", path, EsmVersionDetail, update)

    def yank(self, reference: str, reason: str) -> EsmVersionDetail:
        """Take a version out of rankings, `latest` and aliases; by digest it can still be had.

        Raises NotFound, Forbidden, InvalidInput for an empty reason.
        """
        path = f"{_version_path(Reference.parse(reference))}/yank"
        body = checked(YankCreate, {"reason": reason})
        return self._transport.change("PUT", path, EsmVersionDetail, body)

    def unyank(self, reference: str) -> EsmVersionDetail:
        """Take a yank back; raises NotFound, Forbidden, Conflict."""
        path = f"{_version_path(Reference.parse(reference))}/yank"
        return self._transport.change("DELETE", path, EsmVersionDetail)

    def delete(self, reference: str) -> None:
        """Delete a version (`namespace/name@3`) or a whole ESM (`namespace/name`), for ever.

        Raises NotFound, Forbidden.
        """
        wanted = Reference.parse(reference)
        whole = f"/v1/esms/{wanted.path}"
        self._transport.delete(_version_path(wanted) if "@" in reference else whole)


def _params(query: EsmQuery) -> dict[str, str | int | Sequence[str]]:
    given = query.model_dump(mode="json", exclude_defaults=True)
    given["q"] = given.pop("text", None)
    return {
        key: str(value).lower() if isinstance(value, bool) else value
        for key, value in given.items()
        if value is not None
    }


def _version_path(reference: Reference) -> str:
    return f"/v1/esms/{reference.path}/versions/{reference.selector}"
