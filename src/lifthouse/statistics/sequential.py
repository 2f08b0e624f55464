"""Inference that holds however often one looks: asymptotic confidence sequences and the p-values that invert them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lifthouse.statistics.comparison import Comparison
from lifthouse.statistics.effects import Effect, fieller_interval, infer
from lifthouse.statistics.reasons import Floats, Reason, check_rate, first_reason, nulled


def mixture_scale(expected_units: npt.ArrayLike, *, confidence: float = 0.95) -> Floats:
    """Scale of the mixture that makes the sequence tightest at an expected number of units.

    Args:
        expected_units: Units of both arms together at which the sequence should be tightest, any shape.
        confidence: Level of the sequence.

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
    evidence = -2 * np.log(1 - confidence)
    return np.asarray(np.sqrt((evidence + np.log(evidence + 1)) / units))


def always_valid_critical_value(units: npt.ArrayLike, scale: npt.ArrayLike, *, confidence: float = 0.95) -> Floats:
    """How many standard errors the sequence reaches at a number of units.

    Args:
        units: Units of both arms together, shape (n,).
        scale: From `mixture_scale`, fixed before the first look.
        confidence: Level of the sequence.

    Returns:
        Critical values for the place of 1.96, shape (n,).

    References:
        Waudby-Smith et al. (2024), as above, theorem 2.2.

    Example:
        >>> always_valid_critical_value([5000.0], mixture_scale(5000)).round(3).tolist()
        [3.035]

    """
    check_rate("confidence", confidence)
    spread = np.asarray(units, float) * np.square(scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt((1 + 1 / spread) * (np.log(spread + 1) - 2 * np.log(1 - confidence))))


def infer_always_valid(comparison: Comparison, expected_units: npt.ArrayLike, *, confidence: float = 0.95) -> Effect:
    """Test a comparison, and give its absolute and relative intervals, so that they hold at every look.

    The chance that the interval ever leaves out the true effect, over all looks from some hundred units on, is at most
    1 - confidence. P-value, absolute and relative interval (Fieller's, with the same critical value) give one verdict.

    Args:
        comparison: From `compare`, `adjusted_comparison` and their kin.
        expected_units: Units of both arms at which it should be tightest; must not depend on the results. Shape (n,) or
            a number.
        confidence: Level of the sequence.

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
    scale = mixture_scale(expected_units, confidence=confidence)
    units = comparison.count_control + comparison.count_treatment
    critical = always_valid_critical_value(units, scale, confidence=confidence)
    fixed = infer(comparison, confidence=confidence, use_normal=True)
    spread = units * scale**2
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = np.minimum(np.sqrt(spread + 1) * np.exp(-(fixed.statistic**2) / (2 * (1 + 1 / spread))), 1.0)
    reach = critical * fixed.standard_error
    lower, upper = fixed.absolute_effect - reach, fixed.absolute_effect + reach
    significant = ((lower > 0) | (upper < 0)) & (comparison.reason == Reason.NONE)
    alpha = 1 - confidence
    # Only rounding in the last digit can part p-value and intervals; the intervals decide.
    p_value = np.where(significant, np.minimum(p_value, np.nextafter(alpha, 0)), np.maximum(p_value, alpha))
    relative = fieller_interval(
        comparison.effect,
        comparison.baseline,
        comparison.variance,
        comparison.baseline_variance,
        comparison.covariance,
        critical_value=critical,
    )
    relative_reason = np.where(
        comparison.reason != Reason.NONE,
        comparison.reason,
        first_reason(
            len(units),
            (comparison.baseline == 0, Reason.ZERO_DENOMINATOR),
            (np.isnan(relative[0]), Reason.CONTROL_NOT_DISTINCT_FROM_ZERO),
        ),
    ).astype(np.int8)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative_effect = comparison.effect / np.abs(comparison.baseline)
    return replace(
        fixed,
        absolute_ci_lower=lower,
        absolute_ci_upper=upper,
        relative_effect=nulled(relative_effect, relative_reason),
        relative_ci_lower=nulled(relative[0], relative_reason),
        relative_ci_upper=nulled(relative[1], relative_reason),
        p_value=nulled(p_value, comparison.reason),
        is_significant=significant,
        relative_reason=relative_reason,
    )
