"""From a comparison to one verdict: p-value, absolute interval and relative interval that cannot disagree.

The relative interval is Fieller's: all ratios r that the data do not reject as `effect - r * |baseline| = 0`, with the
same standard error at r = 0, the same t quantile and the same degrees of freedom as the Welch test of the effect. It
therefore leaves out zero exactly when the test rejects and the absolute interval leaves out zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from lifthouse.statistics.comparison import Comparison
from lifthouse.statistics.reasons import (
    Alternative,
    Bools,
    Codes,
    Floats,
    Reason,
    check_choice,
    check_rate,
    first_reason,
    nulled,
)


@dataclass(frozen=True)
class Effect:
    """Treatment effects; every array has shape (n,), and NaN stands for null.

    Attributes:
        count_control: Units in control.
        count_treatment: Units in treatment.
        mean_control: Metric in control, after adjustment if any.
        mean_treatment: The same in treatment.
        absolute_effect: Treatment less control, in the metric's unit.
        absolute_ci_lower: Lower bound; -inf for the alternative "less".
        absolute_ci_upper: Upper bound; inf for the alternative "greater".
        relative_effect: Effect divided by the absolute value of the baseline, so its sign is the effect's.
        relative_ci_lower: Fieller's lower bound.
        relative_ci_upper: Fieller's upper bound.
        standard_error: Of the absolute effect.
        statistic: Effect divided by its standard error.
        degrees_of_freedom: Of the t distribution; inf where a normal is used.
        p_value: Of no effect.
        is_significant: Whether both intervals leave out zero; false where there is a reason.
        reason: Codes of `Reason`: why there is no estimate at all.
        relative_reason: Codes of `Reason`: why there is no relative effect, `reason` included.

    """

    count_control: Floats
    count_treatment: Floats
    mean_control: Floats
    mean_treatment: Floats
    absolute_effect: Floats
    absolute_ci_lower: Floats
    absolute_ci_upper: Floats
    relative_effect: Floats
    relative_ci_lower: Floats
    relative_ci_upper: Floats
    standard_error: Floats
    statistic: Floats
    degrees_of_freedom: Floats
    p_value: Floats
    is_significant: Bools
    reason: Codes
    relative_reason: Codes


def fieller_interval(
    effect: Floats,
    baseline: Floats,
    variance: Floats,
    baseline_variance: Floats,
    covariance: Floats,
    *,
    critical_value: Floats | float,
) -> tuple[Floats, Floats]:
    """Fieller's interval of `effect / |baseline|`.

    Args:
        effect: Shape (n,).
        baseline: Shape (n,).
        variance: Of the effect, shape (n,).
        baseline_variance: Shape (n,).
        covariance: Of effect and baseline, shape (n,); minus the control's variance for a difference of two arms.
        critical_value: Quantile of t or the normal, shape (n,) or a number.

    Returns:
        Lower and upper bounds, shape (n,); NaN where the baseline's own interval includes zero, since the set is
        then unbounded.

    References:
        Fieller (1954), Some problems in interval estimation. Journal of the Royal Statistical Society B 16.
        von Luxburg, Franz (2009), A geometric approach to confidence sets for ratios. Statistica Sinica 19.

    Example:
        >>> control, treatment = np.array([50.0]), np.array([55.0])
        >>> v_control, v_treatment = np.array([0.25]), np.array([0.3])
        >>> bounds = fieller_interval(
        ...     treatment - control, control, v_treatment + v_control, v_control, -v_control, critical_value=1.959964
        ... )
        >>> [round(bound.item(), 6) for bound in bounds]
        [0.069987, 0.130858]

    """
    covariance = np.where(baseline < 0, -covariance, covariance)
    size = np.abs(baseline)
    square = np.square(critical_value)
    # Bounds solve a r^2 - 2 b r + c = 0; c is written so that its sign is the absolute interval's verdict to the bit.
    # The critical value is infinite where there are no units yet, and large numbers overflow; NaN, and a reason beside
    # it, is what comes of that.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        a = size**2 - square * baseline_variance
        b = effect * size - square * covariance
        reach = critical_value * np.sqrt(np.maximum(variance, 0))
        c = (np.abs(effect) - reach) * (np.abs(effect) + reach)
        root = b + np.where(b < 0, -1.0, 1.0) * np.sqrt(np.maximum(b**2 - a * c, 0))
        one, two = root / a, np.where(root == 0, 0.0, c / root)
    bounded = a > 0
    return np.where(bounded, np.minimum(one, two), np.nan), np.where(bounded, np.maximum(one, two), np.nan)


def infer(
    comparison: Comparison,
    *,
    alternative: Alternative = "two-sided",
    confidence: float = 0.95,
    use_normal: bool = False,
) -> Effect:
    """Test a comparison and give its absolute and relative intervals at a fixed horizon.

    Args:
        comparison: From `compare`, `adjusted_comparison`, `stratified_comparison`, `compare_estimates`.
        alternative: What is tested against no effect. One-sided intervals are open at the other end.
        confidence: Level of the intervals; significant means p < 1 - confidence.
        use_normal: Use the normal instead of t, as Statsig does.

    Returns:
        The effects. Where Fieller's set is unbounded the relative numbers are null and `relative_reason` says so.

    Raises:
        ValueError: If an option is not one of those listed.

    References:
        Welch (1947), The generalization of Student's problem. Biometrika 34. Fieller (1954), as above.

    Example:
        >>> from lifthouse.statistics.comparison import compare
        >>> from lifthouse.statistics.moments import Moments
        >>> control = Moments.from_sums([3407], [[1396.87]], [[52377.9767]])
        >>> treatment = Moments.from_sums([3461], [[2422.7]], [[134698.29]])
        >>> effect = infer(compare(control, treatment))
        >>> effect.p_value.round(5).tolist(), effect.relative_ci_lower.round(3).tolist()
        ([0.02016], [0.094])

    """
    check_choice("alternative", alternative, ("two-sided", "greater", "less"))
    check_rate("confidence", confidence)
    degrees = np.full_like(comparison.variance, np.inf) if use_normal else comparison.degrees_of_freedom
    tail = (1 - confidence) / (2 if alternative == "two-sided" else 1)
    # Negating the lower quantile keeps the digits of a small tail.
    critical = np.broadcast_to(-(special.ndtri(tail) if use_normal else special.stdtrit(degrees, tail)), degrees.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = comparison.effect / np.sqrt(comparison.variance)
    return infer_with_critical_values(
        comparison,
        critical,
        p_value_of(statistic, degrees, alternative),
        confidence=confidence,
        alternative=alternative,
        degrees_of_freedom=degrees,
    )


def infer_with_critical_values(
    comparison: Comparison,
    critical: Floats,
    p_value: Floats,
    *,
    confidence: float,
    alternative: Alternative = "two-sided",
    degrees_of_freedom: Floats | float = np.inf,
) -> Effect:
    """Give the intervals that reach a number of standard errors, with their p-value: one verdict of all three.

    Args:
        comparison: From `compare`, `adjusted_comparison` and their kin.
        critical: Standard errors that the intervals reach, shape (n,).
        p_value: Below 1 - confidence exactly where the statistic is beyond `critical`, but for rounding; shape (n,).
        confidence: Level of the intervals.
        alternative: One-sided intervals are open at the other end.
        degrees_of_freedom: Of the distribution that gave both, shape (n,) or a number; inf for a normal.

    Returns:
        The effects.

    """
    reason = comparison.reason
    standard_error = np.sqrt(np.where(reason == Reason.NONE, comparison.variance, np.nan))
    lower, upper = comparison.effect - critical * standard_error, comparison.effect + critical * standard_error
    relative_lower, relative_upper = fieller_interval(
        comparison.effect,
        comparison.baseline,
        comparison.variance,
        comparison.baseline_variance,
        comparison.covariance,
        critical_value=critical,
    )
    own_reason = first_reason(
        len(critical),
        (comparison.has_no_baseline, Reason.ZERO_DENOMINATOR),
        (np.isnan(relative_lower), Reason.CONTROL_NOT_DISTINCT_FROM_ZERO),
    )
    relative_reason = np.where(reason != Reason.NONE, reason, own_reason).astype(np.int8)
    if alternative == "greater":
        upper, relative_upper = np.full_like(upper, np.inf), np.full_like(upper, np.inf)
    elif alternative == "less":
        lower, relative_lower = np.full_like(lower, -np.inf), np.full_like(lower, -np.inf)
    significant = (lower > 0) | (upper < 0)
    alpha = 1 - confidence
    # Only rounding in the last digit can part p-value and intervals; the intervals decide.
    p_value = np.where(significant, np.minimum(p_value, np.nextafter(alpha, 0)), np.maximum(p_value, alpha))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative_effect = comparison.effect / np.abs(comparison.baseline)
    return Effect(
        count_control=comparison.count_control,
        count_treatment=comparison.count_treatment,
        mean_control=nulled(comparison.mean_control, reason),
        mean_treatment=nulled(comparison.mean_treatment, reason),
        absolute_effect=nulled(comparison.effect, reason),
        absolute_ci_lower=nulled(lower, reason),
        absolute_ci_upper=nulled(upper, reason),
        relative_effect=nulled(relative_effect, relative_reason),
        relative_ci_lower=nulled(relative_lower, relative_reason),
        relative_ci_upper=nulled(relative_upper, relative_reason),
        standard_error=nulled(standard_error, reason),
        statistic=nulled(comparison.effect / standard_error, reason),
        degrees_of_freedom=nulled(np.broadcast_to(degrees_of_freedom, reason.shape), reason),
        p_value=nulled(p_value, reason),
        is_significant=significant & (reason == Reason.NONE),
        reason=reason,
        relative_reason=relative_reason,
    )


def p_value_of(statistic: Floats, degrees: Floats, alternative: Alternative) -> Floats:
    """Probability of a statistic at least as extreme: of t, or of the normal where degrees are inf.

    Args:
        statistic: Effects in standard errors, shape (n,).
        degrees: Degrees of freedom, shape (n,).
        alternative: On which sides it is extreme.

    Example:
        >>> p_value_of(np.array([1.96]), np.array([np.inf]), "greater").round(3).tolist()
        [0.025]

    """
    if alternative == "two-sided":
        return 2 * _lower_tail(-np.abs(statistic), degrees)
    return _lower_tail(-statistic if alternative == "greater" else statistic, degrees)


def _lower_tail(statistic: Floats, degrees: Floats) -> Floats:
    normal = np.isinf(degrees)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.where(normal, special.ndtr(statistic), special.stdtr(np.where(normal, 1, degrees), statistic))
        )
