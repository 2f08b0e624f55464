"""Health of a comparison: balance before exposure, interaction of two experiments, effects that fade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lifthouse.statistics.comparison import Comparison, compare, comparison_reason, estimate, satterthwaite
from lifthouse.statistics.effects import Effect, infer
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.reasons import Codes, Floats, Reason, nulled


@dataclass(frozen=True)
class Balance:
    """Balance of a covariate; every array has shape (n,).

    Attributes:
        difference: Treatment less control, in the covariate's unit.
        standardised_difference: In standard deviations of a unit; above 0.1 is commonly called imbalance.
        p_value: Of balance, by Welch's test.
        reason: Codes of `Reason`.

    """

    difference: Floats
    standardised_difference: Floats
    p_value: Floats
    reason: Codes


def covariate_balance(
    control: Moments, treatment: Moments, *, numerator: int = 0, denominator: int | None = None
) -> Balance:
    """Compare arms on a value from before exposure, where nothing can have had an effect yet.

    Args:
        control: Moments of the control arm.
        treatment: Moments of the treatment arm.
        numerator: Position of the covariate, or of a ratio's numerator.
        denominator: Position of a ratio's denominator.

    Returns:
        The balance.

    References:
        Austin (2009), Balance diagnostics for comparing the distribution of baseline covariates. Statistics in
        Medicine 28.

    Example:
        >>> control, treatment = Moments.from_values([[0.0], [2.0]]), Moments.from_values([[1.0], [3.0]])
        >>> covariate_balance(control, treatment).standardised_difference.round(3).tolist()
        [0.707]

    """
    comparison = compare(control, treatment, numerator=numerator, denominator=denominator)
    effect = infer(comparison)
    arms = [estimate(arm, numerator=numerator, denominator=denominator) for arm in (control, treatment)]
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(sum((arm.variance * arm.count for arm in arms), np.zeros(len(control))) / 2)
        standardised = comparison.effect / spread
    return Balance(effect.absolute_effect, nulled(standardised, effect.reason), effect.p_value, effect.reason)


def interaction(
    neither: Moments,
    first: Moments,
    second: Moments,
    both: Moments,
    *,
    numerator: int = 0,
    denominator: int | None = None,
) -> Effect:
    """Test whether one experiment's effect depends on the other's variant, among units in both.

    Args:
        neither: Units in control of both experiments.
        first: Units treated by the first only.
        second: Units treated by the second only.
        both: Units treated by both.
        numerator: Position of the metric.
        denominator: Position of a ratio's denominator.

    Returns:
        The first's effect where the second treats, less its effect where it does not. Counts are those of the first's
        control (`neither` and `second`) and treatment, means the plain averages of both cells; the relative effect is
        null.

    References:
        Kohavi, Tang, Xu (2020), Trustworthy online controlled experiments, chapter 4. Cambridge.

    Example:
        >>> cells = [Moments.from_values([[mean - 1.0], [mean + 1.0]]) for mean in (0.0, 1.0, 1.0, 5.0)]
        >>> interaction(*cells).absolute_effect.tolist()
        [3.0]

    """
    cells = [estimate(cell, numerator=numerator, denominator=denominator) for cell in (neither, first, second, both)]
    variances = [cell.variance for cell in cells]
    variance = np.sum(variances, axis=0)
    reasons = [np.where(one.reason != Reason.NONE, one.reason, two.reason) for one, two in (cells[:2], cells[2:])]
    nothing = np.zeros(len(neither))
    effect = (cells[3].value - cells[2].value) - (cells[1].value - cells[0].value)
    return infer(
        Comparison(
            count_control=neither.count + second.count,
            count_treatment=first.count + both.count,
            mean_control=(cells[0].value + cells[2].value) / 2,
            mean_treatment=(cells[1].value + cells[3].value) / 2,
            effect=effect,
            variance=variance,
            baseline=nothing,
            baseline_variance=nothing,
            covariance=nothing,
            degrees_of_freedom=satterthwaite(variances, [cell.degrees_of_freedom for cell in cells]),
            reason=comparison_reason(variance, reasons[0], reasons[1]),
        )
    )


def novelty_trend(control: Moments, treatment: Moments, days: npt.ArrayLike) -> Effect:
    """Slope of the effect over days since exposure, counting that the same units come back.

    Only units observed on all the days belong in, or those who came late would make a trend of their own.

    Args:
        control: Moments of the vector of a unit's values by days since exposure (or by stretches of days, each value
            the mean per day), shape (n, k).
        treatment: The same of the treatment arm.
        days: Days since exposure of each value, shape (k,), at least two different ones.

    Returns:
        `absolute_effect` is the slope in metric unit per day: against the effect's sign it fades (novelty), with it
        it grows (primacy). Means are the arms' own slopes, and the relative effect is related to control's slope, so
        it is of little use.

    Raises:
        ValueError: If the days do not fit the moments or do not differ.

    References:
        Sadeghi et al. (2022), Novelty and primacy: a long-term estimator for online experiments. Technometrics 64.

    Example:
        >>> control = Moments.from_values([[0.0, 0.0], [1.0, 1.0]])
        >>> treatment = Moments.from_values([[2.0, 1.0], [4.0, 2.0]])
        >>> novelty_trend(control, treatment, [0, 1]).absolute_effect.tolist()
        [-1.5]

    """
    days = np.asarray(days, float)
    centred = days - days.mean()
    if days.shape != (control.mean.shape[1],) or not (centred != 0).any():
        raise ValueError(f"days == {days.tolist()}, must be {control.mean.shape[1]} numbers that differ")
    weights = (centred / (centred**2).sum())[None, :]
    return infer(compare(control.linear(weights), treatment.linear(weights)))
