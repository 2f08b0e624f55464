"""Two arms reduced to what a test, an absolute and a relative interval all rest on.

Means, ratios, covariate-adjusted, post-stratified and quantile metrics differ only in how they arrive at a
`Comparison`; `effects.infer` turns each into the same verdict. An effect and the baseline it is related to are smooth
functions of the arms' mean vectors, so their joint variance follows from the delta method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lifthouse.statistics.moments import Moments
from lifthouse.statistics.reasons import Bools, Codes, Floats, Reason, first_reason

# A variance below this share of the terms that cancel in it is their rounding error.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Estimate:
    """One arm's estimate, in each of n comparisons; every array has shape (n,).

    Attributes:
        count: Units.
        value: The estimate, in the metric's unit.
        variance: Variance of the estimate (squared standard error).
        degrees_of_freedom: Of the variance.
        reason: Codes of `Reason`.

    """

    count: Floats
    value: Floats
    variance: Floats
    degrees_of_freedom: Floats
    reason: Codes


@dataclass(frozen=True)
class Comparison:
    """An effect, the baseline it is related to, and how both vary together; every array has shape (n,).

    Attributes:
        count_control: Units in control.
        count_treatment: Units in treatment.
        mean_control: Metric in control, after adjustment if any.
        mean_treatment: The same in treatment.
        effect: Absolute effect, treatment less control.
        variance: Variance of the effect.
        baseline: What a relative effect is related to.
        baseline_variance: Its variance.
        covariance: Covariance of effect and baseline.
        degrees_of_freedom: Welch-Satterthwaite, of the effect's variance.
        reason: Codes of `Reason`; the numbers of such rows mean nothing.

    """

    count_control: Floats
    count_treatment: Floats
    mean_control: Floats
    mean_treatment: Floats
    effect: Floats
    variance: Floats
    baseline: Floats
    baseline_variance: Floats
    covariance: Floats
    degrees_of_freedom: Floats
    reason: Codes

    @property
    def has_no_baseline(self) -> Bools:
        """Whether the baseline is zero but for rounding, shape (n,): nothing can be related to it."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(self.baseline) <= ROUNDING * np.sqrt(self.variance))


def quadratic(weights: Floats, matrix: Floats, other: Floats | None = None) -> Floats:
    """Row-wise `weights' matrix other`: (n, k), (n, k, k), (n, k) to (n,)."""
    product: Floats = np.einsum(
        "ni,ni->n", np.einsum("ni,nij->nj", weights, matrix), weights if other is None else other
    )
    return product


def variance_of(weights: Floats, covariance: Floats) -> Floats:
    """Variance of a linear combination, row by row: (n, k), (n, k, k) to (n,).

    It is zero where it is no more than rounding error: one order in an arm has an average value, but no spread.

    Example:
        >>> orders = Moments.from_values([[0.0, 0.0], [0.0, 0.0], [299.9, 1.0]])
        >>> _, weights = gradient(orders, 0, 1)
        >>> variance_of(weights, orders.covariance).tolist()
        [0.0]

    """
    variance = quadratic(weights, covariance)
    terms = np.einsum("ni,nii->n", np.square(weights), covariance)
    with np.errstate(invalid="ignore"):
        return np.where(variance <= ROUNDING * terms, 0.0, variance)


def satterthwaite(variances: Sequence[Floats], degrees: Sequence[Floats]) -> Floats:
    """Degrees of freedom of a sum of independent variances, shape (n,).

    References:
        Satterthwaite (1946), An approximate distribution of estimates of variance components. Biometrics Bulletin 2.

    Example:
        >>> satterthwaite([np.array([1.0]), np.array([1.0])], [np.array([9.0]), np.array([9.0])]).tolist()
        [18.0]

    """
    total = np.sum(variances, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = [variance / total for variance in variances]
        inverse = np.sum(
            [np.where(share == 0, 0.0, share**2 / degree) for share, degree in zip(shares, degrees, strict=True)],
            axis=0,
        )
        return np.asarray(1 / inverse)


def gradient(moments: Moments, numerator: int, denominator: int | None) -> tuple[Floats, Floats]:
    """Give a mean's or ratio's value (n,) and its gradient in the mean vector (n, k)."""
    weights = np.zeros_like(moments.mean)
    if denominator is None:
        weights[:, numerator] = 1.0
        return moments.mean[:, numerator], weights
    with np.errstate(divide="ignore", invalid="ignore"):
        value = moments.mean[:, numerator] / moments.mean[:, denominator]
        weights[:, numerator] = 1 / moments.mean[:, denominator]
        weights[:, denominator] = -value / moments.mean[:, denominator]
    return value, weights


def estimate(moments: Moments, *, numerator: int = 0, denominator: int | None = None) -> Estimate:
    """One arm's mean, or ratio of means by the delta method.

    Args:
        moments: The arm's moments.
        numerator: Position of the metric in the vector.
        denominator: Position of a ratio's denominator; None for a mean.

    References:
        Deng, Knoblich, Lu (2018), Applying the delta method in metric analytics. KDD. arXiv:1803.06336.

    Example:
        >>> clicks_views = Moments.from_values([[1.0, 2.0], [0.0, 3.0], [2.0, 5.0]])
        >>> estimate(clicks_views, denominator=1).value.round(6).tolist()
        [0.3]

    """
    value, weights = gradient(moments, numerator, denominator)
    variance = variance_of(weights, moments.covariance) / np.maximum(moments.count, 1)
    # Intervals square what they are made of.
    with np.errstate(over="ignore"):
        is_valid = np.isfinite(value**4) & np.isfinite(variance**2)
    reason = first_reason(
        len(moments),
        (moments.count < 2, Reason.TOO_FEW_UNITS),
        (zero_denominator(moments, denominator), Reason.ZERO_DENOMINATOR),
        (~is_valid, Reason.INVALID_MOMENTS),
    )
    return Estimate(moments.count, value, variance, moments.count - 1, reason)


def zero_denominator(moments: Moments, denominator: int | None) -> Bools:
    """Rows where a ratio has nothing to divide by."""
    if denominator is None:
        return np.zeros(len(moments), dtype=bool)
    return np.asarray(moments.mean[:, denominator] == 0)


def with_spread(
    control: Moments, treatment: Moments, *, numerator: int = 0, denominator: int | None = None
) -> tuple[Moments, Moments]:
    """Give an arm in which the metric does not vary, though in the other it does, the covariance of both together.

    Nobody of 445 bought: that is no proof that nobody ever would. A variance of zero would count the arm's mean as
    known, and call three sales in the other arm an effect. If arms do not differ, their common variance is right, as in
    the score test; if they do, it is too large.

    Args:
        control: Moments of the control arm.
        treatment: Moments of the treatment arm.
        numerator: Position of the metric in the vector.
        denominator: Position of a ratio's denominator; None for a mean.

    Example:
        >>> none_of_four, one_of_four = Moments.from_values([[0.0]] * 4), Moments.from_values([[0.0]] * 3 + [[1.0]])
        >>> [arm.covariance.item() for arm in with_spread(none_of_four, one_of_four)]
        [0.125, 0.25]

    """
    arms = (control, treatment)
    varies = [variance_of(gradient(arm, numerator, denominator)[1], arm.covariance) > 0 for arm in arms]
    is_known = (control.count >= 2) & (treatment.count >= 2)
    lends = [(is_known & varies[other] & ~varies[one])[:, None, None] for one, other in ((0, 1), (1, 0))]
    both = control.merged(treatment).covariance
    given = [
        replace(arm, covariance=np.where(lacks, both, arm.covariance)) for arm, lacks in zip(arms, lends, strict=True)
    ]
    return given[0], given[1]


def compare_estimates(control: Estimate, treatment: Estimate, *, equal_variance: bool = False) -> Comparison:
    """Compare two independent estimates; the baseline is the control's.

    Args:
        control: The control arm.
        treatment: The treatment arm.
        equal_variance: Pool the units' variance over the arms (Student) instead of Welch. Only for people who must
            reproduce such a number; it is wrong where arms differ in size and spread.

    Returns:
        The comparison. Rows whose effect has no variance carry a reason.

    References:
        Welch (1947), The generalization of Student's problem. Biometrika 34.

    Example:
        >>> arms = [Moments.from_values([[0.0], [1.0], [2.0]]), Moments.from_values([[2.0], [3.0], [4.0]])]
        >>> compare_estimates(*map(estimate, arms)).degrees_of_freedom.tolist()
        [4.0]

    """
    control_variance, treatment_variance = control.variance, treatment.variance
    if equal_variance:
        total = control.degrees_of_freedom + treatment.degrees_of_freedom
        with np.errstate(divide="ignore", invalid="ignore"):
            unit_variance = (
                control.degrees_of_freedom * control.count * control.variance
                + treatment.degrees_of_freedom * treatment.count * treatment.variance
            ) / total
            control_variance, treatment_variance = unit_variance / control.count, unit_variance / treatment.count
        degrees = total
    else:
        degrees = satterthwaite(
            [control_variance, treatment_variance], [control.degrees_of_freedom, treatment.degrees_of_freedom]
        )
    variance = control_variance + treatment_variance
    with np.errstate(invalid="ignore"):
        effect = treatment.value - control.value
    return Comparison(
        count_control=control.count,
        count_treatment=treatment.count,
        mean_control=control.value,
        mean_treatment=treatment.value,
        effect=effect,
        variance=variance,
        baseline=control.value,
        baseline_variance=control_variance,
        covariance=-control_variance,
        degrees_of_freedom=degrees,
        reason=comparison_reason(variance, control.reason, treatment.reason),
    )


def comparison_reason(variance: Floats, control: Codes, treatment: Codes) -> Codes:
    """Put the arms' own reasons first, then what is wrong with the effect's variance."""
    own = np.where(control != Reason.NONE, control, treatment)
    late = first_reason(len(variance), (variance == 0, Reason.ZERO_VARIANCE), (~(variance > 0), Reason.INVALID_MOMENTS))
    return np.where(own != Reason.NONE, own, late).astype(np.int8)


def compare(
    control: Moments,
    treatment: Moments,
    *,
    numerator: int = 0,
    denominator: int | None = None,
    equal_variance: bool = False,
) -> Comparison:
    """Compare two arms' means, or ratios by the delta method, without adjustment.

    Args:
        control: Moments of the control arm.
        treatment: Moments of the treatment arm.
        numerator: Position of the metric in the vector.
        denominator: Position of a ratio's denominator; None for a mean.
        equal_variance: As in `compare_estimates`; without it, an arm that does not vary has the spread of both.

    Example:
        >>> control, treatment = Moments.from_values([[0.0], [2.0]]), Moments.from_values([[1.0], [4.0]])
        >>> compare(control, treatment).effect.tolist()
        [1.5]

    """
    arms = control, treatment
    if not equal_variance:
        arms = with_spread(control, treatment, numerator=numerator, denominator=denominator)
    estimates = [estimate(arm, numerator=numerator, denominator=denominator) for arm in arms]
    return compare_estimates(*estimates, equal_variance=equal_variance)
