"""Rankings and their receipts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Base64Bytes, Field

from esm_client.core.document import Items
from esm_client.core.limits import (
    MAX_EMBEDDED_BYTES,
    MAX_FOLDS,
    MAX_RANKING_ROWS,
    MAX_RANKING_WAIT,
    MAX_SKETCH_BYTES,
)
from esm_client.core.schemas.contract import Contract, Digest, Kind, Name, Problem
from esm_client.core.schemas.esms import Yank
from esm_client.core.schemas.finding import EsmFilter
from esm_client.core.schemas.tasks import Source, SourceTask
from esm_client.core.spaces import SpaceFingerprint

Mode = Literal["auto", "exhaustive", "screened", "prefiltered"]
"""How a pool is scored: every map exactly; full maps by estimates first, then exactly as far as the
best need it; a part that an index chooses; or, "auto", everything while that fits the server's time
budget, and else a part."""
PARTS = "ranking-parts"
"""What a server that takes a ranking request in parts says of itself (ServerInfo.takes).

The parts of that multipart/form-data: `request`, RankingOptions as JSON; `sketch`; `fold`, any
number of times; `embedded`."""


class RankingOptions(Contract):
    """What is asked of a ranking, beside the target itself."""

    space: Name
    fingerprint: SpaceFingerprint | None = None
    """None when the embeddings were made elsewhere; the ranking then says `unverified`."""
    intercept: bool = True
    filter: EsmFilter = EsmFilter()
    """Which ESMs of the space are candidates."""
    mode: Mode = "auto"
    limit: Annotated[int, Field(ge=1, le=MAX_RANKING_ROWS)] = 1000
    """How many rows to answer with, the best first."""
    wait: Annotated[float, Field(ge=0.0, le=MAX_RANKING_WAIT)] = 10.0
    """Seconds after which the answer is a job instead of the receipt."""


class RankingCreate(RankingOptions):
    """A ranking request: the target sketch, never its texts.

    It travels in parts (`PARTS`); as one JSON document, with base64 for bytes, it is taken for one
    release more.
    """

    sketch: Annotated[Base64Bytes, Field(max_length=MAX_SKETCH_BYTES)]
    folds: Annotated[tuple[Base64Bytes, ...], Items(MAX_FOLDS)] = ()
    """Sketches of folds of the target (core.scoring.jackknife), for standard errors."""
    embedded: Annotated[Base64Bytes, Field(max_length=MAX_EMBEDDED_BYTES)] | None = None
    """The target row by row (core.scoring.embedded), where its owner chooses to send that: only
    with it are MLP maps scored. Discarded after scoring, like the sketch."""

    @classmethod
    def of(
        cls,
        options: RankingOptions,
        sketch: bytes,
        folds: Sequence[bytes] = (),
        embedded: bytes | None = None,
    ) -> "RankingCreate":
        """The request with these bytes, which are neither looked at nor copied."""
        return cls.model_construct(
            **dict(options), sketch=sketch, folds=tuple(folds), embedded=embedded
        )


class RankedEsm(Contract):
    """One row of a ranking. Scores compare only within one ranking."""

    rank: int = 1
    reference: str
    digest: Digest
    task: SourceTask
    source: Source = Source()
    has_source_model: bool = False
    """Whether the source model is stored here."""
    near_duplicate_of: str | None = None
    """An earlier ESM whose map is almost the same."""
    score: float
    """Mean over label columns of the log maximum evidence, per row."""
    is_exact: bool = True
    """False for an estimate of a screened ranking, within the receipt's `margin`."""
    gain: float
    """Score minus the identity map's: what this source is worth over no fine-tuning."""
    log_bayes_factor: float = 0.0
    """In nats, against the best row: zero for the best, negative below it."""
    standard_error: float | None = None
    """Of the score, by the jackknife; only of the best rows, where folds were sent."""
    rank_range: tuple[int, int] | None = None
    """Lowest and highest rank it may have, by two standard errors of differences, likewise."""
    tied: bool = True
    """Whether the difference to the best is too small to mean anything."""
    space: str | None = None
    """Filled where ESMs of several spaces are ranked together."""
    yank: Yank | None = None
    """Filled when a receipt is read again after the version was yanked."""
    deleted: bool = False
    """Whether the version was deleted since, likewise."""


class SkippedEsm(Contract):
    """An ESM of the pool that could not be scored, and why."""

    reference: str
    digest: Digest
    code: str
    reason: str


class RankingReceipt(Contract):
    """A stored ranking: everything about it but the sketch, which is discarded."""

    id: str
    space: str
    space_verified: bool
    created_at: datetime
    created_by: str
    score_name: str
    score_version: int
    intercept: bool
    filter: EsmFilter = EsmFilter()
    kind: Kind
    num_rows: int
    num_label_columns: int
    label_map_digest: str
    identity_score: float
    pool_generation: int
    pool_size: int
    mode: Mode = "exhaustive"
    """What was done."""
    num_exact: int = 0
    """How many ESMs were scored exactly; of a prefiltered pool, the others were not looked at."""
    prefilter_recall: float | None = None
    """Of a prefiltered pool: how many of the five best ESMs the same choice would have found in
    earlier rankings of the space that scored everything, on average. None: there was none."""
    margin: float = 0.0
    """How far estimated scores may be off: three times the largest error that was seen
    where maps were scored both ways."""
    rows: list[RankedEsm]
    skipped: list[SkippedEsm]
    seconds: float


class RankingJob(Contract):
    """A ranking on its way; its receipt has the same id."""

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    done: int = 0
    """Scored maps ..."""
    total: int = 0
    """... of how many."""
    problem: Problem | None = None
    """Why it failed."""
