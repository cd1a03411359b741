"""Scores of low-rank maps f(z) = c x + P Q^T z + b, without decomposing anything of theirs.

With the target's features A of x and Z of all that maps read (basis.py; Z = A without views),
F = c A + G H^T for G = [Z Q, e] and H = [P, b], where e is the direction in which a bias moves all
rows; with intercept there is none, and G = Z Q, H = P.
Divided by c, F F^T is A A^T, which is diagonal, plus U M U^T for U = [A H, G / c] =: [a, g] and
M = [[0, I], [I, K]], K = H^T H. So the Woodbury identity and the matrix determinant lemma give the
log determinant and q(t) (profile.py) from products of a, g and Y with (t + A A^T)^-1 in between:
I + M U^T (...) U has the determinant of [[B, g'g], [a'a - K, B^T]] with B = I + g'a, which is
solved by blocks.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.scoring.basis import TargetBasis
from esm_client.core.scoring.design import TargetDesign
from esm_client.core.scoring.maximum import GRID_STEP, highest

Array = NDArray[np.float64]

SMALLEST_T, LARGEST_T = 1e-7, 1e5
"""Range of t/c^2 in units of the target's largest sigma: below it the indefinite M loses digits
for maps that remove the target's largest directions; beyond it lies the null model."""
LARGEST_TRACE = 1e3
"""Of F F^T / c^2, in the same units: maps beyond it have maxima beyond LARGEST_T."""
LARGEST_RANK, LARGEST_SHARE = 64, 6
"""Beyond this rank, or a sixth of D, a map is decomposed in less time than these products take, and
in less memory (measured with numpy, D of 384 and 768)."""
PRECISION = 1e-7
COARSE = (0.5, 2, 1e-9)
"""Step in log sigma, points and smallest sigma of the coarse look, in which 1/(t + sigma) is taken
as linear between knots: it errs by less than half a hundredth."""
FINE, FINE_FROM = (0.2, 8, 1e-15), 12
"""The same, with an error below 1e-8: from so many label columns on, whose maxima lie far apart,
sums at knots serve every t and are cheaper than the products for each."""


class LowRankScorer:
    """One target, ready for batch after batch of low-rank maps.

    `xp` is the namespace of the arrays: numpy, or one that follows the array API standard, with
    the device to work on. dimension: D, where the design holds views as well.
    """

    def __init__(
        self, design: TargetDesign, xp: Any = np, device: Any = None, dimension: int | None = None
    ) -> None:
        self._design, self.xp, self._device = design, xp, device
        self.basis = basis = TargetBasis.of(design, dimension)
        self.rows = self.put(basis.rows)
        self.read = self.rows if basis.read is basis.rows else self.put(basis.read)
        self.sigma = self.put(basis.sigma)
        self.labels = self.put(basis.labels.inside)
        self.squares = self.put(basis.labels.inside**2)
        self.residual = self.put(basis.labels.residual)
        self.constant = None if basis.constant is None else self.put(basis.constant)
        self.grid = np.arange(np.log(SMALLEST_T), np.log(LARGEST_T), GRID_STEP)
        self.knots = _Knots(basis.sigma, *COARSE)
        many = self.labels.shape[1] >= FINE_FROM
        self.fine = _Knots(basis.sigma, *FINE) if many else None

    def put(self, values: Any) -> Any:
        """An array of `xp`, in double precision; it is moved in its own."""
        moved = self.xp.asarray(values, device=self._device)
        return self.xp.asarray(moved, dtype=self.xp.float64)

    def scores(self, scale: ArrayLike, left: ArrayLike, right: ArrayLike, bias: ArrayLike) -> Array:
        """Scores (B,) of maps scale (B,), left (B, D, q), right (B, Z, q), bias (B, D).

        Numpy arrays of any float dtype. Where this way cannot be trusted, as for an optimum below
        SMALLEST_T or a scale of zero, a map is scored as a full one. Raises InvalidEmbeddings if
        its features overflow.
        """
        maps = [np.ascontiguousarray(array) for array in (scale, left, right, bias)]
        _, dimension, rank = maps[1].shape
        if self.xp is np and rank > max(LARGEST_RANK, dimension // LARGEST_SHARE):
            return np.array([self._as_full(*one) for one in zip(*maps, strict=True)])
        with np.errstate(all="ignore"):
            batch = _Batch(self, *(self.put(array) for array in maps))
            gain, ceiling = batch.coarse()
            gain = highest(self.grid, gain, batch.exact, ceiling, precision=PRECISION)
            found = self.basis.labels.score(gain)
        usable = np.isfinite(found) & (maps[0] != 0.0) & (batch.trace() < LARGEST_TRACE)
        for index in np.flatnonzero(~usable):
            found[index] = self._as_full(*(array[index] for array in maps))
        return found

    def _as_full(self, *parts: Any) -> float:
        scale, left, right, bias = (np.asarray(part, dtype=np.float64) for part in parts)
        weight = scale * np.eye(len(left), len(right)) + left @ right.T
        return self._design.mean_log_evidence(weight, bias)


class _Batch:
    """What of some maps depends on no t, and their profiles."""

    def __init__(self, target: LowRankScorer, scale: Any, left: Any, right: Any, bias: Any) -> None:
        self._target, self._xp = target, target.xp
        xp, count = self._xp, left.shape[0]
        inner = target.read @ right
        if target.constant is not None:
            along = xp.broadcast_to(target.constant[None, :, None], (*inner.shape[:2], 1))
            inner = xp.concat([inner, along], axis=2)
            left = xp.concat([left, bias[:, :, None]], axis=2)
        inner = inner / xp.where(scale == 0.0, 1.0, scale)[:, None, None]
        outer = target.rows @ left
        # P and Q may be scaled against each other at will: here both sides weigh the same
        ratio = _length(xp, inner) / _length(xp, outer)
        balance = xp.sqrt(xp.where(xp.isfinite(ratio) & (ratio > 0.0), ratio, 1.0))[:, None, :]
        left, outer, inner = left * balance, outer * balance, inner / balance
        self._corner = left.mT @ left
        labels = xp.broadcast_to(target.labels, (count, *target.labels.shape))
        self._rank = left.shape[2]
        self._all = xp.concat([outer, inner, labels], axis=2)  # [a, g, Y] (B, k, 2q + C)
        self._fine: Any = None if target.fine is None else self._sums(target.fine)

    def trace(self) -> Array:
        """Trace (B,) of F F^T / c^2, above its largest sigma."""
        xp, rank = self._xp, self._rank
        outer, inner = self._all[..., :rank], self._all[..., rank : 2 * rank]
        added = xp.sum((2.0 * outer + inner @ self._corner) * inner, axis=(1, 2))
        return _to_numpy(added + xp.sum(self._target.sigma))

    def coarse(self) -> tuple[Array, Array]:
        """Gains (B, n, C) on the grid, from sums over directions of like sigma; their ceiling."""
        target = self._target
        t = np.tile(np.exp(target.grid), (self._all.shape[0], 1))
        knots = target.fine or target.knots
        sums = self._sums(knots) if self._fine is None else self._fine
        gain, log_det = self._gain(self._corner, self._from(knots, sums, t), target.put(t))
        null = gain.argmax(axis=1) == t.shape[1] - 1  # where small errors decide
        lost = np.isnan(gain).any(axis=(1, 2))
        if target.fine is None:
            lost |= null.any(axis=1)
        if (rows := np.flatnonzero(lost)).size:
            gain[rows] = self._by_products(rows, np.tile(target.grid, (rows.size, 1)))
        labels = target.basis.labels
        ceiling = -0.5 * (labels.num_rows * np.log(labels.residual) + log_det[:, :1])
        return gain, ceiling

    def exact(self, rows: NDArray[np.intp], log_t: Array) -> Array:
        """Gains (R, n, C) of the maps `rows` at log t (R, n)."""
        target = self._target
        if target.fine is None:
            return self._by_products(rows, log_t)
        index, t = self._index(rows), np.exp(log_t)
        products = self._from(target.fine, self._fine[index], t)
        return self._gain(self._corner[index], products, target.put(t))[0]

    def _by_products(self, rows: NDArray[np.intp], log_t: Array) -> Array:
        target, xp = self._target, self._xp
        index = self._index(rows)
        every, t = self._all[index], target.put(np.exp(log_t))
        turned = every[..., : 2 * self._rank].mT
        weights = 1.0 / (t[:, :, None] + target.sigma)  # (R, n, k)
        products = xp.stack(
            [turned @ (weights[:, j, :, None] * every) for j in range(t.shape[1])], axis=1
        )
        return self._gain(self._corner[index], products, t)[0]

    def _index(self, rows: NDArray[np.intp]) -> Any:
        return slice(None) if len(rows) == self._all.shape[0] else self._xp.asarray(rows)

    def _sums(self, knots: "_Knots") -> Any:
        xp, rank = self._xp, self._rank
        return knots.sums(xp, self._target.put, self._all[..., : 2 * rank], self._all)

    def _from(self, knots: "_Knots", sums: Any, t: Array) -> Any:
        """Products (R, n, 2q, 2q + C) at t (R, n) from sums (R, J, 2q, 2q + C) at knots."""
        weights = self._target.put(1.0 / (t[:, :, np.newaxis] + knots.sigma))
        flat = weights @ self._xp.reshape(sums, (*sums.shape[:2], -1))
        return self._xp.reshape(flat, (*t.shape, *sums.shape[2:]))

    def _gain(self, corner: Any, products: Any, t: Any) -> tuple[Array, Array]:
        """From [a, g]' (t + A A^T)^-1 [a, g, Y] (R, n, 2q, 2q + C): gains, log det (R, n)."""
        target, xp, rank = self._target, self._xp, self._rank
        upper, lower = products[:, :, :rank, :], products[:, :, rank:, :]
        unit = xp.eye(rank, dtype=products.dtype, device=products.device)
        block = unit + lower[..., :rank]  # B
        solved = xp.linalg.solve(block, lower[..., rank:])  # of [g'g, g'Y]
        carried = (upper[..., :rank] - corner[:, None]) @ solved
        rest = block.mT - carried[..., :rank]
        second = xp.linalg.solve(rest, upper[..., 2 * rank :] - carried[..., rank:])
        first = solved[..., rank:] - solved[..., :rank] @ second
        signs, log_dets = xp.linalg.slogdet(xp.stack([block, rest], axis=2))
        weights = 1.0 / (t[:, :, None] + target.sigma)
        explained = weights @ target.squares - xp.sum(
            upper[..., 2 * rank :] * first + lower[..., 2 * rank :] * second, axis=2
        )
        q = target.residual + t[:, :, None] * explained
        log_det = xp.sum(log_dets, axis=2) - xp.sum(xp.log(t[:, :, None] * weights), axis=2)
        right = (xp.prod(signs, axis=2) > 0)[:, :, None] & (q > 0.0)
        num_rows = target.basis.labels.num_rows
        gain = -0.5 * (num_rows * xp.log(xp.where(right, q, 1.0)) + log_det[..., None])
        return _to_numpy(xp.where(right, gain, xp.nan)), _to_numpy(log_det)


class _Knots:
    """Values of sigma a step apart in logarithms, and how directions in between share theirs.

    A function of log sigma at a direction is a sum over `order` knots around it (Lagrange).
    """

    def __init__(self, sigma: Array, step: float, order: int, smallest: float) -> None:
        place = -np.log(np.maximum(sigma, smallest)) / step  # ascends from 0
        before = order // 2 - 1
        offsets = np.arange(order) - before
        cell = np.floor(place).astype(np.intp)
        apart = (place - cell)[:, np.newaxis] - offsets
        shares = np.ones((len(place), order))
        for i in range(order):
            for other in range(order):
                if other != i:
                    shares[:, i] *= apart[:, other] / (offsets[i] - offsets[other])
        cells, starts = np.unique(cell, return_index=True)
        used = np.unique(cells[:, np.newaxis] + np.arange(order))
        self.sigma = np.exp(-step * (used - before))
        begins: list[int] = starts.tolist()
        around: list[list[int]] = np.searchsorted(
            used, cells[:, np.newaxis] + np.arange(order)
        ).tolist()
        self._parts = [
            (slice(start, stop), shares[start:stop], knots)
            for knots, start, stop in zip(around, begins, [*begins[1:], len(place)], strict=True)
        ]

    def sums(self, xp: Any, put: Any, u: Any, uy: Any) -> Any:
        """Sums (B, J, 2q, 2q + C) of u_k^T uy_k over directions k, by knot."""
        empty = xp.zeros((u.shape[0], u.shape[2], uy.shape[2]), dtype=u.dtype, device=u.device)
        found = [empty] * len(self.sigma)
        for rows, shares, knots in self._parts:
            turned, part = u[:, rows].mT, uy[:, rows]
            for share, knot in zip(shares.T, knots, strict=True):
                found[knot] = found[knot] + turned @ (put(share)[:, None] * part)
        return xp.stack(found, axis=1)


def _length(xp: Any, columns: Any) -> Any:
    return xp.sqrt(xp.sum(columns**2, axis=1))


def _to_numpy(array: Any) -> Array:
    return np.asarray(array if hasattr(array, "flags") else array.cpu(), dtype=np.float64)
