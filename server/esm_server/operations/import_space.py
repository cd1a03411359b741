"""Taking in a space from a file, by the way that pushes go."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

from pydantic import ValidationError

from esm_client.core.disk import disk_errors
from esm_client.core.errors import Conflict, EsmError, Forbidden, InvalidInput
from esm_client.core.packs import CONTENT, Entry, is_esm, read_pack
from esm_client.core.schemas import (
    AliasUpdate,
    EsmUpdate,
    EsmVersion,
    EsmVersionCreate,
    SpaceCreate,
)
from esm_client.core.schemas.contract import Contract
from esm_client.core.spaces import SpaceFingerprint, check_same_space
from esm_server.auth.caller import Caller
from esm_server.db.database import Database
from esm_server.namespaces.permissions import create_namespace
from esm_server.namespaces.repository import NamespaceRepository
from esm_server.operations.space_file import (
    FORMAT,
    MAX_ENTRIES,
    ExportedSpace,
    ExportedVersion,
)
from esm_server.packs.incoming import sent_blobs
from esm_server.possession.service import Possession
from esm_server.registry.aliases import AliasService
from esm_server.registry.editing import EditingService
from esm_server.registry.publishing import PublishService
from esm_server.registry.removal import RemovalService
from esm_server.registry.service import RegistryService
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import SpaceService, stored_fingerprint
from esm_server.storage.base import BlobStore

Document = TypeVar("Document", bound=Contract)


@dataclass(slots=True)
class Imported:
    """What came of an import."""

    space: str = ""
    new: int = 0
    known: int = 0
    """Versions that were here already."""
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    """The number that each version has here, by its reference in the file."""
    refused: dict[str, str] = field(default_factory=dict[str, str])
    """Why, by reference: versions that the registry did not take, aliases and marks that failed."""


class SpaceImport:
    """Imports into one registry, each on behalf of an admin."""

    def __init__(
        self, database: Database, store: BlobStore, publishing: PublishService, caller: Caller
    ) -> None:
        self._database, self._store = database, store
        self._publishing, self._caller = publishing, caller
        self._editing, self._aliases = EditingService(database), AliasService(database)
        self._registry = RegistryService(database)
        self._removal = RemovalService(database)
        self._possession = Possession(database)

    def run(self, file: Path, *, force: bool = False) -> Imported:
        """Take in all versions of a file; one that is refused stops no other.

        What the registry says already of an ESM stays: its description, tags and aliases. Done
        again, it does what an interrupted one has left. Raises InvalidInput for another file,
        DigestMismatch, SpaceMismatch, Forbidden for a namespace that is private there and not
        here, StorageFull.
        """
        with disk_errors(file, "Name a file of esm-server export."), file.open("rb") as stream:
            space = _space_of(stream)
            for _ in _versions_of(stream):  # all of it can be read, before anything is changed
                pass
            sent = set[str]()
            entries = read_pack(stream, max_entries=MAX_ENTRIES)
            self._store.put_many(sent_blobs(entries, sent))
            self._prepare(space)
            done = Imported(space=space.space.name)
            for one in _versions_of(stream):
                self._publish(one, sent, done, force=force)
            for one in _versions_of(stream):
                if one.version.reference not in done.refused:
                    self._describe(one, done)
        return done

    def _prepare(self, exported: ExportedSpace) -> None:
        offered = exported.space
        fingerprint = SpaceFingerprint(
            identity=offered.identity, canaries=tuple(tuple(row) for row in offered.canaries)
        )
        with self._database.read() as session:
            known = SpaceRepository(session).find(offered.name)
            namespaces = NamespaceRepository(session)
            private = {name: namespaces.find(name) for name in exported.private_namespaces}
        if known is not None:
            check_same_space(known.name, stored_fingerprint(known), fingerprint)
        for name, row in private.items():
            if row is not None and not row.private:
                raise Forbidden(
                    f"The namespace {name!r} is private in the export, but not here.",
                    "Make it private first, or everybody could read what was not for them.",
                )
        with self._database.write() as session:
            for name, row in private.items():
                if row is None:
                    create_namespace(session, self._caller, name, private=True)
        if known is None:
            request = SpaceCreate(
                name=offered.name,
                fingerprint=fingerprint,
                location=offered.location,
                description=offered.description,
            )
            SpaceService(self._database).create(self._caller, request)

    def _publish(
        self, one: ExportedVersion, sent: Collection[str], done: Imported, *, force: bool
    ) -> None:
        """Publish a version as a push does, which may name files that the export brought."""
        version = one.version
        own = {file.sha256 for file in version.manifest.files.values()}
        request = EsmVersionCreate(
            manifest=version.manifest,
            space=done.space,
            card=version.card,
            provenance=version.provenance,
            source=version.source,
            force=force or any(finding.forced for finding in version.findings),
        )
        try:
            # not all at once at the beginning: other writers would wait, and it would count no more
            # at the end of a long import
            self._possession.record(self._caller, version.namespace, own.intersection(sent))
            published = self._publishing.publish(
                version.namespace, version.name, request, self._caller
            )
        except EsmError as error:
            done.refused[version.reference] = str(error)
            return
        done.numbers[version.reference] = published.version.version
        done.new += published.is_new
        done.known += not published.is_new

    def _describe(self, one: ExportedVersion, done: Imported) -> None:
        """Give version and ESM what is kept beside the files, where there is nothing yet."""
        version, path = one.version, (one.version.namespace, one.version.name)
        try:
            here = self._registry.get_esm(self._caller, *path)
            changes: dict[str, object] = {}
            if one.description and not here.description:
                changes["description"] = one.description
            if one.tags and not here.tags:
                changes["tags"] = one.tags
            if one.superseded_by and not here.superseded_by:
                changes["superseded_by"] = one.superseded_by
            if changes:
                self._editing.update_esm(self._caller, *path, EsmUpdate.model_validate(changes))
            for alias in version.aliases if version.yank is None else ():
                move = AliasUpdate(version=done.numbers[version.reference], expected=0)
                with suppress(Conflict):  # there is one of that name
                    self._aliases.move(self._caller, *path, alias, move)
            if version.yank is not None and not self._is_yanked(version):
                self._removal.yank(self._caller, *path, version.digest, version.yank.reason)
        except EsmError as error:
            done.refused[version.reference] = str(error)

    def _is_yanked(self, version: EsmVersion) -> bool:
        here = self._registry.get_version(
            self._caller, version.namespace, version.name, version.digest
        )
        return here.yank is not None


def _space_of(stream: IO[bytes]) -> ExportedSpace:
    first = next(read_pack(stream, max_entries=MAX_ENTRIES), None)
    if first is None or first.name != CONTENT:
        raise InvalidInput("This is no export of a space.", "Write one with: esm-server export")
    space = _document(first, ExportedSpace)
    if space.format != FORMAT:
        raise InvalidInput(
            f"The export has the format {space.format}.", "Import it with a later esm-server."
        )
    return space


def _versions_of(stream: IO[bytes]) -> Iterator[ExportedVersion]:
    for entry in read_pack(stream, max_entries=MAX_ENTRIES):
        if is_esm(entry.name):
            yield _document(entry, ExportedVersion)


def _document(entry: Entry, kind: type[Document]) -> Document:
    try:
        return kind.model_validate_json(entry.read())
    except ValidationError as cause:
        problem = cause.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise InvalidInput(
            f"{entry.name} in the export: {place}: {problem['msg'].lower()}.",
            "Export the space again.",
        ) from cause
