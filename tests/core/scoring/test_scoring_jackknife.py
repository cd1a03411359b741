"""Fold sketches add up, and their errors agree with scoring resampled rows directly."""

import numpy as np
import pytest

from esm_client.core.errors import InvalidInput, InvalidSketch
from esm_client.core.scoring.evidence import log_maximum_evidence
from esm_client.core.scoring.jackknife import (
    fold_sketches,
    left_out,
    rank_ranges,
    standard_errors,
    surely_better,
)
from esm_client.core.scoring.sketch import TargetSketch

pytestmark = pytest.mark.filterwarnings(
    "ignore::esm_client.core.scoring.disclosure.DisclosureWarning"
)


def data(kind, rows=240):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(rows, 6))
    y = x[:, 0] + rng.normal(size=rows)
    return x, (y if kind == "regression" else np.digitize(y, [-1, 0.5]).astype(str))


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_left_out_folds_are_what_is_scored_without_their_rows(kind):
    x, y = data(kind)
    folds = fold_sketches(x, y, kind=kind)
    sent = [TargetSketch.from_bytes(fold.to_bytes()) for fold in folds]
    whole = TargetSketch.from_embeddings(x, y, kind=kind)
    assert sum(fold.num_rows for fold in sent) == len(x)
    assert {fold.label_map_digest for fold in sent} == {whole.label_map_digest}
    order = np.random.default_rng(42).permutation(len(x))
    if kind == "classification":
        classes = np.unique(y, return_inverse=True)[1]
        order = order[np.argsort(classes[order], kind="stable")]
    for number, rest in enumerate(left_out(sent)):
        rows = np.setdiff1d(np.arange(len(x)), order[number::10])
        direct = log_maximum_evidence(x[rows], y[rows], kind=kind)
        assert rest.identity_log_maximum_evidence() == pytest.approx(direct, abs=1e-9)


def test_standard_errors_are_those_of_other_samples():
    """Of many samples of one source of rows, the scores spread as the jackknife of one says."""
    rng = np.random.default_rng(0)
    direction = rng.normal(size=6)

    def sample(rows):
        x = rng.normal(size=(rows, 6))
        return x, x @ direction + 2.0 * rng.normal(size=rows)

    scores = [log_maximum_evidence(*sample(300), kind="regression") for _ in range(300)]
    guesses = []
    for _ in range(40):
        folds = fold_sketches(*sample(300), kind="regression")
        rows = [rest.identity_log_maximum_evidence() for rest in left_out(folds)]
        guesses.append(standard_errors(np.array(rows)[:, np.newaxis])[0])
    assert np.mean(guesses) == pytest.approx(np.std(scores), rel=0.25)


def test_rank_ranges_say_what_is_sure():
    rng = np.random.default_rng(0)
    scores = np.array([3.0, 3.0, 2.0, 1.0])
    without = scores + 0.001 * rng.normal(size=(10, 4))
    without[:, 1] = without[:, 0]  # a copy
    low, high = rank_ranges(surely_better(scores, without))
    assert (low.tolist(), high.tolist()) == ([1, 1, 3, 4], [2, 2, 3, 4])
    without[:, 2] += rng.normal(size=10)
    low, high = rank_ranges(surely_better(scores, without))
    assert (low.tolist(), high.tolist()) == ([1, 1, 1, 3], [3, 3, 4, 4])


def test_what_cannot_be_folded():
    x, y = data("regression", rows=5)
    with pytest.raises(InvalidInput, match="10 folds do not fit 5 rows"):
        fold_sketches(x, y, kind="regression")
    with pytest.raises(InvalidSketch, match="One fold"):
        left_out([TargetSketch.from_embeddings(x, y, kind="regression")])
