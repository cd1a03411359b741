"""Finding ESMs and versions."""

from esm_client.core.errors import NotFound, TooLarge, Yanked
from esm_client.core.limits import MAX_CARD_BYTES
from esm_client.core.references import LATEST, check_name, check_selector
from esm_client.core.schemas import Esm, EsmVersion, EsmVersionDetail, Page
from esm_server.auth.caller import Caller
from esm_server.db import EsmRow
from esm_server.db.database import Database
from esm_server.pagination import Slice
from esm_server.registry.answers import as_esm, as_version, as_version_detail
from esm_server.registry.repository import EsmRepository, VersionRecord


class RegistryService:
    """Reading ESMs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_esm(self, caller: Caller, namespace: str, name: str) -> Esm:
        """One ESM with its latest version; raises NotFound, InvalidName."""
        check_path(namespace, name)
        with self._database.read() as session:
            esms = EsmRepository(session, caller)
            record = esms.latest(namespace, name)
            if record is None:
                raise unknown_esm(namespace, name)
            return as_esm(record, esms.parts([record]))

    def list_versions(
        self, caller: Caller, namespace: str, name: str, part: Slice
    ) -> Page[EsmVersion]:
        """Versions of one ESM, newest first, yanked ones too; raises NotFound, InvalidName."""
        before = part.after_number()
        with self._database.read() as session:
            esms = EsmRepository(session, caller)
            find_esm(esms, namespace, name)
            records = esms.list_versions(namespace, name, before, part.limit + 1)
            parts = esms.parts(records)
        return part.page(
            records,
            lambda record: str(record[1].version),
            lambda record: as_version(record, parts),
        )

    def get_version(
        self, caller: Caller, namespace: str, name: str, selector: str
    ) -> EsmVersionDetail:
        """One version with its card and provenance; raises NotFound, InvalidName, Yanked."""
        with self._database.read() as session:
            esms = EsmRepository(session, caller)
            record = find_version(esms, namespace, name, selector)
            return as_version_detail(record, esms.parts([record]))


def find_esm(esms: EsmRepository, namespace: str, name: str) -> EsmRow:
    """The ESM of this name; raises NotFound, InvalidName."""
    check_path(namespace, name)
    esm = esms.find(namespace, name)
    if esm is None:
        raise unknown_esm(namespace, name)
    return esm


def find_version(esms: EsmRepository, namespace: str, name: str, selector: str) -> VersionRecord:
    """The version a selector means; raises NotFound, InvalidName, Yanked.

    A number or a digest names a yanked version too; `latest` and aliases never do.
    """
    check_path(namespace, name)
    check_selector(selector)
    if selector == LATEST:
        record = _not_yanked(esms.latest(namespace, name), selector)
    elif selector.startswith("sha256:"):
        record = esms.by_digest(namespace, name, selector)
    elif selector[0].isdigit():
        record = esms.by_number(namespace, name, int(selector))
    else:
        record = _not_yanked(esms.by_alias(namespace, name, selector), selector)
    if record is not None:
        return record
    known = find_esm(esms, namespace, name)
    newest = [str(version.version) for version in esms.versions_of(known)[:5]]
    raise NotFound(
        f"{namespace}/{name} has no version or alias {selector}.",
        f"Its newest versions: {', '.join(newest)}. List aliases with: "
        f'`Client.aliases.list("{namespace}/{name}")`',
    )


def check_path(namespace: str, name: str) -> None:
    """Raise InvalidName unless both are legal names."""
    check_name(namespace, "namespace")
    check_name(name)


def check_card(card: str) -> None:
    """Raise TooLarge for a card above the limit."""
    if (size := len(card.encode())) > MAX_CARD_BYTES:
        raise TooLarge(
            f"The card of an ESM may take {MAX_CARD_BYTES} bytes, not {size}.", "Shorten it."
        )


def unknown_esm(namespace: str, name: str) -> NotFound:
    """The error of an ESM that does not exist, or that the caller may not see."""
    return NotFound(
        f"There is no ESM named {f'{namespace}/{name}'[:200]!r}.",
        "List what there is with: `Client.list()`",
    )


def _not_yanked(record: VersionRecord | None, selector: str) -> VersionRecord | None:
    if record is None or record[1].yanked_at is None:
        return record
    esm, version, _ = record
    path = f"{esm.namespace}/{esm.name}"
    what = "every version" if selector == LATEST else f"{version.version}, the version it names,"
    raise Yanked(
        f"{path}@{selector} cannot be used: {what} was yanked ({version.yank_reason}).",
        f"To use it all the same, name the digest: {path}@{version.digest}",
    )
