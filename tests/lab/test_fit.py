import numpy as np
import pytest

from esm_client.core.errors import InvalidEmbeddings, InvalidInput
from esm_client.lab.training.fit.moments import Moments, mean_squared_error
from esm_client.lab.training.fit.ridge import LAMBDAS, RANKS, _Choice, fit_ridge
from esm_client.lab.training.fit.sgd import fit_mlp, fit_sgd
from esm_client.lab.training.metrics import mean_correlation


def pairs(rows, dimension=12, noise=0.1, seed=0):
    """Base embeddings with a dominant mean, and an affine image of them with noise."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, dimension)) @ random.normal(size=(dimension, dimension)) + 3
    weight = 0.8 * np.eye(dimension) + 0.2 * random.normal(size=(dimension, dimension))
    bias = random.normal(size=dimension)
    return X, X @ weight.T + bias + noise * random.normal(size=X.shape)


def augmented_least_squares(X, Y, relative):
    """The same minimum from numpy's lstsq, with one more row per penalised weight."""
    rows, dimension = X.shape
    centred_x, centred_y = X - X.mean(0), Y - Y.mean(0)
    scale = np.sum(centred_x * centred_y) / np.sum(centred_x**2)
    singular = np.linalg.svd(centred_x, compute_uv=False)
    penalty = np.sqrt(relative * np.sum(singular**2) / dimension)
    left = np.block(
        [[X, np.ones((rows, 1))], [penalty * np.eye(dimension), np.zeros((dimension, 1))]]
    )
    right = np.vstack([Y, penalty * scale * np.eye(dimension)])
    solution = np.linalg.lstsq(left, right, rcond=None)[0]
    return solution[:-1].T, solution[-1]


@pytest.mark.parametrize("rows", [5, 12, 13, 400])
@pytest.mark.parametrize("relative", [1e-3, 0.1, 10.0])
def test_ridge_equals_the_augmented_least_squares_solution(rows, relative):
    X, Y = pairs(rows)
    fitted = fit_ridge(X, Y, ridge_lambda=relative).map
    weight, bias = augmented_least_squares(X, Y, relative)
    np.testing.assert_allclose(fitted.weight, weight, atol=1e-8)
    np.testing.assert_allclose(fitted.bias, bias, atol=1e-8)


def test_ridge_is_a_minimum_of_its_loss():
    X, Y = pairs(40)
    fitted = fit_ridge(X, Y, ridge_lambda=0.5)
    unit = np.sum((X - X.mean(0)) ** 2) / X.shape[1]

    def loss(weight, bias):
        penalty = np.sum((weight - fitted.scale * np.eye(len(bias))) ** 2)
        return np.sum((X @ weight.T + bias - Y) ** 2) + 0.5 * unit * penalty

    best = loss(fitted.map.weight, fitted.map.bias)
    random = np.random.default_rng(1)
    for _ in range(20):
        step = 1e-3 * random.normal(size=fitted.map.weight.shape)
        assert loss(fitted.map.weight + step, fitted.map.bias + step[0]) > best


def test_the_relative_penalty_carries_over_to_other_scales():
    X, Y = pairs(60)
    small, large = (fit_ridge(k * X, k * Y, ridge_lambda=0.1).map for k in (1.0, 1e3))
    np.testing.assert_allclose(small.weight, large.weight, atol=1e-9)
    np.testing.assert_allclose(1e3 * small.bias, large.bias, atol=1e-6)


def test_an_infinite_penalty_leaves_a_scaled_identity():
    X, Y = pairs(60)
    fitted = fit_ridge(X, Y, ridge_lambda=1e12)
    np.testing.assert_allclose(fitted.map.weight, fitted.scale * np.eye(12), atol=1e-9)


def test_the_penalty_is_chosen_on_rows_left_out_and_seeded():
    clean, noisy = pairs(200, noise=0.01), pairs(16, noise=3.0)
    assert fit_ridge(*clean).ridge_lambda == LAMBDAS[0]
    chosen = fit_ridge(*noisy).ridge_lambda
    assert chosen > LAMBDAS[0]
    assert chosen == fit_ridge(*noisy, seed=42).ridge_lambda


def test_equal_rows_are_survived():
    X = np.ones((10, 3))
    fitted = fit_ridge(X, X * 2.0).map
    np.testing.assert_allclose(fitted.apply(X), X * 2.0)


@pytest.mark.parametrize("rank", [1, 4, 12])
@pytest.mark.parametrize("rows", [9, 60])
def test_low_rank_is_the_truncated_svd_of_the_fitted_changes(rows, rank):
    X, Y = pairs(rows)
    full = fit_ridge(X, Y, ridge_lambda=0.3)
    change = full.map.weight - full.scale * np.eye(12)
    centred = X - X.mean(0)
    left, values, right = np.linalg.svd(centred @ change.T, full_matrices=False)
    expected = full.scale * centred + (left[:, :rank] * values[:rank]) @ right[:rank]
    fitted = fit_ridge(X, Y, ridge_lambda=0.3, rank=rank).map
    assert fitted.rank == rank
    np.testing.assert_allclose(fitted.apply(X), expected + Y.mean(0), atol=1e-8)
    np.testing.assert_allclose(fitted.as_affine().apply(X), fitted.apply(X), atol=1e-9)


def test_held_out_errors_are_those_of_the_maps_themselves():
    X, Y = pairs(90, noise=1.0)
    rows = np.random.default_rng(0).permutation(90)
    inner, held = np.sort(rows[18:]), np.sort(rows[:18])
    choice = _Choice(Moments.of(X, Y, inner), Moments.of(X, Y, held))
    full = choice.errors([0.01, 1.0])
    for place, value in enumerate([0.01, 1.0]):
        found = {rank: choice.rank_errors(value)[rank - 1] for rank in (1, 3, 12)}
        for rank, error in {**found, None: full[place]}.items():
            fitted = fit_ridge(X[inner], Y[inner], ridge_lambda=value, rank=rank).map
            expected = mean_squared_error(fitted.apply(X[held]), Y[held])
            assert error == pytest.approx(expected, rel=1e-9)


def test_the_rank_is_the_smallest_that_is_good_enough():
    random = np.random.default_rng(0)
    X = random.normal(size=(500, 40))
    axes = np.linalg.qr(random.normal(size=(40, 12)))[0]  # so that c stays near 1
    Y = X + 3 * X @ axes[:, :6] @ axes[:, 6:].T + 0.1 * random.normal(size=X.shape)
    assert fit_ridge(X, Y, rank="auto").map.rank == 8  # the first of RANKS that holds six
    assert fit_ridge(X[:, :5], Y[:, :5], rank="auto").map.rank in (4, 5)
    noise = X + random.normal(size=X.shape)
    assert fit_ridge(X, noise, rank="auto").map.rank == RANKS[0]


def test_moments_of_blocks_add_up(monkeypatch):
    X, Y = pairs(100)
    whole = Moments.of(X, Y, np.arange(100))
    monkeypatch.setattr("esm_client.lab.training.fit.moments.BLOCK_ROWS", 7)
    blocks = Moments.of(X, Y, np.arange(100))
    for name in ("rows", "mean_x", "mean_y", "xx", "xy", "yy"):
        np.testing.assert_allclose(getattr(blocks, name), getattr(whole, name), rtol=1e-10)


def test_an_mlp_learns_what_no_affine_map_can():
    pytest.importorskip("torch")
    X = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32)
    Y = X + np.abs(X[:, ::-1])
    bent = fit_mlp(X, Y, width=16, epochs=100, learning_rate=0.01)
    straight = mean_squared_error(fit_ridge(X, Y).map.apply(X), Y)
    assert mean_squared_error(bent.apply(X), Y) < straight / 10
    start = fit_mlp(X, Y, width=3, epochs=1, learning_rate=0.0)
    np.testing.assert_array_equal(start.apply(X), X)


def test_sgd_approaches_ridge():
    pytest.importorskip("torch")
    X, Y = pairs(256, dimension=8)
    exact = mean_squared_error(fit_ridge(X, Y, ridge_lambda=1e-6).map.apply(X), Y)
    paper = mean_squared_error(fit_sgd(X, Y).apply(X), Y)
    longer = fit_sgd(X, Y, epochs=300, learning_rate=0.02, weight_decay=0.0)
    assert exact <= mean_squared_error(longer.apply(X), Y) < 1.05 * exact < paper
    assert longer.weight.dtype == np.float32


def test_sgd_is_seeded_and_leaves_the_callers_random_state():
    torch = pytest.importorskip("torch")
    X, Y = pairs(64)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = fit_sgd(X, Y), fit_sgd(X, Y), fit_sgd(X, Y, seed=1)
    np.testing.assert_array_equal(first.weight, again.weight)
    assert not np.array_equal(first.weight, other.weight)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("base", "tuned", "message"),
    [
        (np.ones((3, 2)), np.ones((3, 4)), r"\(3, 2\), the tuned ones \(3, 4\)"),
        (np.ones((1, 2)), np.ones((1, 2)), "at least two rows"),
        (np.ones(3), np.ones(3), "two arrays"),
        (np.full((3, 2), np.nan), np.ones((3, 2)), "NaN"),
        (np.ones((3, 2)), np.full((3, 2), np.inf), "infinite"),
    ],
)
def test_what_is_no_pair_of_embeddings_is_refused(base, tuned, message):
    for fit in (fit_ridge, fit_sgd, fit_mlp):
        with pytest.raises(InvalidEmbeddings, match=message):
            fit(base, tuned)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_penalty_must_be_positive(value):
    with pytest.raises(InvalidInput, match="ridge_lambda is"):
        fit_ridge(*pairs(20), ridge_lambda=value)


def test_a_rank_must_be_positive():
    with pytest.raises(InvalidInput, match="rank is 0"):
        fit_ridge(*pairs(20), rank=0)


def test_mean_correlation_equals_scipys():
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(3)
    x, y = random.integers(0, 6, 50).astype(float), random.normal(size=50)
    expected = (stats.pearsonr(x, y).statistic + stats.spearmanr(x, y).statistic) / 2
    assert mean_correlation(x, y) == pytest.approx(expected, abs=1e-12)
    assert mean_correlation(np.ones(4), [1, 2, 3, 4]) == 0.0
