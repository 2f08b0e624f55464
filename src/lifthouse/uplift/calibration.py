"""Predicted against observed effects: of a group of units, and by group of predicted effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from lifthouse.statistics.comparison import compare
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.reasons import Bools, Floats, Ints, check_rate
from lifthouse.uplift.curves import checked
from lifthouse.uplift.evaluation import ranks_within


@dataclass(frozen=True)
class Calibration:
    """Predicted against observed effect by group of predicted effect, lowest first; shape (groups,).

    Attributes:
        predicted: Mean score.
        observed: Difference of means between the arms.
        ci_lower: Lower bound of `observed`.
        ci_upper: Upper bound of `observed`.
        count_treatment: Treated units.
        count_control: Control units.

    """

    predicted: Floats
    observed: Floats
    ci_lower: Floats
    ci_upper: Floats
    count_treatment: Ints
    count_control: Ints


def calibration(
    outcome: npt.ArrayLike,
    score: npt.ArrayLike,
    treated: npt.ArrayLike,
    *,
    groups: int = 10,
    confidence: float = 0.95,
) -> Calibration:
    """Compare predicted and observed effects by quantile group of the prediction.

    Args:
        outcome: The metric, shape (n,).
        score: Predicted effects in the metric's unit, shape (n,).
        treated: Whether a unit was in treatment, shape (n,).
        groups: Number of groups.
        confidence: Level of Welch's intervals.

    Returns:
        The groups, lowest prediction first; NaN where an arm has fewer than two units. Equal scores stay together, so
        a group may be empty.

    Raises:
        ValueError: If shapes differ or a value is not finite.

    Example:
        >>> result = calibration([1, 2, 5, 9, 0, 2, 1, 3], [0, 0, 4, 4, 0, 0, 4, 4], [1, 1, 1, 1, 0, 0, 0, 0], groups=2)
        >>> result.observed.tolist()
        [0.5, 5.0]

    """
    check_rate("confidence", confidence)
    y, w = checked(outcome, treated)
    score = np.asarray(score, float)
    group = np.minimum((ranks_within(score) * groups).astype(np.int64), groups - 1)
    predicted = np.array([score[group == at].mean() if (group == at).any() else np.nan for at in range(groups)])
    observed = [observed_effect(y[group == at], w[group == at], confidence=confidence) for at in range(groups)]
    effect, lower, upper = np.array(observed).T
    return Calibration(
        predicted,
        effect,
        lower,
        upper,
        np.bincount(group[w], minlength=groups).astype(np.int64),
        np.bincount(group[~w], minlength=groups).astype(np.int64),
    )


def observed_effect(outcome: Floats, treated: Bools, *, confidence: float = 0.95) -> tuple[float, float, float]:
    """Difference of means with Welch's interval; NaN where an arm has fewer than two units.

    Example:
        >>> [round(number, 3) for number in observed_effect(np.array([1.0, 1, 0, 1]), np.array([1, 1, 0, 0], bool))]
        [0.5, -2.436, 3.436]

    """
    if min(np.count_nonzero(treated), np.count_nonzero(~treated)) < 2:
        return float("nan"), float("nan"), float("nan")
    found = compare(*(Moments.from_values(outcome[arm][:, None]) for arm in (~treated, treated)))
    effect, error = float(found.effect[0]), float(np.sqrt(found.variance[0]))
    if not error:
        return effect, float("nan"), float("nan")
    reach = float(special.stdtrit(found.degrees_of_freedom[0], (1 + confidence) / 2)) * error
    return effect, effect - reach, effect + reach


def mean_effect(effects: Floats, *, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of doubly robust scores with a normal interval; NaN bounds with fewer than two units.

    Example:
        >>> mean_effect(np.array([1.0, 3.0]))[0]
        2.0

    """
    mean = float(effects.mean())
    if len(effects) < 2:
        return mean, float("nan"), float("nan")
    reach = -special.ndtri((1 - confidence) / 2) * float(effects.std(ddof=1)) / np.sqrt(len(effects))
    return mean, mean - reach, mean + reach
