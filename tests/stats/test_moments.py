import itertools

import numpy as np
import pytest

from lifthouse.statistics.adjustment import adjusted_comparison
from lifthouse.statistics.moments import Moments, packed_pairs
from lifthouse.statistics.reasons import Reason

RNG = np.random.default_rng(11)


def sums_of(values, pivot):
    """What SQL delivers: count, sums about the pivot, packed products."""
    shifted = values - pivot
    products = [(shifted[:, i] * shifted[:, j]).sum() for i, j in packed_pairs(values.shape[1])]
    return len(values), shifted.sum(axis=0), products


def test_a_small_variance_on_a_large_mean_keeps_six_digits():
    values = RNG.normal(1e6, 1.0, size=(50_000, 2))
    count, sums, products = sums_of(values, 1e6 + 3)
    moments = Moments.from_sums([count], [sums], [products], pivot=1e6 + 3)
    np.testing.assert_allclose(moments.covariance[0], np.cov(values.T), rtol=1e-9)
    np.testing.assert_allclose(moments.mean[0], values.mean(axis=0), rtol=1e-12)


def test_merging_is_adding():
    values = RNG.lognormal(size=(900, 3))
    cuts = [0, 1, 250, 251, 900]
    parts = [sums_of(values[start:end], 0.7) for start, end in itertools.pairwise(cuts)]
    count, sums, products = (np.array([part[item] for part in parts], float) for item in range(3))
    added = Moments.from_sums([count.sum()], [sums.sum(axis=0)], [products.sum(axis=0)], pivot=0.7)
    slices = Moments.from_sums(count, sums, products, pivot=0.7)
    merged = slices[:1]
    for row in range(1, 4):
        merged = merged.merged(slices[row : row + 1])
    for other in (merged, slices.merged_within(np.zeros(4, int), 1), Moments.from_values(values)):
        np.testing.assert_allclose(other.mean, added.mean, rtol=1e-12)
        np.testing.assert_allclose(other.covariance, added.covariance, rtol=1e-12)
    np.testing.assert_allclose(added.covariance[0], np.cov(values.T), rtol=1e-12)


def test_slices_with_no_or_one_unit_merge():
    values = np.array([[2.0], [5.0]])
    empty = Moments.from_sums([0.0], [[0.0]], [[0.0]])
    parts = [empty, Moments.from_values(values[:1]), empty, Moments.from_values(values[1:])]
    names = ("count", "mean", "covariance")
    stacked = Moments(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    merged = stacked.merged_within(np.array([0, 0, 1, 0]), 2)
    np.testing.assert_allclose(merged.mean, [[3.5], [np.nan]])
    np.testing.assert_allclose(merged.covariance, [[[4.5]], [[np.nan]]])


def test_a_constant_has_no_variance_however_many_add_up():
    values = np.full((100_000, 1), 0.1)
    count, sums, products = sums_of(values, 0.0)
    assert Moments.from_sums([count], [sums], [products]).covariance.item() == 0.0


def test_arms_in_which_nobody_did_anything_are_equal_however_the_rows_were_added():
    bought, before = np.zeros(100_000), RNG.exponential(size=100_000)
    values, pivot = np.stack([bought, before], axis=1), np.array([0.0123, 1.0])
    daily = [sums_of(day, pivot) for day in np.array_split(values, 37)]
    at_once = sums_of(values[:70_000], pivot)
    control = Moments.from_sums(
        [sum(count for count, _, _ in daily)],
        [np.sum([sums for _, sums, _ in daily], axis=0)],
        [np.sum([products for _, _, products in daily], axis=0)],
        pivot=pivot,
    )
    treatment = Moments.from_sums([at_once[0]], [at_once[1]], [at_once[2]], pivot=pivot)

    adjusted = adjusted_comparison(control, treatment, [1])

    assert control.mean[0, 0] == treatment.mean[0, 0] == 0.0
    assert adjusted.reason.tolist() == [Reason.ZERO_VARIANCE]


def test_linear_combinations():
    values = RNG.normal(size=(300, 3))
    weights = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, 1.0]])
    combined = Moments.from_values(values).linear(weights)
    np.testing.assert_allclose(combined.mean, Moments.from_values(values @ weights.T).mean)
    np.testing.assert_allclose(combined.covariance, Moments.from_values(values @ weights.T).covariance)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"must be \(n,\), \(n, k\), \(n, k, k\)"):
        Moments(np.ones(2), np.ones((2, 1)), np.ones((2, 2, 2)))
