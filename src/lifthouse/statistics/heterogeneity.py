"""Whether segments differ in their effect or only scatter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from lifthouse.statistics.moments import grouped_sum
from lifthouse.statistics.reasons import Codes, Floats, Ints, Reason, first_reason, nulled


@dataclass(frozen=True)
class Heterogeneity:
    """One row a group of segments; every array has shape (n_groups,).

    Attributes:
        count_segments: Segments with an estimate.
        pooled_effect: Inverse-variance weighted effect.
        q: Cochran's Q.
        statistic: Welch's F for equal effects; Q / (segments - 1) when every segment is large.
        p_value: Of the effect being the same in all segments.
        i_squared: Share of Q's scatter beyond chance, in [0, 1].
        reason: Codes of `Reason`.

    """

    count_segments: Ints
    pooled_effect: Floats
    q: Floats
    statistic: Floats
    p_value: Floats
    i_squared: Floats
    reason: Codes


def segment_differences(
    effects: npt.ArrayLike,
    standard_errors: npt.ArrayLike,
    degrees_of_freedom: npt.ArrayLike,
    groups: npt.NDArray[np.integer],
    n_groups: int,
) -> Heterogeneity:
    """Test that the effect is the same in every segment of a group.

    Segments must not share units. The chi-square of Cochran's Q rejects too often when segments are small, because
    their weights are estimated; Welch's F allows for that and is Q's Wald test in the limit.

    Args:
        effects: Segment effects, absolute or relative, shape (n,); NaN is left out.
        standard_errors: Shape (n,).
        degrees_of_freedom: Of each segment's standard error, shape (n,); inf if known.
        groups: Group of each segment, such as experiment, metric, dimension; in [0, n_groups), shape (n,).
        n_groups: Number of groups.

    Returns:
        One row a group; null with a reason where fewer than two segments have an estimate.

    References:
        Cochran (1954), The combination of estimates from different experiments. Biometrics 10.
        Welch (1951), On the comparison of several mean values: an alternative approach. Biometrika 38.
        Higgins, Thompson (2002), Quantifying heterogeneity in a meta-analysis. Statistics in Medicine 21.

    Example:
        >>> result = segment_differences([0.0, 3.0], [1.0, 1.0], [np.inf, np.inf], np.array([0, 0]), 1)
        >>> result.q.tolist(), result.p_value.round(4).tolist()
        ([4.5], [0.0339])

    """
    effects, errors = np.asarray(effects, float), np.asarray(standard_errors, float)
    degrees = np.asarray(degrees_of_freedom, float)
    known = np.isfinite(effects) & (errors > 0)
    groups, effects, errors, degrees = groups[known], effects[known], errors[known], degrees[known]
    weights = errors**-2
    total = np.bincount(groups, weights, n_groups)
    count = np.bincount(groups, minlength=n_groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = np.bincount(groups, weights * effects, n_groups) / total
        q = grouped_sum(weights * (effects - pooled[groups]) ** 2, groups, n_groups)
        spread = np.bincount(groups, (1 - weights / total[groups]) ** 2 / degrees, n_groups)
        free = (count - 1).astype(float)
        statistic = q / free / (1 + 2 * (count - 2) / (count**2 - 1) * spread)
        residual = np.where(spread > 0, (count**2 - 1) / (3 * spread), np.inf)
        p_value = np.where(
            np.isinf(residual),
            special.chdtrc(free, q),
            special.fdtrc(free, np.where(np.isinf(residual), 1.0, residual), statistic),
        )
        i_squared = np.where(q > 0, np.clip(1 - free / q, 0, None), 0.0)
    reason = first_reason(n_groups, (count < 2, Reason.TOO_FEW_SEGMENTS))
    return Heterogeneity(
        count_segments=count,
        pooled_effect=nulled(pooled, reason),
        q=nulled(q, reason),
        statistic=nulled(statistic, reason),
        p_value=nulled(p_value, reason),
        i_squared=nulled(i_squared, reason),
        reason=reason,
    )
