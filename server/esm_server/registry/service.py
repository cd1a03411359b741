"""Finding ESMs and versions."""

from collections.abc import Sequence

from esm_client.core.errors import InvalidName, NotFound
from esm_client.core.references import Reference, check_name, check_selector
from esm_client.core.schemas import Esm, EsmVersion, EsmVersionDetail, Page
from esm_server.db import VersionFileRow
from esm_server.db.database import Database
from esm_server.pagination import Slice
from esm_server.registry.answers import as_esm, as_version, as_version_detail
from esm_server.registry.repository import EsmRepository, VersionRecord
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import find_space


class RegistryService:
    """Reading ESMs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_esms(self, space: str | None, part: Slice) -> Page[Esm]:
        """ESMs by name with their latest versions; raises NotFound for an unknown space."""
        after = Reference.parse(part.after) if part.after is not None else None
        with self._database.read() as session:
            space_id = find_space(SpaceRepository(session), space).id if space else None
            esms = EsmRepository(session)
            key = (after.namespace, after.name) if after else None
            records = esms.list_latest(space_id, key, part.limit + 1)
            files = _files(esms, records)
        return part.page(
            records,
            lambda record: f"{record[0].namespace}/{record[0].name}",
            lambda record: as_esm(record, files),
        )

    def get_esm(self, namespace: str, name: str) -> Esm:
        """One ESM with its latest version; raises NotFound, InvalidName."""
        check_path(namespace, name)
        with self._database.read() as session:
            esms = EsmRepository(session)
            record = esms.latest(namespace, name)
            if record is None:
                raise _unknown_esm(namespace, name)
            return as_esm(record, _files(esms, [record]))

    def list_versions(self, namespace: str, name: str, part: Slice) -> Page[EsmVersion]:
        """Versions of one ESM, newest first; raises NotFound, InvalidName."""
        check_path(namespace, name)
        before = _number(part.after) if part.after is not None else None
        with self._database.read() as session:
            esms = EsmRepository(session)
            if esms.find(namespace, name) is None:
                raise _unknown_esm(namespace, name)
            records = esms.list_versions(namespace, name, before, part.limit + 1)
            files = _files(esms, records)
        return part.page(
            records,
            lambda record: str(record[1].version),
            lambda record: as_version(record, files),
        )

    def get_version(self, namespace: str, name: str, selector: str) -> EsmVersionDetail:
        """One version with its card and provenance; raises NotFound, InvalidName."""
        with self._database.read() as session:
            esms = EsmRepository(session)
            record = find_version(esms, namespace, name, selector)
            return as_version_detail(record, _files(esms, [record]))


def find_version(esms: EsmRepository, namespace: str, name: str, selector: str) -> VersionRecord:
    """The version a selector means; raises NotFound, InvalidName."""
    check_path(namespace, name)
    check_selector(selector)
    if selector == "latest":
        record = esms.latest(namespace, name)
    elif selector.startswith("sha256:"):
        record = esms.by_digest(namespace, name, selector)
    else:
        record = esms.by_number(namespace, name, int(selector))
    if record is not None:
        return record
    known = esms.find(namespace, name)
    if known is None:
        raise _unknown_esm(namespace, name)
    raise NotFound(
        f"{namespace}/{name} has no version {selector}.",
        f"Its versions are 1 to {known.num_versions}.",
    )


def check_path(namespace: str, name: str) -> None:
    """Raise InvalidName unless both are legal names."""
    check_name(namespace, "namespace")
    check_name(name)


def _files(esms: EsmRepository, records: Sequence[VersionRecord]) -> Sequence[VersionFileRow]:
    return esms.files([record[1].id for record in records])


def _unknown_esm(namespace: str, name: str) -> NotFound:
    return NotFound(
        f"There is no ESM named {f'{namespace}/{name}'[:200]!r}.",
        "List what there is with: esm-client list",
    )


def _number(after: str) -> int:
    if not (after.isascii() and after.isdigit() and len(after) < 10):
        raise InvalidName(
            f"{after[:100]!r} does not begin a page of versions.",
            "Send `next` of the page before.",
        )
    return int(after)
