"""Relative intervals as other platforms compute them, to reconcile their numbers with ours.

Nothing else in the project uses these. Their verdict can differ from the absolute test's: see
docs/metrics/reconciliation.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from lifthouse.statistics.adjustment import estimate_adjustment
from lifthouse.statistics.comparison import Comparison, Estimate, compare_estimates, satterthwaite
from lifthouse.statistics.effects import p_value_of
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.reasons import Alternative, Floats, check_choice, check_rate


@dataclass(frozen=True)
class RelativeEffect:
    """A relative effect by a peer's formula; every array has shape (n,).

    Attributes:
        relative_effect: Effect divided by control.
        standard_error: Of the relative effect, or of the log ratio.
        ci_lower: Lower bound.
        ci_upper: Upper bound.
        p_value: Of the test on the relative scale.

    """

    relative_effect: Floats
    standard_error: Floats
    ci_lower: Floats
    ci_upper: Floats
    p_value: Floats


def delta_relative(comparison: Comparison, *, confidence: float = 0.95, use_normal: bool = False) -> RelativeEffect:
    """Delta method on the relative scale: GrowthBook and PostHog with t, Statsig and Eppo with the normal.

    References:
        growthbook/growthbook packages/stats/gbstats/frequentist/tests.py. docs.statsig.com, confidence intervals.

    Example:
        >>> from lifthouse.statistics.comparison import compare
        >>> control = Moments.from_sums([3407], [[1396.87]], [[52377.9767]])
        >>> treatment = Moments.from_sums([3461], [[2422.7]], [[134698.29]])
        >>> delta_relative(compare(control, treatment)).p_value.round(5).tolist()
        [0.06191]

    """
    lift = comparison.effect / comparison.baseline
    variance = comparison.variance - 2 * lift * comparison.covariance + lift**2 * comparison.baseline_variance
    degrees = np.full_like(lift, np.inf) if use_normal else comparison.degrees_of_freedom
    return _around(lift, np.sqrt(variance) / np.abs(comparison.baseline), degrees, confidence)


def growthbook_cuped_relative(
    control: Moments, treatment: Moments, covariate: int = 1, *, binomial: bool = False, confidence: float = 0.95
) -> RelativeEffect:
    """Give GrowthBook's relative CUPED effect of a mean: related to control's unadjusted mean.

    Its variance puts treatment's unadjusted mean where the delta method has the adjusted one, which is the same in
    the limit. A binomial metric's variances are p (1 - p), without n - 1.

    References:
        docs.growthbook.io/statistics/cuped-technical.

    """
    theta = estimate_adjustment(control, treatment, [covariate]).theta[:, 0]
    if binomial:
        control, treatment = control.with_population_covariance(), treatment.with_population_covariance()
    means = [arm.mean[:, 0] - theta * arm.mean[:, covariate] for arm in (control, treatment)]
    plain = control.mean[:, 0]
    ratio = treatment.mean[:, 0] / plain
    parts = [
        (arm.covariance[:, 0, 0], arm.covariance[:, 0, covariate], arm.covariance[:, covariate, covariate])
        for arm in (control, treatment)
    ]
    scaled = [
        own[0] * factor**2 - 2 * theta * factor * own[1] + theta**2 * own[2]
        for own, factor in zip(parts, (ratio, np.ones_like(ratio)), strict=True)
    ]
    adjusted = [own[0] - 2 * theta * own[1] + theta**2 * own[2] for own in parts]
    degrees = satterthwaite(
        [adjusted[0] / control.count, adjusted[1] / treatment.count], [control.count - 1, treatment.count - 1]
    )
    error = np.sqrt(scaled[0] / control.count + scaled[1] / treatment.count) / np.abs(plain)
    return _around((means[1] - means[0]) / np.abs(plain), error, degrees, confidence)


def log_ratio_relative(
    control: Estimate,
    treatment: Estimate,
    *,
    alternative: Alternative = "two-sided",
    equal_variance: bool = False,
    confidence: float = 0.95,
    use_normal: bool = False,
) -> RelativeEffect:
    """Interval that is symmetric in the log ratio, as tea-tasting's.

    References:
        e10v/tea-tasting src/tea_tasting/metrics/mean.py.

    Example:
        >>> from lifthouse.statistics.comparison import estimate
        >>> arms = [Moments.from_sums([53], [[30.0]], [[58.0]]), Moments.from_sums([47], [[18.0]], [[30.0]])]
        >>> log_ratio_relative(*map(estimate, arms)).ci_upper.round(4).tolist()
        [0.3438]

    """
    check_choice("alternative", alternative, ("two-sided", "greater", "less"))
    check_rate("confidence", confidence)
    scaled = [
        replace(arm, value=np.ones_like(arm.value), variance=arm.variance / arm.value**2)
        for arm in (control, treatment)
    ]
    logs = compare_estimates(*scaled, equal_variance=equal_variance)
    degrees = np.full_like(logs.variance, np.inf) if use_normal else logs.degrees_of_freedom
    error, log_ratio = np.sqrt(logs.variance), np.log(treatment.value / control.value)
    tail = (1 - confidence) / (2 if alternative == "two-sided" else 1)
    reach = -_quantile(tail, degrees) * error
    return RelativeEffect(
        relative_effect=np.expm1(log_ratio),
        standard_error=error,
        ci_lower=np.full_like(error, -np.inf) if alternative == "less" else np.expm1(log_ratio - reach),
        ci_upper=np.full_like(error, np.inf) if alternative == "greater" else np.expm1(log_ratio + reach),
        p_value=p_value_of(log_ratio / error, degrees, alternative),
    )


def _around(lift: Floats, error: Floats, degrees: Floats, confidence: float) -> RelativeEffect:
    check_rate("confidence", confidence)
    reach = -_quantile((1 - confidence) / 2, degrees) * error
    return RelativeEffect(lift, error, lift - reach, lift + reach, p_value_of(lift / error, degrees, "two-sided"))


def _quantile(tail: float, degrees: Floats) -> Floats:
    normal = np.isinf(degrees)
    return np.asarray(np.where(normal, special.ndtri(tail), special.stdtrit(np.where(normal, 1, degrees), tail)))
