import numpy as np
import pytest

from esm_client.core.errors import InvalidEmbeddings, InvalidInput
from esm_client.lab.training.fit import LAMBDAS, fit_ridge, fit_sgd, mean_squared_error
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
    for fit in (fit_ridge, fit_sgd):
        with pytest.raises(InvalidEmbeddings, match=message):
            fit(base, tuned)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_penalty_must_be_positive(value):
    with pytest.raises(InvalidInput, match="ridge_lambda is"):
        fit_ridge(*pairs(20), ridge_lambda=value)


def test_mean_correlation_equals_scipys():
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(3)
    x, y = random.integers(0, 6, 50).astype(float), random.normal(size=50)
    expected = (stats.pearsonr(x, y).statistic + stats.spearmanr(x, y).statistic) / 2
    assert mean_correlation(x, y) == pytest.approx(expected, abs=1e-12)
    assert mean_correlation(np.ones(4), [1, 2, 3, 4]) == 0.0
