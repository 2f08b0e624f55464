"""Variance reduction with CUPED: one or several covariates, for means and ratios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lifthouse.statistics.comparison import (
    Comparison,
    comparison_reason,
    estimate,
    gradient,
    quadratic,
    satterthwaite,
    variance_of,
    with_spread,
)
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.reasons import Codes, Floats, Reason, check_choice

# Covariates whose correlation matrix has eigenvalues below this are collinear: the least-norm theta is taken.
_COLLINEAR = 1e-10


@dataclass(frozen=True)
class Adjustment:
    """What CUPED takes off, estimated on both arms together.

    Attributes:
        theta: Coefficients of the covariates, metric's unit by covariate's unit, shape (n, n_covariates).
        explained_rate: Share of the units' variance that the covariates explain, in [0, 1], shape (n,).

    """

    theta: Floats
    explained_rate: Floats


def estimate_adjustment(
    control: Moments,
    treatment: Moments,
    covariates: Sequence[int],
    *,
    numerator: int = 0,
    denominator: int | None = None,
) -> Adjustment:
    """Least-squares coefficients of the (linearised) metric on the covariates, both arms pooled.

    Args:
        control: Moments of the control arm.
        treatment: Moments of the treatment arm.
        covariates: Positions of the covariates in the vector: values from before exposure, or fixed attributes.
        numerator: Position of the metric.
        denominator: Position of a ratio's denominator; the ratio is linearised, so its own earlier numerator and
            denominator make two good covariates.

    Returns:
        The coefficients; zero for a covariate that varies in neither arm, whose means may differ by rounding alone.

    References:
        Deng, Xu, Kohavi, Walker (2013), Improving the sensitivity of online controlled experiments. WSDM.

    Example:
        >>> control, treatment = Moments.from_values([[1.0, 1], [3, 2]]), Moments.from_values([[6.0, 3], [8, 4]])
        >>> estimate_adjustment(control, treatment, [1]).theta.round(6).tolist()
        [[2.4]]

    """
    pooled = control.merged(treatment)
    _, weights = gradient(pooled, numerator, denominator)
    chosen = np.asarray(covariates, dtype=np.intp)
    shared = np.einsum("nik,nk->ni", pooled.covariance[:, chosen, :], weights)
    within = [np.nan_to_num(np.einsum("nii->ni", arm.covariance)[:, chosen]) for arm in (control, treatment)]
    varies = (within[0] > 0) | (within[1] > 0)
    matrix = np.where(varies[:, :, None] & varies[:, None, :], pooled.covariance[:, chosen[:, None], chosen], 0.0)
    theta = _solved(matrix, np.where(varies, shared, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = np.einsum("ni,ni->n", theta, shared) / quadratic(weights, pooled.covariance)
    return Adjustment(theta, np.where(np.isfinite(explained), explained, 0.0))


def adjusted_comparison(
    control: Moments,
    treatment: Moments,
    covariates: Sequence[int],
    *,
    numerator: int = 0,
    denominator: int | None = None,
    baseline: Literal["adjusted", "unadjusted"] = "adjusted",
) -> Comparison:
    """Compare two arms after CUPED.

    The covariates are centred on the mean of both arms together, so the adjusted means stay in the metric's unit.
    Theta counts as known: fine from about 30 units a covariate.

    Args:
        control: Moments of the control arm.
        treatment: Moments of the treatment arm.
        covariates: Positions of the covariates in the vector.
        numerator: Position of the metric.
        denominator: Position of a ratio's denominator; None for a mean.
        baseline: What the relative effect is related to: the control's adjusted mean (less noise), or its plain mean
            (GrowthBook).

    Returns:
        The comparison; `infer` makes an effect of it.

    References:
        Deng, Xu, Kohavi, Walker (2013), as above. Deng, Knoblich, Lu (2018), arXiv:1803.06336, for ratios.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> before = rng.normal(size=(2, 1000))
        >>> after = before + 0.1 * rng.normal(size=(2, 1000)) + [[0], [0.5]]
        >>> arms = [Moments.from_values(np.stack([after[arm], before[arm]], axis=1)) for arm in (0, 1)]
        >>> adjusted_comparison(*arms, [1]).effect.round(1).tolist()
        [0.5]

    """
    check_choice("baseline", baseline, ("adjusted", "unadjusted"))
    theta = estimate_adjustment(control, treatment, covariates, numerator=numerator, denominator=denominator).theta
    chosen = np.asarray(covariates, dtype=np.intp)
    arms = with_spread(control, treatment, numerator=numerator, denominator=denominator)
    pieces = [gradient(arm, numerator, denominator) for arm in arms]
    plain = [estimate(arm, numerator=numerator, denominator=denominator) for arm in arms]
    adjusted = [weights.copy() for _, weights in pieces]
    for weights in adjusted:
        weights[:, chosen] -= theta
    per_unit = [arm.covariance / np.maximum(arm.count, 1)[:, None, None] for arm in arms]
    # Where the metric varies in neither arm, what variance there is comes from theta, which is rounding there.
    varies = plain[0].variance + plain[1].variance > 0
    variances = [
        np.where(varies, variance_of(weights, matrix), 0.0) for weights, matrix in zip(adjusted, per_unit, strict=True)
    ]
    # Weights of the baseline in each arm's mean vector. Centring on both arms brings treatment's covariates in.
    shares = [arm.count / np.maximum(control.count + treatment.count, 1) for arm in arms]
    gap = np.einsum("ni,ni->n", theta, treatment.mean[:, chosen] - control.mean[:, chosen])
    means = [pieces[0][0] + shares[1] * gap, pieces[1][0] - shares[0] * gap]
    in_control, in_treatment = pieces[0][1].copy(), np.zeros_like(pieces[1][1])
    if baseline == "adjusted":
        in_control[:, chosen] -= shares[1][:, None] * theta
        in_treatment[:, chosen] += shares[1][:, None] * theta
    variance = variances[0] + variances[1]
    return Comparison(
        count_control=control.count,
        count_treatment=treatment.count,
        mean_control=means[0],
        mean_treatment=means[1],
        effect=means[1] - means[0],
        variance=variance,
        baseline=means[0] if baseline == "adjusted" else pieces[0][0],
        baseline_variance=variance_of(in_control, per_unit[0]) + variance_of(in_treatment, per_unit[1]),
        covariance=quadratic(adjusted[1], per_unit[1], in_treatment) - quadratic(adjusted[0], per_unit[0], in_control),
        degrees_of_freedom=satterthwaite(variances, [control.count - 1, treatment.count - 1]),
        reason=comparison_reason(variance, plain[0].reason, plain[1].reason),
    )


def variance_reduction_rate(adjusted: Comparison, unadjusted: Comparison) -> Floats:
    """Share of the effect's variance that an adjustment took off, shape (n,); negative where it did harm."""
    reasons: Codes = np.maximum(adjusted.reason, unadjusted.reason)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(reasons == Reason.NONE, 1 - adjusted.variance / unadjusted.variance, np.nan)


def _solved(matrix: Floats, right: Floats) -> Floats:
    """Solve row by row on the scale of correlations, leaving out what does not vary."""
    scale = np.sqrt(np.einsum("nii->ni", matrix))
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(scale > 0, 1 / scale, 0.0)
    right = np.where(inverse > 0, right * inverse, 0.0)
    if matrix.shape[1] == 1:
        return np.asarray(right * inverse)
    scaled = np.nan_to_num(matrix * inverse[:, :, None] * inverse[:, None, :])
    return np.asarray(
        np.einsum("nij,nj->ni", np.linalg.pinv(scaled, rcond=_COLLINEAR, hermitian=True), right) * inverse
    )
