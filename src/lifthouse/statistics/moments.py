"""Count, mean and covariance of a vector per unit: all that inference needs, one row a comparison's arm.

The vector of a unit is [numerator, denominator, covariates ...] in whatever order the caller keeps. SQL adds up
`value - pivot` and its products; sums about a pivot near the mean add exactly like plain sums and keep the digits of
a small variance on a large mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lifthouse.statistics.reasons import Floats

# The least share of the mean square about the pivot that a sum of few units keeps; n units lose up to n roundings.
_ROUNDING = 1e-13

# The largest mean whose fourth power is a number: intervals square variances.
_LARGEST = float(np.finfo(float).max) ** 0.25


def packed_pairs(n_values: int) -> list[tuple[int, int]]:
    """Order in which packed products are delivered: the upper triangle, row by row.

    Example:
        >>> packed_pairs(2)
        [(0, 0), (0, 1), (1, 1)]

    """
    return [(row, column) for row in range(n_values) for column in range(row, n_values)]


def unpacked(products: Floats, n_values: int) -> Floats:
    """Symmetric matrices (n, k, k) from packed upper triangles (n, k * (k + 1) / 2)."""
    rows, columns = np.array(packed_pairs(n_values)).T
    full = np.empty((len(products), n_values, n_values))
    full[:, rows, columns] = products
    full[:, columns, rows] = products
    return full


@dataclass(frozen=True)
class Moments:
    """Moments of one arm in each of n comparisons.

    Attributes:
        count: Units, shape (n,). Zero is allowed: its mean is NaN.
        mean: Means in the metric's unit, shape (n, k); NaN where count is 0.
        covariance: Sample covariances (ddof 1), shape (n, k, k); NaN where count is below 2.

    """

    count: Floats
    mean: Floats
    covariance: Floats

    def __post_init__(self) -> None:
        n_rows, n_values = self.mean.shape if self.mean.ndim == 2 else (-1, -1)
        if self.count.shape != (n_rows,) or self.covariance.shape != (n_rows, n_values, n_values):
            raise ValueError(
                f"shapes of count, mean, covariance == {self.count.shape}, {self.mean.shape}, "
                f"{self.covariance.shape}, must be (n,), (n, k), (n, k, k)"
            )

    def __len__(self) -> int:
        return len(self.count)

    @classmethod
    def from_sums(
        cls, count: npt.ArrayLike, sums: npt.ArrayLike, products: npt.ArrayLike, *, pivot: npt.ArrayLike = 0.0
    ) -> Moments:
        """Moments from the sums SQL delivers.

        Args:
            count: Units, shape (n,).
            sums: Sums of `value - pivot`, shape (n, k).
            products: Sums of `(value_i - pivot_i) * (value_j - pivot_j)`, shape (n, k, k), or packed as in
                `packed_pairs`, shape (n, k * (k + 1) / 2).
            pivot: The pivots, shape (k,) or (n, k).

        Returns:
            The moments. Where a variance is no more than rounding error of the sums, the value is constant: its
            variance is zero, and its mean is freed of that error, so that where nobody did anything it is zero. What is
            so large that variances, when squared, overflow is NaN.

        Raises:
            ValueError: If the shapes do not fit.

        References:
            Chan, Golub, LeVeque (1983), Algorithms for computing the sample variance. The American Statistician 37.

        Example:
            >>> Moments.from_sums([3], [[3.0]], [[5.0]], pivot=1e6).covariance.tolist()
            [[[1.0]]]
            >>> nothing = Moments.from_sums([3], [[-0.1 - 0.1 - 0.1]], [[0.03]], pivot=0.1)
            >>> nothing.mean.tolist(), nothing.covariance.tolist()
            ([[0.0]], [[[0.0]]])
            >>> Moments.from_sums([2], [[0.0]], [[1e200]]).covariance.tolist()
            [[[nan]]]

        """
        count, sums, products = np.asarray(count, float), np.asarray(sums, float), np.asarray(products, float)
        if products.ndim == 2:
            products = unpacked(products, sums.shape[1])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            shifted = sums / count[:, None]
            scatter = products - count[:, None, None] * shifted[:, :, None] * shifted[:, None, :]
            rounding = np.maximum(_ROUNDING, count * np.finfo(float).eps)[:, None]
            constant = np.abs(np.einsum("nii->ni", scatter)) <= rounding * np.einsum("nii->ni", products)
            scatter[constant[:, :, None] | constant[:, None, :]] = 0.0
            scatter /= (count - 1)[:, None, None]
            mean = shifted + np.asarray(pivot, float)
            mean = np.where(constant, _to_digits(mean, 10 * rounding * np.maximum(np.abs(mean), np.abs(pivot))), mean)
            too_large = (np.abs(mean) > _LARGEST) | (np.einsum("nii->ni", scatter) > _LARGEST**2)
        mean[too_large] = np.nan
        scatter[(count < 2)[:, None, None] | too_large[:, :, None] | too_large[:, None, :]] = np.nan
        return cls(count, mean, scatter)

    @classmethod
    def from_values(cls, values: npt.ArrayLike) -> Moments:
        """Moments from one row a unit: (units, k) for a single comparison, (n, units, k) for several.

        Example:
            >>> Moments.from_values([[1.0, 2.0], [3.0, 2.0]]).mean.tolist()
            [[2.0, 2.0]]

        """
        values = np.asarray(values, float)
        values = values[None] if values.ndim == 2 else values
        pivot = values[:, 0, :]
        shifted = values - pivot[:, None, :]
        count = np.full(len(values), float(values.shape[1]))
        products = np.einsum("nui,nuj->nij", shifted, shifted)
        return cls.from_sums(count, shifted.sum(axis=1), products, pivot=pivot)

    def __getitem__(self, rows: slice | npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Moments:
        return Moments(self.count[rows], self.mean[rows], self.covariance[rows])

    def merged(self, other: Moments) -> Moments:
        """Moments of both arms' units together, row by row.

        References:
            Chan, Golub, LeVeque (1983), as above.

        Example:
            >>> one, two = Moments.from_values([[1.0], [2.0]]), Moments.from_values([[3.0], [6.0]])
            >>> one.merged(two).covariance.round(4).tolist() == [[[np.var([1, 2, 3, 6], ddof=1).round(4)]]]
            True

        """
        count = self.count + other.count
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(count > 0, other.count / count, 0.0)[:, None]
        mine, theirs = _or_zero(self.mean, self.count > 0), _or_zero(other.mean, other.count > 0)
        step = theirs - mine
        between = (self.count * share[:, 0])[:, None, None] * step[:, :, None] * step[:, None, :]
        return _from_scatter(count, mine + share * step, self._scatter() + other._scatter() + between)

    def merged_within(self, groups: npt.NDArray[np.integer], n_groups: int) -> Moments:
        """Moments of all units of a group of rows, such as all segments of a comparison.

        Args:
            groups: Group of each row, in [0, n_groups), shape (n,).
            n_groups: Number of groups.

        Returns:
            One row a group, in order.

        """
        count = grouped_sum(self.count, groups, n_groups)
        mean = _or_zero(self.mean, self.count > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            centre = grouped_sum(self.count[:, None] * mean, groups, n_groups) / count[:, None]
        step = _or_zero(mean - centre[groups], self.count > 0)
        scatter = self._scatter() + self.count[:, None, None] * step[:, :, None] * step[:, None, :]
        return _from_scatter(count, centre, grouped_sum(scatter, groups, n_groups))

    def linear(self, weights: npt.ArrayLike) -> Moments:
        """Moments of linear combinations of the values.

        Args:
            weights: Shape (m, k), or (n, m, k) if they differ by row.

        Returns:
            Moments of m values.

        """
        weights = np.asarray(weights, float)
        weights = np.broadcast_to(weights, (len(self), *weights.shape[-2:]))
        mean = np.einsum("nmk,nk->nm", weights, self.mean)
        return Moments(self.count, mean, weights @ self.covariance @ np.swapaxes(weights, 1, 2))

    def with_population_covariance(self) -> Moments:
        """Give the same with ddof 0, which some peers use for proportions: p (1 - p)."""
        factor = (self.count - 1) / np.maximum(self.count, 1)
        return Moments(self.count, self.mean, self.covariance * factor[:, None, None])

    def _scatter(self) -> Floats:
        centred = self.covariance * (self.count - 1)[:, None, None]
        return _or_zero(centred, self.count > 1)


def grouped_sum(values: Floats, groups: npt.NDArray[np.integer], n_groups: int) -> Floats:
    """Sum rows by group: (n, ...) to (n_groups, ...)."""
    flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
    sums = [np.bincount(groups, column, n_groups).astype(np.float64) for column in flat.T]
    return np.stack(sums, axis=1).reshape(n_groups, *values.shape[1:])


def _to_digits(values: Floats, error: Floats) -> Floats:
    """Round to the decimal digits that an error leaves."""
    scale = 10.0 ** -np.ceil(np.log10(np.maximum(error, np.finfo(float).tiny)))
    return np.asarray(np.rint(values * scale) / scale + 0.0)  # adding it makes -0.0 a zero


def _or_zero(values: Floats, keep: npt.NDArray[np.bool_]) -> Floats:
    return np.where(keep.reshape(-1, *[1] * (values.ndim - 1)), values, 0.0)


def _from_scatter(count: Floats, mean: Floats, scatter: Floats) -> Moments:
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = np.where((count > 1)[:, None, None], scatter / (count - 1)[:, None, None], np.nan)
    return Moments(count, np.where((count > 0)[:, None], mean, np.nan), covariance)
