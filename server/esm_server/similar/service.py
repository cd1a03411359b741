"""Neighbours of a version or of some texts, as far as the caller may see them."""

from threading import Lock

import numpy as np
from sqlmodel import Session

from esm_client.core.errors import DimensionMismatch, InvalidEmbeddings
from esm_client.core.references import Reference
from esm_client.core.schemas import SimilarEsm, SimilarEsms, SimilarQuery, SourceTask
from esm_server.auth.caller import Caller
from esm_server.db.database import Database
from esm_server.index.space import By, SpaceIndex
from esm_server.registry.repository import EsmRepository
from esm_server.registry.service import find_version
from esm_server.similar.repository import VectorRepository
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import find_space, require_id

MORE = 5
"""How many times more neighbours are looked at than asked for: some may be hidden."""


class SimilarService:
    """The indices of all spaces, each opened when it is first asked for."""

    def __init__(self, database: Database, *, gpu: bool = False) -> None:
        self._database, self._gpu = database, gpu
        self._spaces: dict[int, tuple[int, SpaceIndex]] = {}
        self._lock = Lock()

    def of_version(
        self, caller: Caller, namespace: str, name: str, selector: str, limit: int
    ) -> SimilarEsms:
        """Sources whose map or texts are near to a version's; raises NotFound, Yanked."""
        with self._database.read() as session:
            esms = EsmRepository(session, caller)
            esm, version, _ = find_version(esms, namespace, name, selector)
            vectors = VectorRepository(session).load([version.id or 0])
            index = self.index(session, esm.space_id)
            rows: list[SimilarEsm] = []
            for by, (_, own) in vectors.items():
                if len(own):
                    rows += _visible(esms, index, by, own[0], limit, without=esm.id)
        return SimilarEsms(rows=rows)

    def to_texts(self, caller: Caller, query: SimilarQuery) -> SimilarEsms:
        """Sources whose texts are near to a mean embedding; raises NotFound, DimensionMismatch."""
        vector = np.frombuffer(query.embedding[: len(query.embedding) // 4 * 4], "<f4")
        if not np.isfinite(vector).all():
            raise InvalidEmbeddings(
                "The mean embedding holds NaN or infinite numbers.", "Embed the texts again."
            )
        with self._database.read() as session:
            space = find_space(SpaceRepository(session), query.space)
            if vector.size != space.dimension:
                raise DimensionMismatch(
                    f"The embedding has {vector.size} dimensions, the space {space.name!r} has "
                    f"{space.dimension}.",
                    f"Embed the texts with {space.base_model}.",
                )
            index = self.index(session, require_id(space))
            esms = EsmRepository(session, caller)
            return SimilarEsms(rows=_visible(esms, index, "text", vector, query.limit))

    def index(self, session: Session, space_id: int) -> SpaceIndex:
        """The index of a space as the session sees it."""
        generation = SpaceRepository(session).get(space_id).generation
        with self._lock:
            known, index = self._spaces.get(space_id, (-1, SpaceIndex(gpu=self._gpu)))
            if known != generation:
                vectors = VectorRepository(session)
                index.follow(vectors.latest(space_id), vectors.load)
                self._spaces[space_id] = (generation, index)
        return index


def _visible(
    esms: EsmRepository, index: SpaceIndex, by: By, vector: np.ndarray, limit: int,
    without: int | None = None,
) -> list[SimilarEsm]:  # fmt: skip
    near = index.nearest(by, vector, MORE * limit + 1)
    records = esms.by_ids([version for version, _ in near])
    rows: list[SimilarEsm] = []
    for version_id, cosine in near:
        if version_id not in records or len(rows) == limit:
            continue
        esm, version, _ = records[version_id]
        if esm.id == without:
            continue
        row = SimilarEsm(
            reference=str(Reference(esm.namespace, esm.name, str(version.version))),
            digest=version.digest,
            task=SourceTask.model_validate(version.task),
            by=by,
            cosine=min(1.0, cosine),
        )
        rows.append(row)
    return rows
