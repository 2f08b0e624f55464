"""Inference that holds however often one looks: confidence sequences, and the sequential probability ratio test."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lifthouse.statistics.comparison import Comparison
from lifthouse.statistics.effects import Effect, infer_with_critical_values
from lifthouse.statistics.reasons import (
    Alternative,
    Floats,
    check_choice,
    check_rate,
)


def mixture_scale(
    expected_units: npt.ArrayLike, *, confidence: float = 0.95, alternative: Alternative = "two-sided"
) -> Floats:
    """Scale of the mixture that makes the sequence tightest at an expected number of units.

    Args:
        expected_units: Units of both arms together at which the sequence should be tightest, any shape.
        confidence: Level of the sequence.
        alternative: A one-sided sequence is tuned for twice the error.

    Returns:
        The scale rho, of the same shape.

    Raises:
        ValueError: If no unit is expected, or the level is not in (0, 1).

    References:
        Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024), Time-uniform central limit theory and asymptotic confidence
        sequences. Annals of Statistics 52. arXiv:2103.06476, appendix B.2.

    Example:
        >>> mixture_scale(5000).round(6).tolist()
        0.03984

    """
    check_rate("confidence", confidence)
    units = np.asarray(expected_units, float)
    if not (units > 0).all():
        raise ValueError(f"smallest expected_units == {np.min(units)}, must be > 0")
    evidence = -2 * np.log((1 - confidence) * (1 if alternative == "two-sided" else 2))
    return np.asarray(np.sqrt((evidence + np.log(evidence + 1)) / units))


def always_valid_critical_value(
    units: npt.ArrayLike, scale: npt.ArrayLike, *, confidence: float = 0.95, alternative: Alternative = "two-sided"
) -> Floats:
    """How many standard errors the sequence reaches at a number of units.

    Args:
        units: Units of both arms together, shape (n,).
        scale: From `mixture_scale`, fixed before the first look.
        confidence: Level of the sequence.
        alternative: Of a one-sided sequence only one bound is meant.

    Returns:
        Critical values for the place of 1.96, shape (n,).

    References:
        Waudby-Smith et al. (2024), as above, theorem 2.2 and, one-sided, appendix B.1.

    Example:
        >>> always_valid_critical_value([5000.0], mixture_scale(5000)).round(3).tolist()
        [3.035]

    """
    check_rate("confidence", confidence)
    spread = np.asarray(units, float) * np.square(scale)
    alpha = 1 - confidence
    with np.errstate(divide="ignore", invalid="ignore"):
        if alternative == "two-sided":
            return np.asarray(np.sqrt((1 + 1 / spread) * (np.log(spread + 1) - 2 * np.log(alpha))))
        return np.asarray(np.sqrt(2 * (1 + 1 / spread) * np.log1p(np.sqrt(spread + 1) / (2 * alpha))))


def infer_always_valid(
    comparison: Comparison,
    expected_units: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    alternative: Alternative = "two-sided",
) -> Effect:
    """Test a comparison, and give its absolute and relative intervals, so that they hold at every look.

    The chance that the interval ever leaves out the true effect, over all looks from some hundred units in the smaller
    arm on, is at most 1 - confidence: the theory is asymptotic, and what is rare or has a heavy tail seems not to vary
    before. P-value, absolute and relative interval (Fieller's, with the same critical value) give one verdict.

    Args:
        comparison: From `compare`, `adjusted_comparison` and their kin.
        expected_units: Units of both arms at which it should be tightest; must not depend on the results. Shape (n,) or
            a number.
        confidence: Level of the sequence.
        alternative: What is tested against no effect. One-sided intervals are open at the other end.

    Returns:
        The effects; `degrees_of_freedom` is inf, since the theory is asymptotic.

    References:
        Waudby-Smith et al. (2024), as above. Howard, Ramdas, McAuliffe, Sekhon (2021), Time-uniform, nonparametric,
        nonasymptotic confidence sequences. Annals of Statistics 49.

    Example:
        >>> from lifthouse.statistics.comparison import compare
        >>> from lifthouse.statistics.moments import Moments
        >>> arms = Moments.from_sums([500], [[0.0]], [[500.0]]), Moments.from_sums([500], [[150.0]], [[545.0]])
        >>> infer_always_valid(compare(*arms), 1000).p_value.round(5).tolist()
        [0.00014]

    """
    check_choice("alternative", alternative, ("two-sided", "greater", "less"))
    scale = mixture_scale(expected_units, confidence=confidence, alternative=alternative)
    units = comparison.count_control + comparison.count_treatment
    critical = always_valid_critical_value(units, scale, confidence=confidence, alternative=alternative)
    return _infer_by_mixture(comparison, units * scale**2, critical, confidence, alternative)


def infer_by_probability_ratio(
    comparison: Comparison, effect_scale: npt.ArrayLike, *, confidence: float = 0.95
) -> Effect:
    """Test a comparison by the mixture sequential probability ratio test, which holds at every look.

    The likelihood of no effect is set against effects from a normal around zero. It is the confidence sequence tuned in
    the effect's own unit rather than in units of sample: best where the size of effects is known and their time is not.
    As that, it holds from some hundred units in the smaller arm on.

    Args:
        comparison: From `compare`, `adjusted_comparison` and their kin.
        effect_scale: Standard deviation of the effects that are thought likely, in the metric's unit; must not depend
            on the results. Shape (n,) or a number.
        confidence: Level of the test and its intervals.

    Returns:
        The effects, with intervals that invert the test.

    Raises:
        ValueError: If a scale is not positive.

    References:
        Robbins (1970), Statistical methods related to the law of the iterated logarithm. Annals of Mathematical
        Statistics 41. Johari, Koomen, Pekelis, Walsh (2022), Always valid inference: continuous monitoring of A/B
        tests. Operations Research 70.

    Example:
        >>> from lifthouse.statistics.comparison import compare
        >>> from lifthouse.statistics.moments import Moments
        >>> arms = Moments.from_sums([500], [[0.0]], [[500.0]]), Moments.from_sums([500], [[150.0]], [[545.0]])
        >>> infer_by_probability_ratio(compare(*arms), 0.2).p_value.round(5).tolist()
        [0.00012]

    """
    check_rate("confidence", confidence)
    width = np.asarray(effect_scale, float)
    if not (width > 0).all():
        raise ValueError(f"smallest effect_scale == {np.min(width)}, must be > 0")
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = width**2 / comparison.variance
        critical = np.sqrt((1 + 1 / spread) * (np.log(spread + 1) - 2 * np.log(1 - confidence)))
    return _infer_by_mixture(comparison, spread, critical, confidence, "two-sided")


def _infer_by_mixture(
    comparison: Comparison, spread: Floats, critical: Floats, confidence: float, alternative: Alternative
) -> Effect:
    """Invert the mixture's test; `spread` is the variance of likely effects over that of the estimate."""
    statistic = comparison.effect / np.sqrt(np.where(comparison.variance > 0, comparison.variance, np.nan))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if alternative == "two-sided":
            p_value = np.sqrt(spread + 1) * np.exp(-(statistic**2) / (2 * (1 + 1 / spread)))
        else:
            ahead = np.maximum(statistic if alternative == "greater" else -statistic, 0)
            p_value = np.sqrt(spread + 1) / (2 * np.expm1(ahead**2 / (2 * (1 + 1 / spread))))
    return infer_with_critical_values(
        comparison, critical, np.minimum(p_value, 1.0), confidence=confidence, alternative=alternative
    )
