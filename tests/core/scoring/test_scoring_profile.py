"""The one-dimensional problem: its global maximum, its flags and its units."""

import numpy as np
import pytest

from esm_client.core.scoring.profile import maximum_evidence_profile


def log_evidence(
    log_t: np.ndarray, sigma: np.ndarray, x: np.ndarray, residual: float, n: int
) -> np.ndarray:
    """L(t) of one column as written down, with the noise floor."""
    ratio = sigma / np.exp(log_t)[:, None]
    q = residual + (x**2 / (1.0 + ratio)).sum(axis=1)
    beta = n / np.maximum(q, 1e-12 * ((x**2).sum() + residual))
    log_det = np.log1p(ratio).sum(axis=1)
    return 0.5 * (n * np.log(beta) - log_det - beta * q - n * np.log(2.0 * np.pi))


@pytest.mark.parametrize("seed", range(60))
def test_nothing_on_a_dense_grid_is_higher(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 40))
    n = k + int(rng.integers(0, 60))
    sigma = 10.0 ** rng.uniform(-rng.choice([1, 6, 12]), 0, size=k)
    x = 10.0 ** rng.uniform(-rng.choice([1, 3, 7]), 0, size=(k, 3))
    residual = 10.0 ** rng.uniform(-14, 1, size=3) * (n > k)
    found = maximum_evidence_profile(sigma, x, residual, n)
    low, high = np.log(1e-12 * sigma.max()), np.log(1e4 * sigma.max())
    dense = np.append(np.linspace(low, high, 3000), 700.0)
    for c in range(3):
        values = log_evidence(dense, sigma, x[:, c], residual[c], n)
        assert found.log_evidence[c] >= values.max() - 1e-9
        where = min(found.log_t[c], 700.0)
        reached = log_evidence(np.array([where]), sigma, x[:, c], residual[c], n)
        assert found.log_evidence[c] == pytest.approx(reached[0], rel=0, abs=1e-8)
        assert found.is_null[c] == np.isinf(found.log_t[c])


def test_neighbouring_maxima_are_told_apart() -> None:
    sigma = np.array([1.0, 1e-3])
    # Scanned over the share that the weak direction explains, one maximum overtakes
    # the other; each time the higher one is found.
    for share in np.logspace(-4, 0, 80):
        x = np.sqrt(np.array([[1.0], [share]]))
        residual = np.array([2e-4])
        found = maximum_evidence_profile(sigma, x, residual, 12)
        dense = np.linspace(np.log(1e-12), np.log(1e4), 4000)
        values = log_evidence(dense, sigma, x[:, 0], 2e-4, 12)
        assert found.log_evidence[0] == pytest.approx(values.max(), rel=0, abs=1e-3)
        assert found.log_t[0] == pytest.approx(dense[values.argmax()], abs=0.02)


def test_flags() -> None:
    sigma = np.array([2.0])
    noise = maximum_evidence_profile(sigma, np.array([[1e-3]]), np.array([10.0]), 10)
    assert noise.is_null.tolist() == [True]
    assert noise.log_t.tolist() == [np.inf]
    assert noise.at_edge.tolist() == [False]
    exact = maximum_evidence_profile(sigma, np.array([[1.0]]), np.array([0.0]), 10)
    assert exact.at_edge.tolist() == [True]
    assert exact.log_t[0] == pytest.approx(np.log(2e-12))
    inside = maximum_evidence_profile(sigma, np.array([[1.0]]), np.array([0.1]), 10)
    assert (inside.at_edge.tolist(), inside.is_null.tolist()) == ([False], [False])


def test_no_features_is_the_null_model() -> None:
    found = maximum_evidence_profile(np.zeros(3), np.ones((3, 2)), np.array([0.0, 4.0]), 7)
    expected = 3.5 * (np.log(7 / np.array([3.0, 7.0])) - 1.0 - np.log(2.0 * np.pi))
    assert found.log_evidence == pytest.approx(expected)
    assert found.is_null.all()


def test_units_of_sigma_shift_log_t_alone() -> None:
    rng = np.random.default_rng(0)
    sigma, x, residual = rng.uniform(size=5), 5.0 * rng.normal(size=(5, 3)), np.ones(3)
    one = maximum_evidence_profile(sigma, x, residual, 9)
    other = maximum_evidence_profile(sigma * 1e20, x, residual, 9)
    assert other.log_evidence == pytest.approx(one.log_evidence, rel=0, abs=1e-9)
    assert other.log_t - one.log_t == pytest.approx(np.full(3, np.log(1e20)), abs=1e-6)


def test_columns_do_not_influence_each_other() -> None:
    rng = np.random.default_rng(1)
    sigma, x, residual = rng.uniform(size=6), rng.normal(size=(6, 8)), rng.uniform(size=8)
    together = maximum_evidence_profile(sigma, x, residual, 11)
    for c in range(8):
        alone = maximum_evidence_profile(sigma, x[:, [c]], residual[[c]], 11)
        assert alone.log_evidence[0] == pytest.approx(together.log_evidence[c], rel=1e-12)
