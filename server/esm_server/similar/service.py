"""Neighbours of a version or of some texts, as far as the caller may see them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock

import numpy as np
from sqlmodel import Session

from esm_client.core.errors import DimensionMismatch, InvalidEmbeddings
from esm_client.core.references import Reference
from esm_client.core.schemas import SimilarEsm, SimilarEsms, SimilarQuery, SourceTask
from esm_server.auth.caller import Caller
from esm_server.auth.service import check_still
from esm_server.db.database import Database
from esm_server.index.space import By, SpaceIndex
from esm_server.registry.repository import EsmRepository, VersionRecord
from esm_server.registry.service import find_version
from esm_server.similar.repository import VectorRepository
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import find_space, require_id

MORE = 5
"""How many times more neighbours are looked at first than asked for: some may be hidden."""
PART = 500
"""Versions that are looked up in one statement."""
PATIENCE = 1.0
"""Seconds to wait while another request follows a space; then its index is used as it is."""


@dataclass(slots=True)
class _Space:
    """The index of one space; `generation` is of the pool that it holds, -1 before the first."""

    index: SpaceIndex
    generation: int = -1
    following: Lock = field(default_factory=Lock)


class SimilarService:
    """The indices of all spaces, each opened when it is first asked for."""

    def __init__(self, database: Database, *, gpu: bool = False) -> None:
        self._database, self._gpu = database, gpu
        self._spaces: dict[int, _Space] = {}
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
        """Sources whose texts are near to a mean embedding.

        Raises NotFound, DimensionMismatch, InvalidEmbeddings, Unauthorized.
        """
        vector = np.frombuffer(query.embedding[: len(query.embedding) // 4 * 4], "<f4")
        if not np.isfinite(vector).all():
            raise InvalidEmbeddings(
                "The mean embedding holds NaN or infinite numbers.", "Embed the texts again."
            )
        with self._database.read() as session:
            check_still(session, caller)
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
        """The index of a space as the session sees it, or somewhat older while that is built.

        Raises MissingExtra without FAISS.
        """
        generation = SpaceRepository(session).get(space_id).generation
        with self._lock:
            space = self._spaces.setdefault(space_id, _Space(SpaceIndex(gpu=self._gpu)))
        if space.generation >= generation:
            return space.index
        if not space.following.acquire(timeout=-1 if space.generation < 0 else PATIENCE):
            return space.index
        try:
            if space.generation < generation:
                vectors = VectorRepository(session)
                space.index.follow(vectors.latest(space_id), vectors.load)
                space.generation = generation
        finally:
            space.following.release()
        return space.index


def _visible(
    esms: EsmRepository, index: SpaceIndex, by: By, vector: np.ndarray, limit: int,
    without: int | None = None,
) -> list[SimilarEsm]:  # fmt: skip
    found = _by_nearness(esms, index, by, vector, MORE * limit + 1)
    others = ((record, cosine) for record, cosine in found if record[0].id != without)
    rows = [
        SimilarEsm(
            reference=str(Reference(esm.namespace, esm.name, str(version.version))),
            digest=version.digest,
            task=SourceTask.model_validate(version.task),
            by=by,
            cosine=min(1.0, cosine),
        )
        for (esm, version, _), cosine in islice(others, limit)
    ]
    return sorted(rows, key=lambda row: -row.cosine)


def _by_nearness(
    esms: EsmRepository, index: SpaceIndex, by: By, vector: np.ndarray, count: int
) -> Iterator[tuple[VersionRecord, float]]:
    """What the caller sees, the nearest first, all of it.

    The search widens from `count` on as long as rows are taken: were an answer short of what is
    hidden, it would tell how much of that is near.
    """
    seen: set[int] = set()
    while True:
        near = index.nearest(by, vector, count)
        new = [(version, cosine) for version, cosine in near if version not in seen]
        for start in range(0, len(new), PART):
            part = new[start : start + PART]
            records = esms.by_ids([version for version, _ in part])
            records = {one: record for one, record in records.items() if _is_latest(record)}
            yield from ((records[one], cosine) for one, cosine in part if one in records)
        if len(near) < count:
            return
        seen.update(version for version, _ in new)
        count *= 2


def _is_latest(record: VersionRecord) -> bool:
    """Not so for what was yanked since the index was followed."""
    esm, version, _ = record
    return esm.live and version.version == esm.latest_number
