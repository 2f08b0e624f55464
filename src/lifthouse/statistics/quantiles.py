"""Quantiles whose errors count that events come in clusters, one cluster a unit.

Three passes in SQL: an arm's quantile; for each unit its events and how many lie at or below that quantile, reduced
to moments; the arm's quantiles on the grid of `grid_levels`. The moments say how uncertain the share at or below is,
the grid turns that into the metric's unit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lifthouse.statistics.comparison import Estimate, estimate
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.reasons import Codes, Floats, Reason, check_rate, first_reason

# Two-sided 95%: the width of the interval on the grid that the standard error is read from.
_WIDTH = 1.959963984540054
_SMALLEST_EFFECTIVE_SIZE, _DOUBLINGS_OF_SIZE = 25, 22


def grid_levels(level: float) -> Floats:
    """Levels at which SQL delivers an arm's quantiles, ascending, the wanted level among them.

    They are spaced so that neighbours are a factor of sqrt(2) apart in distance from the level, from the uncertainty
    of 25 independent events to that of a hundred million.

    Args:
        level: The wanted quantile, in (0, 1).

    Returns:
        Levels, shape (n_levels,), at most 47.

    Example:
        >>> grid_levels(0.5)[[0, -1]].round(3).tolist()
        [0.304, 0.696]

    """
    check_rate("level", level)
    sizes = _SMALLEST_EFFECTIVE_SIZE * 2.0 ** np.arange(_DOUBLINGS_OF_SIZE + 1)
    steps = _WIDTH * np.sqrt(level * (1 - level) / sizes)
    levels = np.concatenate([level - steps, [level], level + steps[::-1]])
    return np.asarray(np.sort(levels[(levels > 0) & (levels < 1)]))


def quantile_estimate(
    level: float,
    grid_values: npt.ArrayLike,
    *,
    units: Moments | None = None,
    count: npt.ArrayLike | None = None,
) -> Estimate:
    """One arm's quantile and its variance: the outer confidence interval, read off a grid of quantiles.

    Args:
        level: The quantile, in (0, 1).
        grid_values: The arm's quantiles at `grid_levels(level)`, shape (n, n_levels), ascending; linear interpolation
            (`quantile_cont`) suits a continuous metric.
        units: For a quantile over events: moments over units of [events at or below the arm's quantile, events].
        count: For a quantile over units, one value each: the number of units, shape (n,). Give one of the two.

    Returns:
        Estimates for `compare_estimates`. A reason where events are too few for the interval to stay within (0, 1) and
        the grid, or where values around the quantile tie, so that it has no density to go by.

    Raises:
        ValueError: If not exactly one of units and count is given, or the grid's width is wrong.

    References:
        Deng, Knoblich, Lu (2018), Applying the delta method in metric analytics, section 4. KDD. arXiv:1803.06336.
        Francis, Lawrence (1991) and Woodruff (1952), Confidence intervals for medians and other position measures.
        Journal of the American Statistical Association 47.

    Example:
        >>> grid = grid_levels(0.5)[None, :]  # quantiles of a uniform
        >>> result = quantile_estimate(0.5, grid, count=[400.0])
        >>> result.value.tolist(), np.sqrt(result.variance).round(4).tolist()
        ([0.5], [0.025])

    """
    levels, values = grid_levels(level), np.asarray(grid_values, float)
    if (units is None) == (count is None):
        raise ValueError("units and count are both given or both missing, must be exactly one of them")
    if values.ndim != 2 or values.shape[1] != len(levels):
        raise ValueError(f"shape of grid_values == {values.shape}, must be (n, {len(levels)}) as grid_levels gives")
    if units is not None:
        share = estimate(units, numerator=0, denominator=1)
        number, variance, reason = share.count, share.variance, share.reason
    else:
        number = np.asarray(count, float)
        with np.errstate(divide="ignore"):
            variance = level * (1 - level) / number
        reason = first_reason(len(number), (number < 2, Reason.TOO_FEW_UNITS))
    reach = _WIDTH * np.sqrt(np.maximum(variance, 0.0))
    lower, upper = _interpolated(level - reach, levels, values), _interpolated(level + reach, levels, values)
    spread = upper - lower
    late = first_reason(
        len(number),
        (np.isnan(values).any(axis=1), Reason.TOO_FEW_UNITS),
        (np.isnan(spread), Reason.TOO_FEW_UNITS),
        (spread <= 0, Reason.NO_LOCAL_VARIATION),
    )
    codes: Codes = np.where(reason != Reason.NONE, reason, late).astype(np.int8)
    at = int(np.argmin(np.abs(levels - level)))
    return Estimate(number, values[:, at], (spread / (2 * _WIDTH)) ** 2, number - 1, codes)


def _interpolated(wanted: Floats, levels: Floats, values: Floats) -> Floats:
    """Quantile at a level of its own in each row; NaN outside the grid."""
    known = (wanted >= levels[0]) & (wanted <= levels[-1])
    right = np.clip(np.searchsorted(levels, np.where(known, wanted, levels[0])), 1, len(levels) - 1)
    rows = np.arange(len(values))
    share = (wanted - levels[right - 1]) / (levels[right] - levels[right - 1])
    between = values[rows, right - 1] * (1 - share) + values[rows, right] * share
    return np.where(known, between, np.nan)
