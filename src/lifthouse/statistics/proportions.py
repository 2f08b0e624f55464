"""Two proportions: pooled z and chi-square, with intervals that invert that very test.

The score interval of the difference (Mee) and of the ratio (Koopman) hold all values the score test does not reject.
At no effect the score test is the pooled z test, which squared is the chi-square. So these three agree by
construction, as Welch and Fieller do for means.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from lifthouse.statistics.effects import Effect
from lifthouse.statistics.reasons import (
    Alternative,
    Floats,
    Reason,
    check_choice,
    check_rate,
    first_reason,
    nulled,
)

_STEPS = 48  # halvings of the bracket: bounds to 1e-14


def compare_proportions(
    successes_control: npt.ArrayLike,
    count_control: npt.ArrayLike,
    successes_treatment: npt.ArrayLike,
    count_treatment: npt.ArrayLike,
    *,
    alternative: Alternative = "two-sided",
    confidence: float = 0.95,
) -> Effect:
    """Score test and score intervals of two proportions.

    Args:
        successes_control: Units that did it, in control, shape (n,).
        count_control: Units in control, shape (n,).
        successes_treatment: The same in treatment.
        count_treatment: The same in treatment.
        alternative: What is tested against no effect.
        confidence: Level of the intervals.

    Returns:
        Effects; `statistic` is the pooled z, whose square is the chi-square without correction, and `standard_error`
        is that of the pooled test.

    Raises:
        ValueError: If an option is not one of those listed.

    References:
        Mee (1984), Confidence bounds for the difference between two probabilities. Biometrics 40.
        Koopman (1984), Confidence intervals for the ratio of two binomial proportions. Biometrics 40.
        Miettinen, Nurminen (1985), Comparative analysis of two rates. Statistics in Medicine 4.

    Example:
        >>> effect = compare_proportions([20], [100], [35], [100])
        >>> effect.p_value.round(4).tolist(), effect.absolute_ci_lower.round(4).tolist()
        ([0.0175], [0.0266])

    """
    check_choice("alternative", alternative, ("two-sided", "greater", "less"))
    check_rate("confidence", confidence)
    x_c, n_c, x_t, n_t = np.broadcast_arrays(
        *(np.asarray(part, float) for part in (successes_control, count_control, successes_treatment, count_treatment))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        p_c, p_t, pooled = x_c / n_c, x_t / n_t, (x_c + x_t) / (n_c + n_t)
        error = np.sqrt(pooled * (1 - pooled) * (1 / n_c + 1 / n_t))
        difference = p_t - p_c
        statistic = difference / error
    reason = first_reason(
        len(x_c),
        (np.minimum(n_c, n_t) < 1, Reason.TOO_FEW_UNITS),
        (~((x_c >= 0) & (x_t >= 0) & (x_c <= n_c) & (x_t <= n_t)), Reason.INVALID_MOMENTS),
        ((pooled == 0) | (pooled == 1), Reason.ZERO_VARIANCE),
    )
    relative_reason = np.where(
        reason != Reason.NONE, reason, first_reason(len(x_c), (x_c == 0, Reason.ZERO_DENOMINATOR))
    )
    alpha = 1 - confidence
    tail = alpha / 2 if alternative == "two-sided" else alpha
    critical = -special.ndtri(tail)
    above, below = statistic > critical, statistic < -critical

    def difference_excess(value: Floats) -> Floats:
        return _difference_statistic(x_c, n_c, x_t, n_t, value)

    def ratio_excess(share: Floats) -> Floats:
        return _ratio_statistic(x_c, n_c, x_t, n_t, share / (1 - share))

    with np.errstate(divide="ignore", invalid="ignore"):
        lower = _bisected(
            difference_excess,
            critical,
            np.where(above, 0.0, -1.0),
            np.where(above, difference, np.minimum(difference, 0)),
        )
        upper = _bisected(
            difference_excess,
            -critical,
            np.where(below, difference, np.maximum(difference, 0)),
            np.where(below, 0.0, 1.0),
        )
        # Ratios r are searched as r / (1 + r), in which no effect is 1/2.
        ratio = p_t / (p_t + p_c)
        relative_lower = _bisected(
            ratio_excess, critical, np.where(above, 0.5, 0.0), np.where(above, ratio, np.minimum(ratio, 0.5))
        )
        relative_upper = _bisected(
            ratio_excess, -critical, np.where(below, ratio, np.maximum(ratio, 0.5)), np.where(below, 0.5, 1.0)
        )
        relative_lower, relative_upper = (share / (1 - share) - 1 for share in (relative_lower, relative_upper))
    if alternative == "two-sided":
        significant, p_value = above | below, 2 * special.ndtr(-np.abs(statistic))
    elif alternative == "greater":
        significant, p_value = above, special.ndtr(-statistic)
        upper = relative_upper = np.full_like(upper, np.inf)
    else:
        significant, p_value = below, special.ndtr(statistic)
        lower = relative_lower = np.full_like(lower, -np.inf)
    p_value = np.where(significant, np.minimum(p_value, np.nextafter(alpha, 0)), np.maximum(p_value, alpha))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = difference / p_c
    return Effect(
        count_control=n_c,
        count_treatment=n_t,
        mean_control=nulled(p_c, reason),
        mean_treatment=nulled(p_t, reason),
        absolute_effect=nulled(difference, reason),
        absolute_ci_lower=nulled(lower, reason),
        absolute_ci_upper=nulled(upper, reason),
        relative_effect=nulled(relative, relative_reason),
        relative_ci_lower=nulled(relative_lower, relative_reason),
        relative_ci_upper=nulled(relative_upper, relative_reason),
        standard_error=nulled(error, reason),
        statistic=nulled(statistic, reason),
        degrees_of_freedom=nulled(np.full_like(error, np.inf), reason),
        p_value=nulled(p_value, reason),
        is_significant=significant & (reason == Reason.NONE),
        reason=reason,
        relative_reason=relative_reason.astype(np.int8),
    )


def chi_square(counts: npt.ArrayLike, *, correction: bool = False) -> tuple[Floats, Floats, Floats]:
    """Pearson's test of independence in n tables.

    Args:
        counts: Shape (n, rows, columns), such as variants by outcomes; empty rows and columns are left out.
        correction: Yates's continuity correction, applied to two by two tables only.

    Returns:
        Statistic, degrees of freedom, p-value, each of shape (n,); NaN where fewer than two rows or columns hold
        units.

    References:
        Pearson (1900), Philosophical Magazine 50. Yates (1934), Supplement to the JRSS 1.

    Example:
        >>> [part.round(4).tolist() for part in chi_square([[[80, 20], [65, 35]]])]
        [[5.6426], [1.0], [0.0175]]

    """
    counts = np.asarray(counts, float)
    rows, columns = counts.sum(axis=2), counts.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = rows[:, :, None] * columns[:, None, :] / counts.sum(axis=(1, 2))[:, None, None]
        gap = np.abs(counts - expected)
        if correction and counts.shape[1:] == (2, 2):
            gap = np.maximum(gap - 0.5, 0.0)
        statistic = np.where(expected > 0, gap**2 / expected, 0.0).sum(axis=(1, 2))
    # An empty table lacks a row and a column, and -1 times -1 is no freedom.
    degrees = np.maximum((rows > 0).sum(axis=1) - 1.0, 0.0) * np.maximum((columns > 0).sum(axis=1) - 1.0, 0.0)
    known = degrees > 0
    statistic = np.where(known, statistic, np.nan)
    return (
        statistic,
        np.where(known, degrees, np.nan),
        np.asarray(special.chdtrc(np.where(known, degrees, 1), statistic)),
    )


def wilson_interval(
    successes: npt.ArrayLike, count: npt.ArrayLike, *, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Wilson's score interval of one proportion, shape (n,) each.

    References:
        Wilson (1927), Journal of the American Statistical Association 22.

    Example:
        >>> [bound.round(4).tolist() for bound in wilson_interval([8], [10])]
        [[0.4902], [0.9433]]

    """
    check_rate("confidence", confidence)
    successes, count = np.asarray(successes, float), np.asarray(count, float)
    square = special.ndtri((1 + confidence) / 2) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (successes + square / 2) / (count + square)
        reach = np.sqrt(square * (successes * (count - successes) / count + square / 4)) / (count + square)
    return centre - reach, centre + reach


def _bisected(function: Callable[[Floats], Floats], target: float, low: Floats, high: Floats) -> Floats:
    """Where a falling function passes the target, within a bracket for each row."""
    low, high = low.copy(), high.copy()
    for _ in range(_STEPS):
        middle = (low + high) / 2
        beyond = function(middle) > target
        low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
    return (low + high) / 2


def _difference_statistic(x_c: Floats, n_c: Floats, x_t: Floats, n_t: Floats, value: Floats) -> Floats:
    """Score statistic of `p_t - p_c = value`: the restricted estimate is a cubic's middle root, in closed form."""
    # Of the rarer outcome the shares are small and keep their digits.
    is_common = 2 * (x_c + x_t) > n_c + n_t
    control = _restricted_control(
        np.where(is_common, n_c - x_c, x_c),
        n_c,
        np.where(is_common, n_t - x_t, x_t),
        n_t,
        np.where(is_common, -value, value),
    )
    treatment = control + np.where(is_common, -value, value)
    variance = treatment * (1 - treatment) / n_t + control * (1 - control) / n_c
    return _standardised(x_t / n_t - x_c / n_c - value, variance)


def _restricted_control(x_c: Floats, n_c: Floats, x_t: Floats, n_t: Floats, value: Floats) -> Floats:
    """Share in control that is likeliest where `p_t - p_c = value`."""
    total = n_c + n_t
    square = ((n_t + 2 * n_c) * value - total - (x_c + x_t)) / total
    linear = ((n_c * value - total - 2 * x_c) * value + x_c + x_t) / total
    constant = x_c * value * (1 - value) / total
    q = (square / 3) ** 3 - linear * square / 6 + constant / 2
    p = np.where(q < 0, -1.0, 1.0) * np.sqrt(np.maximum((square / 3) ** 2 - linear / 3, 0))
    angle = np.arccos(np.clip(np.where(p == 0, 0.0, q / p**3), -1, 1)) / 3
    middle = 2 * p * np.cos(np.pi / 3 + angle) - square / 3
    # Where the other two are small and close together, the largest root is exact, and they solve a quadratic.
    largest = 2 * p * np.cos(np.pi + angle) - square / 3
    product = -constant / largest
    both = (linear - product) / largest
    apart = np.sqrt(np.maximum(both**2 - 4 * product, 0))
    larger = np.where(both > 0, (both + apart) / 2, 2 * product / (both - apart))
    return np.asarray(np.clip(np.where(q < 0, larger, middle), np.maximum(0, -value), np.minimum(1, 1 - value)))


def _ratio_statistic(x_c: Floats, n_c: Floats, x_t: Floats, n_t: Floats, ratio: Floats) -> Floats:
    """Score statistic of `p_t / p_c = ratio`: the restricted estimate solves a quadratic."""
    square, linear = (n_c + n_t) * ratio, -(n_t * ratio + x_t + n_c + x_c * ratio)
    constant = x_c + x_t
    control = 2 * constant / (-linear + np.sqrt(np.maximum(linear**2 - 4 * square * constant, 0)))
    treatment = np.minimum(ratio * control, 1.0)
    variance = treatment * (1 - treatment) / n_t + ratio**2 * control * (1 - control) / n_c
    return _standardised(x_t / n_t - ratio * x_c / n_c, variance)


def _standardised(gap: Floats, variance: Floats) -> Floats:
    return np.where(variance > 0, gap / np.sqrt(np.maximum(variance, 0)), np.sign(gap) * np.inf)
