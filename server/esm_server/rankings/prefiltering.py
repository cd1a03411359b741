"""Choosing what to score of a large pool, and how well that choice has done lately."""

from collections import defaultdict, deque
from threading import Lock

from esm_client.core.errors import MissingExtra
from esm_server.db.database import Database
from esm_server.engine.request import PoolScores
from esm_server.index.prefilter import Prefilter, audited
from esm_server.rankings.candidates import Pool
from esm_server.similar.service import SimilarService
from esm_server.spaces.service import require_id

AUDITED_FROM, AUDITED_TO = 200, 20_000
"""Sizes of pools on which a prefilter is tried out once all scores are known."""
AUDIT_EVERY = 5
KEPT = 50


class Prefiltering:
    """Prefilters of one registry, audited on rankings that scored everything anyway."""

    def __init__(self, database: Database, similar: SimilarService) -> None:
        self._database, self._similar = database, similar
        self._recalls: defaultdict[int, deque[float]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._rankings: defaultdict[int, int] = defaultdict(int)
        self._lock = Lock()

    def of(self, pool: Pool, *, needed: bool) -> Prefilter | None:
        """A fresh prefilter; None without FAISS, unless it is `needed`: MissingExtra then."""
        try:
            with self._database.read() as session:
                index = self._similar.index(session, require_id(pool.space))
        except MissingExtra:
            if needed:
                raise
            return None
        return Prefilter(pool.versions, index)

    def audit(self, pool: Pool, scores: PoolScores) -> None:
        """Note what the prefilter would have found of a pool that was scored as a whole."""
        space = require_id(pool.space)
        size = len(pool.versions)
        if scores.mode != "exhaustive" or not AUDITED_FROM <= size <= AUDITED_TO:
            return
        with self._lock:
            self._rankings[space] += 1
            if self._rankings[space] % AUDIT_EVERY != 1:
                return
        prefilter = self.of(pool, needed=False)
        if prefilter is not None:
            self._recalls[space].append(audited(prefilter, scores.scores))

    def recall(self, pool: Pool) -> float | None:
        """The mean recall of the five best in the last audits; None before the first."""
        found = list(self._recalls[require_id(pool.space)])
        return sum(found) / len(found) if found else None
