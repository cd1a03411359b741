"""The client: what a user's code talks to."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from esm_client.core.disk import disk_errors
from esm_client.core.progress import Progress, silent
from esm_client.core.references import Reference
from esm_client.core.schemas import (
    Esm,
    EsmFilter,
    EsmVersionDetail,
    Facets,
    Identity,
    ServerInfo,
    Source,
    Space,
    SpaceDetail,
)
from esm_client.core.schemas.rankings import Mode
from esm_client.core.scoring.map_scores import Embedded
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.spaces import SpaceFingerprint
from esm_client.ranking.local.rank import rank_locally
from esm_client.ranking.local.space import LocalSpace
from esm_client.ranking.ranking import Ranking
from esm_client.remote.cache.cache import HINT, Cache
from esm_client.remote.config.settings import resolve_settings
from esm_client.remote.http.requests import esm_query
from esm_client.remote.publishing.cached_space import cached_space
from esm_client.remote.publishing.packs import Packs
from esm_client.remote.publishing.pull import find_version, pull_version
from esm_client.remote.publishing.push import push_directory
from esm_client.remote.publishing.source_models import pull_source_model, push_source_model
from esm_client.remote.resources.aliases import AliasResource
from esm_client.remote.resources.audit import AuditResource
from esm_client.remote.resources.blobs import BlobResource
from esm_client.remote.resources.esms import EsmResource
from esm_client.remote.resources.namespaces import NamespaceResource
from esm_client.remote.resources.outcomes import OutcomeResource
from esm_client.remote.resources.rankings import RankingResource
from esm_client.remote.resources.server import ServerResource
from esm_client.remote.resources.similar import SimilarResource
from esm_client.remote.resources.source_sketches import SourceSketchResource
from esm_client.remote.resources.spaces import SpaceResource
from esm_client.remote.resources.tokens import TokenResource
from esm_client.remote.resources.users import UserResource
from esm_client.remote.shielded import ShieldedRankings
from esm_client.remote.transport import Transport
from esm_client.remote.verdicts.store import Verdicts


class Client:
    """A connection to one ESM registry; use it in a `with` block, or close it.

    Every method may raise ConnectionFailed, NotOurServer, Unauthorized, Forbidden, RateLimited,
    Unavailable, ServerFault and, offline, OfflineMiss. All are EsmErrors.

    Args:
        base_url: the registry; else ESM_REGISTRY_URL, else the one of the stored login.
        token: else ESM_REGISTRY_TOKEN, else the one stored for this registry.
        offline: open no connection at all, use the cache alone; else ESM_REGISTRY_OFFLINE.
        cache_dir: else ESM_REGISTRY_CACHE, else the user's cache directory.
        timeout: seconds that any single read or write may take; else ESM_REGISTRY_TIMEOUT, or 30.
        patience: seconds to wait for a registry that answered this client before and is away now,
            as it is while it restarts; else ESM_REGISTRY_PATIENCE, or 60.
        ca_file: PEM certificates to trust too; else ESM_REGISTRY_CA_FILE, or those of the login.
    """

    def __init__(
        self,
        base_url: str | None = None,
        token: str | None = None,
        *,
        offline: bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        timeout: float | None = None,
        patience: float | None = None,
        ca_file: str | os.PathLike[str] | None = None,
    ) -> None:
        """Open nothing yet; raises InvalidInput for settings that cannot be used."""
        self._settings = resolve_settings(
            base_url, token, offline=offline, cache_dir=cache_dir, timeout=timeout,
            patience=patience, ca_file=ca_file,
        )  # fmt: skip
        self._transport = Transport(self._settings)
        self.cache = Cache(self._settings.cache_dir)
        self._server = ServerResource(self._transport)
        self.esms = self._esms = EsmResource(self._transport)
        self.aliases = AliasResource(self._transport)
        self.tokens = TokenResource(self._transport)
        self.users = UserResource(self._transport)
        self.namespaces = NamespaceResource(self._transport)
        self.audit = AuditResource(self._transport)
        self.similar = SimilarResource(self._transport)
        self._blobs = BlobResource(self._transport)
        self._spaces = SpaceResource(self._transport)
        self._rankings = ShieldedRankings(
            RankingResource(self._transport), SourceSketchResource(self._transport), self.cache,
            Verdicts(self._settings.data_dir, self.url),
        )  # fmt: skip
        self.outcomes = OutcomeResource(self._transport, self._rankings.rank_of)
        self.packs = Packs(self._transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r}{', offline=True' if self._settings.offline else ''})"

    @property
    def url(self) -> str:
        """The registry's address."""
        return self._settings.url

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def server_info(self) -> ServerInfo:
        """What the server says of itself; NotOurServer if it is no ESM registry."""
        return self._server.info()

    def whoami(self) -> Identity:
        """Who the token belongs to, and what it may do."""
        return self._server.whoami()

    def push(
        self, directory: str | os.PathLike[str], name: str, *, space: str | None = None,
        source: Source | None = None, force: bool = False,
    ) -> EsmVersionDetail:  # fmt: skip
        """Publish an ESM directory as the next version of `namespace/name`.

        The directory is checked before a byte travels. The same content again is the same
        version. `space` is needed where the ESM does not describe its embedding space; `source`
        says how to get the data, else `source.json` does. `force` publishes in spite of what
        the server would refuse, where its policy lets it; that is recorded.
        Raises InvalidName, InvalidArtifact, UnsafeFile, TooLarge, QuotaExceeded,
        DimensionMismatch, NotFound for an unknown space, SpaceMismatch, NotAdmitted, Forbidden,
        StorageFull.
        """
        return push_directory(
            self._esms, self._blobs, Path(directory), name, space=space, source=source, force=force
        )

    def pull(self, reference: str, destination: str | os.PathLike[str] | None = None) -> Path:
        """Write a version to a new directory, whole and verified; returns the directory.

        reference: `namespace/name`, with `@3` or `@sha256:...` for a certain version.
        destination: a new or empty directory, or one that holds this very version already;
        `./name` if None. What the cache holds is not fetched again, and a digest that was
        pulled before needs no server at all.
        Raises InvalidName, NotFound, Conflict, DigestMismatch, StorageFull.
        """
        wanted = Reference.parse(reference)
        target = Path(wanted.name if destination is None else destination)
        detail = find_version(self._esms, self.cache, self._settings, wanted)
        pull_version(self._esms, self.cache, self._settings, detail, target)
        if not self._settings.offline:
            with disk_errors(self.cache.directory, HINT):
                latest = wanted.selector == "latest"
                self.cache.versions.remember(self.url, detail, latest=latest)
        return target

    def push_source_model(
        self, reference: str, folder: str | os.PathLike[str], progress: Progress = silent
    ) -> EsmVersionDetail:
        """Store the fine-tuned source model beside a version; safetensors only.

        What arrived before a break is not sent again. `progress`: a step per file, in bytes.
        Raises InvalidArtifact, UnsafeFile, UnsafeModel, TooLarge, Forbidden, QuotaExceeded,
        Conflict for a version that has another one.
        """
        wanted = Reference.parse(reference)
        return push_source_model(self._esms, self._blobs, wanted, Path(folder), progress)

    def pull_source_model(
        self, reference: str, destination: str | os.PathLike[str], progress: Progress = silent
    ) -> Path:
        """Write a version's source model to a new directory, which plain transformers loads.

        Raises NotFound when none is stored, Conflict, DigestMismatch, StorageFull.
        """
        version = self._esms.version(Reference.parse(reference))
        return pull_source_model(self._esms, version, Path(destination), progress)

    def show(self, reference: str) -> EsmVersionDetail:
        """One version with its card; offline or by digest from the cache. Raises NotFound."""
        return find_version(self._esms, self.cache, self._settings, Reference.parse(reference))

    def list(self, space: str | None = None, **wanted: Any) -> Iterator[Esm]:
        """ESMs by name; pages are fetched as they are needed.

        wanted: fields of EsmQuery: `language=["de"]`, `licence`, `tag`, `kind`, `sort="newest"`
        and so on. Raises InvalidInput, and NotFound for an unknown space.
        """
        return self.esms.find(esm_query(space=space, **wanted))

    def search(self, text: str, **wanted: Any) -> Iterator[Esm]:
        """ESMs whose name, task, tags, description or card hold all words, the best first.

        wanted: as in `list`. Raises InvalidInput, and NotFound for an unknown space.
        """
        return self.esms.find(esm_query(text=text, **wanted))

    def facets(self, text: str | None = None, **wanted: Any) -> Facets:
        """How many ESMs match, and their most frequent values; arguments as in `search`."""
        return self.esms.facets(esm_query(text=text, **wanted))

    def spaces(self) -> Iterator[Space]:
        """All embedding spaces by name, retired ones too."""
        return self._spaces.list()

    def space(self, name: str) -> SpaceDetail:
        """One embedding space; raises NotFound."""
        return self._spaces.get(name)

    def cached_space(self, name: str, progress: Progress = silent) -> LocalSpace:
        """The ESMs that a space ranks, in this client's cache: brought up to date unless offline.

        Raises NotFound, OfflineMiss, Conflict, StorageFull.
        """
        return cached_space(self.packs, self._settings, name, progress)

    def create_space(self, name: str, fingerprint: SpaceFingerprint, **facts: str) -> SpaceDetail:
        """A new space; `location` and `description` as facts. Raises Conflict, Forbidden."""
        return self._spaces.create(name, fingerprint, **facts)

    def edit_space(self, name: str, **changes: Any) -> SpaceDetail:
        """Change `location`, `description`, `retired` or `successor`; raises Forbidden."""
        return self._spaces.edit(name, **changes)

    def rank(
        self,
        sketch: TargetSketch | bytes,
        *,
        space: str,
        fingerprint: SpaceFingerprint | None = None,
        intercept: bool = True,
        target_rows: Iterable[Sequence[str]] | None = None,
        keep_copies: bool = False,
        filter: EsmFilter | None = None,  # noqa: A002 - the contract's own word
        mode: Mode = "auto",
        limit: int = 1000,
        folds: Sequence[TargetSketch] = (),
        embedded: Embedded | None = None,
        progress: Progress = silent,
    ) -> Ranking:
        """Rank the ESMs of a space for the target that the sketch was made from.

        With `target_rows`, the texts of each row, sources that hold some of them are found out
        here, and copies of the target are left out unless `keep_copies`. `filter` narrows the pool:
        EsmFilter(language=["de"], exclude=["team/*"]). `mode`: "exhaustive" scores all, "screened"
        estimates first what is costly, "prefiltered" scores a part. `folds` (`fold_sketches` of the
        same rows) give standard errors. `progress` is told how many ESMs are scored.
        Only the sketch travels, unless `embedded` gives embeddings and labels of all rows, for MLP
        maps. Without `Embedder.fingerprint` nobody can verify of which space they are.
        Raises NotFound, TooLarge, SpaceMismatch and the InvalidInput errors of wrong targets.
        """
        wanted = {
            "space": space, "fingerprint": fingerprint, "intercept": intercept, "mode": mode,
            "limit": limit, "filter": filter or EsmFilter(),
        }  # fmt: skip
        return self._rankings.rank(
            sketch, folds, embedded, wanted, target_rows, progress, keep_copies=keep_copies
        )

    def rank_locally(
        self, sketch: TargetSketch, folder: str | os.PathLike[str], **options: Any
    ) -> Ranking:
        """Rank the ESMs of a space that `packs.pull` wrote to a folder; no server is asked.

        options: `fingerprint`, `intercept`, `target_rows`, `keep_copies`, `filter`, `folds`,
        `embedded` and `progress` as in `rank`; everything is scored exactly. Raises NotFound,
        InvalidInput, DimensionMismatch, SpaceMismatch, InvalidLabels, InvalidSketch.
        """
        return rank_locally(LocalSpace(Path(folder)), sketch, **options)

    def ranking(
        self, id: str, target_rows: Iterable[Sequence[str]] | None = None,  # noqa: A002
        progress: Progress = silent,
    ) -> Ranking:  # fmt: skip
        """An earlier ranking, waited for if it is not done; raises NotFound.

        What was left out as a copy of the target when it was ranked on this machine is left out
        again; where that is not known, a CopiesWarning says so, and `Ranking.shield.state`. With
        `target_rows`, copies are looked for anew, too.
        """
        return self._rankings.get(id, target_rows, progress)
