"""Comparisons within strata, put together: post-stratification, and experiments whose allocation changed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lifthouse.statistics.comparison import (
    Comparison,
    comparison_reason,
    estimate,
    gradient,
    variance_of,
    with_spread,
)
from lifthouse.statistics.moments import Moments, grouped_sum
from lifthouse.statistics.reasons import Floats, Reason


def stratified_comparison(
    control: Moments,
    treatment: Moments,
    groups: npt.NDArray[np.integer],
    n_groups: int,
    *,
    numerator: int = 0,
    denominator: int | None = None,
) -> Comparison:
    """Compare two arms after post-stratification: strata weighted by their share of both arms' units.

    A stratum with fewer than two units in an arm joins its comparison's largest stratum.

    Args:
        control: Moments of the control arm, one row a stratum of a comparison.
        treatment: The same rows of the treatment arm.
        groups: Comparison each row belongs to, in [0, n_groups), shape (n_rows,).
        n_groups: Number of comparisons.
        numerator: Position of the metric.
        denominator: Position of a ratio's denominator; None for a mean.

    Returns:
        One row a comparison. The variance counts the chance of the strata's sizes too.

    References:
        Miratrix, Sekhon, Yu (2013), Adjusting treatment effect estimates by post-stratification in randomized
        experiments. Journal of the Royal Statistical Society B 75.

    Example:
        >>> control = Moments.from_values([[[0.0], [1.0]], [[10.0], [11.0]]])
        >>> treatment = Moments.from_values([[[1.0], [2.0]], [[11.0], [12.0]]])
        >>> both = stratified_comparison(control, treatment, np.array([0, 0]), 1)
        >>> both.effect.tolist(), both.variance.round(3).tolist()
        ([1.0], [0.25])

    """
    rows, n_rows = _joined_strata(control, treatment, groups, n_groups)
    merged = [arm.merged_within(rows, n_rows) for arm in (control, treatment)]
    arms = with_spread(*merged, numerator=numerator, denominator=denominator)
    of = np.zeros(n_rows, dtype=np.intp)
    of[rows] = groups
    units = arms[0].count + arms[1].count
    total = grouped_sum(units, of, n_groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(units > 0, units / total[of], 0.0)
    filled = share > 0
    means = [grouped_sum(share[:, None] * np.where(filled[:, None], arm.mean, 0.0), of, n_groups) for arm in arms]
    centred = [np.where(filled[:, None], arm.mean - mean[of], 0.0) for arm, mean in zip(arms, means, strict=True)]
    counts = [grouped_sum(arm.count, of, n_groups) for arm in arms]
    values, slopes, reasons = [], [], []
    for mean, count in zip(means, counts, strict=True):
        whole = Moments(count, mean, np.zeros((n_groups, mean.shape[1], mean.shape[1])))
        value, weights = gradient(whole, numerator, denominator)
        values.append(value)
        slopes.append(weights)
        reasons.append(estimate(whole, numerator=numerator, denominator=denominator).reason)
    within = [
        np.where(filled, share**2 * variance_of(weights[of], arm.covariance) / np.maximum(arm.count, 1), 0.0)
        for arm, weights in zip(arms, slopes, strict=True)
    ]
    steps = [np.einsum("ni,ni->n", step, weights[of]) for step, weights in zip(centred, slopes, strict=True)]
    sizes = np.maximum(total, 1)
    lacking = filled & (np.minimum(arms[0].count, arms[1].count) < 2)
    too_small = np.bincount(of[lacking], minlength=n_groups) > 0
    between = grouped_sum(share * (steps[1] - steps[0]) ** 2, of, n_groups) / sizes
    control_variance = grouped_sum(within[0], of, n_groups)
    variance = control_variance + grouped_sum(within[1], of, n_groups) + between
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(filled, within[0] ** 2 / (arms[0].count - 1) + within[1] ** 2 / (arms[1].count - 1), 0.0)
        degrees = variance**2 / grouped_sum(spread, of, n_groups)
    return Comparison(
        count_control=counts[0],
        count_treatment=counts[1],
        mean_control=values[0],
        mean_treatment=values[1],
        effect=values[1] - values[0],
        variance=variance,
        baseline=values[0],
        baseline_variance=control_variance + grouped_sum(share * steps[0] ** 2, of, n_groups) / sizes,
        covariance=grouped_sum(share * (steps[1] - steps[0]) * steps[0], of, n_groups) / sizes - control_variance,
        degrees_of_freedom=degrees,
        reason=np.where(too_small, Reason.TOO_FEW_UNITS, comparison_reason(variance, *reasons)).astype(np.int8),
    )


def combined_comparison(comparisons: Comparison, groups: npt.NDArray[np.integer], n_groups: int) -> Comparison:
    """Combine comparisons within strata in which units were allocated differently, such as the phases of a ramp.

    Strata are weighted by their units and the weights count as known: the effect is the average over the units that
    were there. A stratum that does not vary counts with the variance zero: without those in which nothing happened,
    what is rare would look frequent. One with another reason, such as too few units or a denominator of zero, says
    nothing of the effect and is left out with its units; if none is left, their reason is the group's.

    Args:
        comparisons: One row a stratum of a group, adjusted or not.
        groups: Group of each row, in [0, n_groups), shape (n_rows,).
        n_groups: Number of groups.

    Returns:
        One row a group. It has the reason zero_variance where no stratum varies.

    References:
        Crook, Frasca, Kohavi, Longbotham (2009), Seven pitfalls to avoid when running controlled experiments on the
        web. KDD, on Simpson's paradox in ramp-ups.

    Example:
        >>> from lifthouse.statistics.comparison import compare
        >>> control = Moments.from_values([[[0.0], [1.0]], [[10.0], [11.0]]])
        >>> treatment = Moments.from_values([[[1.0], [2.0]], [[11.0], [12.0]]])
        >>> combined_comparison(compare(control, treatment), np.array([0, 0]), 1).effect.tolist()
        [1.0]

    """
    counted = (comparisons.reason == Reason.NONE) | (comparisons.reason == Reason.ZERO_VARIANCE)
    units = np.where(counted, comparisons.count_control + comparisons.count_treatment, 0.0)
    total = grouped_sum(units, groups, n_groups)
    shown = counted | (total == 0)[groups]
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(units > 0, units / total[groups], 0.0)

    def weighted(values: Floats, power: int = 1) -> Floats:
        return grouped_sum(
            np.where(weights > 0, weights**power * np.where(weights > 0, values, 0.0), 0.0), groups, n_groups
        )

    variance = weighted(comparisons.variance, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(comparisons.variance > 0, comparisons.variance**2 / comparisons.degrees_of_freedom, 0.0)
        degrees = variance**2 / weighted(shares, 4)
    failed = np.full(n_groups, Reason.TOO_FEW_UNITS, dtype=np.int8)
    np.maximum.at(failed, groups, comparisons.reason)
    reason = np.where(total > 0, np.where(variance == 0, Reason.ZERO_VARIANCE, Reason.NONE), failed).astype(np.int8)
    return Comparison(
        count_control=grouped_sum(np.where(shown, comparisons.count_control, 0.0), groups, n_groups),
        count_treatment=grouped_sum(np.where(shown, comparisons.count_treatment, 0.0), groups, n_groups),
        mean_control=weighted(comparisons.mean_control),
        mean_treatment=weighted(comparisons.mean_treatment),
        effect=weighted(comparisons.effect),
        variance=variance,
        baseline=weighted(comparisons.baseline),
        baseline_variance=weighted(comparisons.baseline_variance, 2),
        covariance=weighted(comparisons.covariance, 2),
        degrees_of_freedom=degrees,
        reason=reason,
    )


def _joined_strata(
    control: Moments, treatment: Moments, groups: npt.NDArray[np.integer], n_groups: int
) -> tuple[npt.NDArray[np.intp], int]:
    """Find the new row of each stratum: its own, or the largest stratum's of its comparison if it is too small."""
    units = control.count + treatment.count
    order = np.lexsort((units, groups))
    largest = np.full(n_groups, -1, dtype=np.intp)
    largest[groups[order]] = order
    small = np.minimum(control.count, treatment.count) < 2
    target = np.where(small, largest[groups], np.arange(len(units)))
    kept, rows = np.unique(target, return_inverse=True)
    return rows.astype(np.intp), len(kept)
