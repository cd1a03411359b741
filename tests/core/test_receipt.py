"""Receipts: every field is filled, whoever fills it."""

from dataclasses import fields
from datetime import UTC, datetime

import numpy as np
import pytest

from esm_client import TargetSketch
from esm_client.core.errors import DimensionMismatch, Yanked
from esm_client.core.receipt import (
    RankingFacts,
    check_dimension,
    ranked_row,
    receipt_of,
    skipped_row,
)
from esm_client.core.schemas import (
    EsmFilter,
    RankedEsm,
    RankingReceipt,
    SkippedEsm,
    Source,
    SourceTask,
)
from esm_client.core.spaces import CANARIES, SpaceFingerprint, SpaceIdentity
from esm_client.core.views import SpaceViews

FINGERPRINT = SpaceFingerprint(
    identity=SpaceIdentity(base_model="org/m", pooling="mean", dimension=2),
    canaries=((1.0, 2.0),) * len(CANARIES),
)
FACTS = RankingFacts(
    id="r1", space="s", fingerprint=FINGERPRINT, created_at=datetime(2026, 1, 1, tzinfo=UTC),
    created_by="ann", intercept=False, filter=EsmFilter(language=("de",)), identity_score=-0.5,
    pool_generation=7, pool_size=9, mode="prefiltered", num_exact=3, margin=0.25,
    prefilter_recall=0.8,
)  # fmt: skip
LATER = {"rank", "log_bayes_factor", "tied", "standard_error", "rank_range", "space"}
"""Fields of a row that depend on the other rows, on folds, or on other spaces."""
SINCE = {"yank", "deleted"}
"""Fields that are filled when a receipt is read again."""


@pytest.fixture(name="sketch")
def _sketch():
    x = np.random.default_rng(0).standard_normal((30, 4))
    return TargetSketch.from_embeddings(x, np.arange(30) % 3, kind="classification")


def test_a_receipt_lacks_no_field(sketch):
    error = Yanked("It was yanked.", "Use another.")
    skipped = skipped_row("a/b@1", f"sha256:{'0' * 64}", error)
    receipt = receipt_of(FACTS, sketch, [], [skipped], 1.5)
    assert receipt.model_fields_set == set(RankingReceipt.model_fields)
    assert receipt.space_verified is True
    for field in fields(FACTS):
        if field.name == "fingerprint":  # which the receipt does not repeat
            continue
        assert getattr(receipt, field.name) == getattr(FACTS, field.name)
    assert (receipt.kind, receipt.num_rows, receipt.num_label_columns) == ("classification", 30, 3)
    assert receipt.label_map_digest == sketch.label_map_digest
    assert receipt.skipped == [skipped]
    assert skipped.model_fields_set == set(SkippedEsm.model_fields)
    assert (skipped.code, skipped.reason) == ("yanked", "It was yanked. Use another.")


def test_a_row_lacks_no_field():
    row = ranked_row(
        reference="a/b@1", digest=f"sha256:{'0' * 64}", task=SourceTask(data_set="d"),
        source=Source(licence="mit"), has_source_model=True, near_duplicate_of="a/c@1",
        score=-0.3, is_exact=False, identity_score=-0.5,
    )  # fmt: skip
    assert row.model_fields_set == set(RankedEsm.model_fields) - LATER - SINCE
    assert row.gain == pytest.approx(0.2)


def test_dimensions(sketch):
    check_dimension(sketch, "s", 4, None, "")
    with pytest.raises(DimensionMismatch, match="has 4 dimensions, the space 's' has 16") as caught:
        check_dimension(sketch, "s", 16, None, "Embed it again.")
    assert caught.value.facts == {"space": "s", "dimension": 16, "given": 4}
    with pytest.raises(DimensionMismatch, match="no views .* 's' has 3 of layer 2"):
        check_dimension(sketch, "s", 4, SpaceViews(layer=2, count=3), "Embed it again.")
