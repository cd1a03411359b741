"""Screen and refine: the same best as scoring everything, from fewer exact scores."""

import numpy as np
import pytest

from esm_server.engine.refining import refine


def run(known, estimates, true, top):
    asked = []

    def exact(chosen):
        asked.append(chosen)
        found = np.full(len(true), np.nan)
        found[chosen] = true[chosen]
        return found

    return refine(known, estimates, exact, top), np.unique(np.concatenate(asked))


@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("noise", [0.02, 0.3, 1.0])
def test_the_best_are_right_and_the_margin_holds(slope, noise):
    shares, same = [], 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        true = rng.normal(size=1200)
        estimates = slope * true + noise * slope * rng.normal(size=1200) + 3.0
        result, asked = run(np.full(1200, np.nan), estimates, true, 10)
        same += set(np.argsort(-result.scores)[:10]) == set(np.argsort(-true)[:10])
        assert np.array_equal(np.flatnonzero(result.exact), asked)
        assert np.array_equal(result.scores[result.exact], true[result.exact])
        assert (np.abs(result.scores - true) <= result.margin + 1e-12).all()
        shares.append(result.exact.mean())
    assert same >= 39
    assert np.mean(shares) < {0.02: 0.1, 0.3: 0.4, 1.0: 1.0}[noise]


def test_what_is_known_is_not_asked_for_and_what_fails_is_left():
    rng = np.random.default_rng(0)
    true = rng.normal(size=300)
    known = np.where(np.arange(300) < 100, true, np.nan)
    estimates = np.where(np.arange(300) < 100, np.nan, true)
    estimates[150] = np.nan
    result, asked = run(known, estimates, true, 5)
    assert asked.min() >= 100
    assert np.isnan(result.scores[150])
    usable = np.where(np.arange(300) == 150, -np.inf, true)
    assert set(np.argsort(-np.nan_to_num(result.scores, nan=-np.inf))[:5]) == set(
        np.argsort(-usable)[:5]
    )


def test_few_or_equal_maps_are_all_scored():
    for true in (np.arange(3.0), np.ones(200)):
        result, _ = run(np.full(len(true), np.nan), np.ones(len(true)), true, 10)
        assert np.array_equal(result.scores, true)
