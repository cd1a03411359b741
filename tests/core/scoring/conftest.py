"""An independent reference: the N x N Gaussian density, maximised by brute force.

And the grid of cases that the kernel and the sketch are both held against.
"""

from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, null_space
from scipy.optimize import minimize_scalar

Array = NDArray[np.float64]
Reference = Callable[..., float]
Labels = NDArray[np.float64] | NDArray[np.int64]

LOW, HIGH = np.log(1e-12), np.log(1e4)
FLOAT64_LOW = np.log(2e-6)  # of t / sigma_max: below it the density needs more digits
FLOOR = 1e-12


@dataclass(frozen=True)
class Case:
    name: str
    features: Array
    labels: Labels
    kind: str
    digits: bool = True  # whether the optimum may lie where float64 does not reach


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        cases = make_cases()
        metafunc.parametrize("case", cases, ids=[case.name for case in cases])


def make_cases() -> list[Case]:
    rng = np.random.default_rng(20)
    normal = rng.normal

    def classes(rows: int, count: int) -> NDArray[np.int64]:
        return rng.permutation(np.arange(rows) % count)

    deficient = normal(size=(12, 3)) @ normal(size=(3, 7))
    constant = np.column_stack([np.full(12, 3.7), normal(size=(12, 3)), np.full(12, 0.1)])
    square, wide, tall = normal(size=(9, 9)), normal(size=(8, 20)), normal(size=(12, 4))
    hundred = classes(130, 100)
    return [
        Case("wide classification", wide, classes(8, 3), "classification"),
        Case("wide regression", wide, normal(size=(8, 2)), "regression"),
        Case("wide regression noise-free", wide, wide @ normal(size=20), "regression"),
        Case("square classification", square, classes(9, 2), "classification"),
        Case("square regression", square, normal(size=9), "regression"),
        Case("square regression noise-free", square, square @ normal(size=9), "regression"),
        Case("tall classification", tall, classes(12, 3), "classification"),
        Case("tall regression", tall, tall[:, :2] + normal(size=(12, 2)), "regression"),
        Case("tall regression noise-free", tall, tall @ normal(size=4) + 5.0, "regression"),
        Case("tall regression almost noise-free", tall,
             tall @ normal(size=4) + 1e-5 * normal(size=12), "regression"),
        Case("large tall classification", normal(size=(60, 10)), classes(60, 4),
             "classification", digits=False),
        Case("large wide classification", normal(size=(50, 80)), classes(50, 4),
             "classification", digits=False),
        Case("rank-deficient classification", deficient, classes(12, 2), "classification"),
        Case("rank-deficient regression noise-free", deficient, deficient @ normal(size=7),
             "regression"),
        Case("constant columns", constant, classes(12, 3), "classification"),
        Case("only constant columns", np.full((12, 3), 0.1), classes(12, 3), "classification"),
        Case("zero features", np.zeros((12, 3)), classes(12, 3), "classification"),
        Case("dominant mean", normal(size=(12, 4)) + 1e3, classes(12, 3), "classification"),
        Case("dominant mean direction", normal(size=(12, 4)) * 0.1 + 50.0 * normal(size=4),
             tall[:, 0], "regression"),
        Case("class of one row", normal(size=(12, 5)), np.r_[np.arange(11) % 2, 2],
             "classification"),
        Case("100 classes", normal(size=(130, 12)) + hundred[:, None] / 30.0, hundred,
             "classification", digits=False),
        Case("labels far from zero", tall, tall[:, 0] + 1e4 + normal(size=12), "regression"),
        Case("two maxima, lower t wins", *two_scale(1, 1, 1e-4, 0.5, 1e-6), "regression"),
        Case("two maxima, higher t wins", *two_scale(3, 3, 1e-7, 0.6, 1e-2), "regression"),
    ]  # fmt: skip


def two_scale(many: int, few: int, gap: float, share: float, noise: float) -> tuple[Array, Array]:
    """Features with two groups of singular values, both of which explain the labels."""
    basis = null_space(np.ones((1, 12)))
    sigma = np.r_[np.ones(many), np.full(few, gap)]
    squares = np.full(11, noise)
    squares[: many + few] = np.r_[np.full(many, 1.0 / many), np.full(few, share / few)]
    return basis[:, : many + few] * np.sqrt(sigma), basis @ np.sqrt(squares)


@pytest.fixture(scope="session")
def count_maxima() -> Callable[[Array, Array], int]:
    """Number of local maxima of the log density over log t, for one label column."""

    def count(f: Array, y: Array) -> int:
        exact = ExactDensity(f)
        return int(maxima(exact, y.reshape(-1, 1), LOW, HIGH, 120)[1][0])

    return count


@pytest.fixture(scope="session")
def brute_force() -> Reference:
    """The score by maximising log N(y; 0, I/beta + F F^T/alpha) over alpha and beta.

    `digits`: also search t below 1e-6 sigma_max, in mpmath; else the test must know
    that the optimum is not there.
    """
    return score


def score(
    features: Array, labels: object, *, kind: str, intercept: bool, digits: bool = False
) -> float:
    f = np.asarray(features, dtype=np.float64)
    y = one_hot(labels) if kind == "classification" else np.asarray(labels, dtype=np.float64)
    y = y.reshape(len(f), -1)
    if intercept:
        # Coordinates in the complement of the constant, not centring.
        basis = null_space(np.ones((1, len(f))))
        size = np.linalg.norm(f, axis=0)
        f, y = basis.T @ f, basis.T @ y
        # A constant column has no direction here; what is left of it is rounding.
        f[:, np.linalg.norm(f, axis=0) <= 1e-13 * size] = 0.0
    if kind == "regression":
        y = y / np.sqrt((y**2).mean(axis=0))
    return float(best_log_densities(f, y, digits).mean() / len(f))


def one_hot(labels: object) -> Array:
    array = np.asarray(labels)
    return (array[:, None] == np.unique(array)).astype(np.float64)


def best_log_densities(f: Array, y: Array, digits: bool) -> Array:
    kernel = f @ f.T
    largest = float(np.linalg.eigvalsh(kernel)[-1])
    best = log_density(np.zeros_like(kernel), y)  # the null model
    if largest <= 0.0:
        return best
    kernel = kernel / largest

    def in_float64(log_t: float, columns: Array) -> Array:
        return log_density(kernel * np.exp(-log_t), columns)

    best = np.maximum(best, maxima(in_float64, y, FLOAT64_LOW, HIGH, 200)[0])
    if digits:
        exact = ExactDensity(f)
        best = np.maximum(best, maxima(exact, y, LOW, FLOAT64_LOW + 0.5, 40)[0])
    return best


def maxima(
    density: Callable[[float, Array], Array], y: Array, low: float, high: float, steps: int
) -> tuple[Array, Array]:
    """Per column of y the highest value and the number of local maxima inside."""
    grid = np.linspace(low, high, steps)
    values = np.array([density(x, y) for x in grid])
    best = values.max(axis=0)
    padded = np.pad(values, ((1, 1), (0, 0)), constant_values=-np.inf)
    peaks = (values >= padded[:-2]) & (values >= padded[2:])
    for i, c in np.argwhere(peaks):
        found = minimize_scalar(
            lambda x, c=c: -density(x, y[:, c : c + 1])[0],
            bounds=(grid[max(i - 1, 0)], grid[min(i + 1, steps - 1)]),
            method="bounded",
            options={"xatol": 1e-6},
        )
        best[c] = max(best[c], -found.fun)
    return best, peaks[1:-1].sum(axis=0)


def log_density(kernel: Array, y: Array) -> Array:
    """log N(y; 0, (I + kernel)/beta) per column, at the best beta the floor allows."""
    n = len(y)
    factor = cho_factor(np.eye(n) + kernel, lower=True)
    q = (y * cho_solve(factor, y)).sum(axis=0)
    beta = n / np.maximum(q, FLOOR * (y**2).sum(axis=0))
    log_det = 2.0 * np.log(np.diag(factor[0])).sum()
    return 0.5 * (n * np.log(beta) - log_det - beta * q - n * np.log(2.0 * np.pi))


class ExactDensity:
    """The same in 50 digits, at exp(log_t) times the largest eigenvalue of F F^T."""

    def __init__(self, f: Array) -> None:
        mpmath.mp.dps = 50
        matrix = mpmath.matrix(f.tolist())
        kernel = matrix * matrix.T
        self.kernel = kernel / max(mpmath.eigsy(kernel, eigvals_only=True))

    def __call__(self, log_t: float, y: Array) -> Array:
        n = len(y)
        factor = mpmath.cholesky(mpmath.eye(n) + self.kernel * mpmath.exp(-log_t))
        log_det = 2 * mpmath.fsum(mpmath.log(factor[i, i]) for i in range(n))
        return np.array([self._column(factor, log_det, column.tolist()) for column in y.T])

    def _column(self, factor: mpmath.matrix, log_det: mpmath.mpf, y: list[float]) -> float:
        n = len(y)
        z: list[mpmath.mpf] = []
        for i in range(n):
            z.append((y[i] - mpmath.fsum(factor[i, j] * z[j] for j in range(i))) / factor[i, i])
        q = mpmath.fsum(v * v for v in z)
        floor = FLOOR * mpmath.fsum(mpmath.mpf(v) ** 2 for v in y)
        beta = n / max(q, floor)
        return float(
            (n * mpmath.log(beta) - log_det - beta * q - n * mpmath.log(2 * mpmath.pi)) / 2
        )
