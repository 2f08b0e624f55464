"""Estimators by means and linear regression: the naive difference, and Lin's adjustment."""

from __future__ import annotations

import numpy as np

from lifthouse.causal.estimates import CausalEstimate, checked
from lifthouse.statistics.comparison import compare
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.reasons import Bools, Floats


def difference_in_means(treated: Bools, outcome: Floats) -> CausalEstimate:
    """Treated less untreated, with Welch's error: what one would see who did not ask how the arms came about.

    Example:
        >>> difference_in_means(np.array([True, True, False, False]), np.array([3.0, 5.0, 1.0, 2.0])).estimate
        2.5

    """
    arms = [Moments.from_values(outcome[arm][:, None]) for arm in (~treated, treated)]
    compared = compare(*arms)
    return checked(
        CausalEstimate(
            float(compared.effect[0]),
            float(np.sqrt(compared.variance[0])),
            float(min(treated.sum(), (~treated).sum())),
            degrees_of_freedom=float(compared.degrees_of_freedom[0]),
        )
    )


def regression(design: Floats, treated: Bools, outcome: Floats, *, of_treated: bool = False) -> CausalEstimate:
    """Linear regression in each arm, the difference averaged over all units or the treated.

    Equal to regressing on treatment, covariates about their mean, and their products with treatment. The error is
    robust to heteroscedasticity (HC2), and counts that the units averaged over are a sample.

    Args:
        design: Covariates, shape (n_units, n_columns).
        treated: Whether a unit is treated, shape (n_units,).
        outcome: Values, shape (n_units,).
        of_treated: Average over the treated (ATT) rather than over all (ATE).

    Returns:
        The estimate.

    References:
        Lin (2013), Agnostic notes on regression adjustments to experimental data. Annals of Applied Statistics 7.

    Example:
        >>> random = np.random.default_rng(0)
        >>> age, treated = random.normal(size=(200, 1)), np.arange(200) % 2 == 1
        >>> outcome = age[:, 0] + 2 * treated + 0.1 * random.normal(size=200)
        >>> round(regression(age, treated, outcome).estimate, 1)
        2.0

    """
    of_whom = treated if of_treated else np.ones(len(treated), dtype=bool)
    centred = design - design[of_whom].mean(axis=0)
    intercepts, variances, slopes = [], [], []
    for arm in (~treated, treated):
        rows = np.column_stack([np.ones(arm.sum()), centred[arm]])
        inverse = np.linalg.pinv(rows.T @ rows)
        coefficients = inverse @ (rows.T @ outcome[arm])
        leverage = np.einsum("ij,jk,ik->i", rows, inverse, rows)
        residual = outcome[arm] - rows @ coefficients
        # A unit with a leverage of one has no residual, and tells nothing of the error.
        squared = np.where(leverage < 1 - 1e-9, residual**2 / np.maximum(1 - leverage, 1e-9), 0.0)
        variances.append(float(((rows @ inverse[0]) ** 2 * squared).sum()))
        intercepts.append(float(coefficients[0]))
        slopes.append(coefficients[1:])
    gain = centred[of_whom] @ (slopes[1] - slopes[0])
    sampled = float(gain.var()) / len(gain) if len(gain) else np.nan
    return checked(
        CausalEstimate(
            intercepts[1] - intercepts[0],
            float(np.sqrt(sum(variances) + sampled)),
            float(min(treated.sum(), (~treated).sum())),
            degrees_of_freedom=float(len(outcome) - 2 * (design.shape[1] + 1)),
        )
    )
