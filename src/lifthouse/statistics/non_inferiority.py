"""Guardrails: whether the treatment is not worse than control by more than a margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from lifthouse.statistics.comparison import Comparison
from lifthouse.statistics.reasons import Bools, Codes, Floats, Reason, check_choice, check_rate, first_reason, nulled


@dataclass(frozen=True)
class NonInferiority:
    """Tests against margins; every array has shape (n,).

    Attributes:
        margin: The margin in the metric's unit, as large as the worst tolerated harm.
        statistic: Distance of the effect from the margin, in standard errors; large is good.
        p_value: Of "worse by the margin or more".
        is_non_inferior: Whether that is rejected: the whole interval lies on the good side of the margin.
        reason: Codes of `Reason`.

    """

    margin: Floats
    statistic: Floats
    p_value: Floats
    is_non_inferior: Bools
    reason: Codes


def against_margin(
    comparison: Comparison,
    margin: npt.ArrayLike,
    *,
    scale: Literal["absolute", "relative"] = "relative",
    better: Literal["higher", "lower"] = "higher",
    confidence: float = 0.95,
) -> NonInferiority:
    """Test each comparison against a margin.

    Non-inferior means the same as reading it off the two-sided interval on the margin's scale: `infer`'s absolute
    interval for an absolute margin, Fieller's for a relative one. So the one-sided level is (1 - confidence) / 2.

    Args:
        comparison: From `compare` and its kin.
        margin: Largest tolerated harm, positive: in the metric's unit, or as a share of the baseline; shape (n,) or a
            number.
        scale: Of the margin. A relative margin counts the baseline's own uncertainty.
        better: Which direction is good.
        confidence: Level of the two-sided interval.

    Returns:
        The tests.

    Raises:
        ValueError: If a margin is not positive or an option unknown.

    References:
        Pigeot, Schäfer, Röhmel, Hauschke (2003), Assessing non-inferiority of a new treatment in a three-arm clinical
        trial. Statistics in Medicine 22. Piaggio et al. (2012), CONSORT for non-inferiority trials. JAMA 308.

    Example:
        >>> from lifthouse.statistics.comparison import compare
        >>> from lifthouse.statistics.moments import Moments
        >>> arms = [Moments.from_sums([10_000], [[0.0]], [[10_000.0]], pivot=10.0) for _ in range(2)]
        >>> against_margin(compare(*arms), 0.01).is_non_inferior.tolist()
        [True]

    """
    check_choice("scale", scale, ("absolute", "relative"))
    check_choice("better", better, ("higher", "lower"))
    check_rate("confidence", confidence)
    size = np.broadcast_to(np.asarray(margin, float), comparison.effect.shape)
    if not (size > 0).all():
        raise ValueError(f"smallest margin == {np.min(size)}, must be > 0")
    sign = 1.0 if better == "higher" else -1.0
    harm, variance = size, comparison.variance
    if scale == "relative":
        harm = size * np.abs(comparison.baseline)
        toward = sign * np.sign(comparison.baseline) * size
        variance = variance + 2 * toward * comparison.covariance + size**2 * comparison.baseline_variance
    reason = np.where(
        comparison.reason != Reason.NONE,
        comparison.reason,
        first_reason(
            len(size),
            ((scale == "relative") & comparison.has_no_baseline, Reason.ZERO_DENOMINATOR),
            (~(variance > 0), Reason.ZERO_VARIANCE),
        ),
    ).astype(np.int8)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = (sign * comparison.effect + harm) / np.sqrt(variance)
    p_value = special.stdtr(comparison.degrees_of_freedom, -statistic)
    return NonInferiority(
        margin=nulled(harm, reason),
        statistic=nulled(statistic, reason),
        p_value=nulled(p_value, reason),
        is_non_inferior=(p_value < (1 - confidence) / 2) & (reason == Reason.NONE),
        reason=reason,
    )
