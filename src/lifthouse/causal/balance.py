"""Whether weights make the arms alike in what was known before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lifthouse.statistics.reasons import Bools, Floats


@dataclass(frozen=True)
class ArmBalance:
    """Balance of k columns; arrays of shape (k,).

    Attributes:
        mean_control: Weighted mean in control.
        mean_treatment: Weighted mean in the treatment.
        standardised_difference: Treatment less control, in standard deviations of a unit before weighting; NaN where
            no arm has any.
        variance_ratio: Weighted variance in the treatment over that in control; NaN where control's is zero.

    """

    mean_control: Floats
    mean_treatment: Floats
    standardised_difference: Floats
    variance_ratio: Floats


def weighted_balance(columns: Floats, treated: Bools, weights: Floats) -> ArmBalance:
    """Compare arms after weighting.

    Args:
        columns: Covariates, shape (n_units, k).
        treated: Whether a unit is treated, shape (n_units,).
        weights: Weights, shape (n_units,); ones for balance before weighting.

    Returns:
        The balance. Differences are in standard deviations before weighting, the mean of both arms' variances, so
        that weighting can't look better by making units more diverse.

    References:
        Austin, Stuart (2015), Moving towards best practice when using inverse probability of treatment weighting.
        Statistics in Medicine 34.

    Example:
        >>> ages = np.array([[1.0], [3.0], [2.0], [4.0]])
        >>> treated = np.array([False, False, True, True])
        >>> weighted_balance(ages, treated, np.ones(4)).standardised_difference.round(3).tolist()
        [0.707]

    """
    means, variances, plain = [], [], []
    for arm in (~treated, treated):
        units, share = columns[arm], weights[arm] / weights[arm].sum()
        # A sum of one number over many units is off by rounding, and so would be whatever is divided by its spread.
        counted = units[share > 0]
        mean = np.where(np.ptp(counted, axis=0) == 0, counted[0], share @ units)
        # A binary column's ratio is then that of p (1 - p).
        freed = 1 - float(share @ share)
        variances.append(share @ (units - mean) ** 2 / freed if freed > 0 else np.full(len(mean), np.nan))
        means.append(mean)
        plain.append(np.where(np.ptp(units, axis=0) == 0, 0.0, units.var(axis=0, ddof=1)))
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = (means[1] - means[0]) / np.sqrt((plain[0] + plain[1]) / 2)
        ratio = variances[1] / variances[0]
    difference, ratio = (np.where(np.isfinite(found), found, np.nan) for found in (difference, ratio))
    return ArmBalance(means[0], means[1], difference, ratio)
