"""How many units a test needs, what it can find, and how surely: the planning side of `infer` and `against_margin`.

Effects and margins are relative: shares of the size of control's mean, as the registry states them. A positive effect
is an increase. The same t test with Welch's degrees of freedom is planned as is later read, by the noncentral t.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from lifthouse.statistics.comparison import satterthwaite
from lifthouse.statistics.quadrature import CUTS, panelled
from lifthouse.statistics.reasons import Bools, Floats

# From so many degrees of freedom on, the noncentral t is the shifted normal to 1e-5.
_NORMAL_FROM = 50_000.0
_MOST_UNITS = 1e15
_LARGEST_EFFECT = 1e6
_HALVINGS = 56


@dataclass(frozen=True)
class Design:
    """Planned comparisons of one treatment with control; every array has shape (n,).

    Attributes:
        baseline: The metric in control; not zero.
        unit_variance: Variance of one unit's value, in control: for ratios of the linearised value, after adjustment
            the part that is left.
        share_control: Share of all units that control gets, in (0, 1).
        share_treatment: The same of treatment; with several treatments both shares add up to less than 1.
        is_proportion: Whether a unit's value is 0 or 1: the treatment's variance then follows from its mean.
        cluster_size: Units that are assigned together; 1 where each is assigned alone.

    """

    baseline: Floats
    unit_variance: Floats
    share_control: Floats
    share_treatment: Floats
    is_proportion: Bools
    cluster_size: Floats

    @classmethod
    def of(
        cls,
        baseline: npt.ArrayLike,
        unit_variance: npt.ArrayLike,
        *,
        share_control: npt.ArrayLike = 0.5,
        share_treatment: npt.ArrayLike = 0.5,
        is_proportion: npt.ArrayLike = False,
        explained_rate: npt.ArrayLike = 0.0,
        cluster_size: npt.ArrayLike = 1.0,
        cluster_size_variation: npt.ArrayLike = 0.0,
        intraclass_correlation: npt.ArrayLike = 0.0,
    ) -> Design:
        """Make designs of numbers and arrays that broadcast to one shape (n,).

        Args:
            baseline: The metric in control.
            unit_variance: Variance of one unit's value before any adjustment; `p * (1 - p)` for a proportion.
            share_control: Share of all units that control gets.
            share_treatment: The same of treatment.
            is_proportion: Whether a unit's value is 0 or 1.
            explained_rate: Share of the variance that CUPED takes off: `Adjustment.explained_rate` of the past.
            cluster_size: Mean number of units that are assigned together.
            cluster_size_variation: Standard deviation of that number divided by its mean.
            intraclass_correlation: Correlation of two units of one cluster.

        Returns:
            The designs.

        Raises:
            ValueError: If a share, a rate or a size is out of range.

        Example:
            >>> Design.of(10.0, 400.0, explained_rate=0.25).unit_variance.tolist()
            [300.0]

        """
        shares = np.asarray(share_control, float), np.asarray(share_treatment, float)
        if min(part.min(initial=1.0) for part in shares) <= 0 or np.max(shares[0] + shares[1]) > 1 + 1e-9:
            raise ValueError(f"shares == {share_control!r}, {share_treatment!r}, must be > 0 and add up to at most 1")
        explained = np.asarray(explained_rate, float)
        if explained.min(initial=0.0) < 0 or explained.max(initial=0.0) >= 1:
            raise ValueError(f"explained_rate == {explained_rate!r}, must be >= 0 and < 1")
        inflated = design_effect(cluster_size, intraclass_correlation, size_variation=cluster_size_variation)
        mean, variance, control, treatment, proportion, size = np.broadcast_arrays(
            np.atleast_1d(np.asarray(baseline, float)),
            np.asarray(unit_variance, float) * (1 - explained) * inflated,
            *shares,
            np.asarray(is_proportion, float),
            np.asarray(cluster_size, float),
        )
        return cls(mean, variance, control, treatment, proportion > 0, size)


def design_effect(
    cluster_size: npt.ArrayLike, intraclass_correlation: npt.ArrayLike, *, size_variation: npt.ArrayLike = 0.0
) -> Floats:
    """By how much variance grows when clusters are assigned rather than units.

    Args:
        cluster_size: Mean units a cluster, at least 1.
        intraclass_correlation: Correlation of two units of one cluster, in [0, 1].
        size_variation: Standard deviation of cluster sizes divided by their mean.

    Returns:
        The factor, of the arguments' common shape.

    Raises:
        ValueError: If an argument is out of range.

    References:
        Eldridge, Ashby, Kerry (2006), Sample size for cluster randomized trials: effect of coefficient of variation of
        cluster size. International Journal of Epidemiology 35.

    Example:
        >>> design_effect(20, 0.05).round(9).item()
        1.95

    """
    size, correlation = np.asarray(cluster_size, float), np.asarray(intraclass_correlation, float)
    if not ((size >= 1) & np.isfinite(size)).all():
        raise ValueError(f"cluster_size == {cluster_size!r}, must be >= 1 and finite")
    if not ((correlation >= 0) & (correlation <= 1)).all():
        raise ValueError(f"intraclass_correlation == {intraclass_correlation!r}, must be >= 0 and <= 1")
    return np.asarray(1 + ((1 + np.asarray(size_variation, float) ** 2) * size - 1) * correlation)


def power(
    design: Design,
    units: npt.ArrayLike,
    effect: npt.ArrayLike,
    *,
    alpha: npt.ArrayLike = 0.05,
    margin: npt.ArrayLike | None = None,
    better: npt.ArrayLike = 1.0,
) -> Floats:
    """Probability that the test says so if the effect is there.

    Args:
        design: The designs.
        units: Units over all arms, shape (n,) or a number.
        effect: The true effect, as a share of the baseline's size; for a guardrail usually 0.
        alpha: Two-sided error, after correction for several tests: `alpha / m` for the first step of Holm's method.
        margin: None to test against no effect, two-sided; else the largest tolerated harm, as a share of the
            baseline's size, to test against at `alpha / 2`, one-sided, as `against_margin`.
        better: 1 where more is better, -1 where less is; matters with a margin only.

    Returns:
        Power, shape (n,); NaN where a number is missing, there are too few units, or no such proportion exists.

    References:
        Cohen (1988), Statistical power analysis for the behavioral sciences. Julious (2004), Sample sizes for clinical
        trials with normal data. Statistics in Medicine 23, on margins.

    Example:
        >>> power(Design.of(10.0, 400.0), 12_000, 0.1).round(3).tolist()
        [0.782]

    """
    planned, (count, relative, error, sign) = _together(design, units, effect, alpha, better)
    size = np.abs(planned.baseline)
    shares = planned.share_control, planned.share_treatment
    usable = (count * np.minimum(*shares) / planned.cluster_size >= 2) & (size > 0)
    count = np.where(usable, count, np.nan)
    control = planned.unit_variance / (count * planned.share_control)
    treatment = _treatment_variance(planned, relative * size) / (count * planned.share_treatment)
    degrees = satterthwaite([control, treatment], [count * share / planned.cluster_size - 1 for share in shares])
    with np.errstate(divide="ignore", invalid="ignore"):
        critical = -special.stdtrit(degrees, error / 2)
        if margin is None:
            away = np.abs(relative) * size / np.sqrt(control + treatment)
            return _beyond(critical, degrees, away) + _beyond(critical, degrees, -away)
        worst = np.asarray(margin, float)
        # A relative margin moves with the baseline, whose own uncertainty counts.
        weight = (1 - sign * np.sign(planned.baseline) * worst) ** 2
        distance = (sign * relative + worst) * size / np.sqrt(weight * control + treatment)
        return _beyond(critical, degrees, distance)


def required_units(
    design: Design,
    effect: npt.ArrayLike,
    *,
    target: float = 0.8,
    alpha: npt.ArrayLike = 0.05,
    margin: npt.ArrayLike | None = None,
    better: npt.ArrayLike = 1.0,
) -> Floats:
    """Units over all arms from which on the power is reached.

    Args:
        design: The designs.
        effect: As in `power`.
        target: The power wanted.
        alpha: As in `power`.
        margin: As in `power`.
        better: As in `power`.

    Returns:
        Whole numbers of units, shape (n,); NaN where no number of units is enough.

    Example:
        >>> required_units(Design.of(10.0, 400.0), 0.1).tolist()
        [12561.0]

    """
    planned, (relative, error) = _together(design, effect, alpha)
    least = 2 * planned.cluster_size / np.minimum(planned.share_control, planned.share_treatment)

    def too_few(log_units: Floats) -> Bools:
        reached = power(planned, np.exp(log_units), relative, alpha=error, margin=margin, better=better)
        return np.asarray(~(reached >= target))

    units = np.exp(_threshold(too_few, np.log(least), np.full_like(least, np.log(_MOST_UNITS))))
    return np.where(units < 0.99 * _MOST_UNITS, np.ceil(units * (1 - 1e-12)), np.nan)


def detectable_effect(
    design: Design,
    units: npt.ArrayLike,
    *,
    target: float = 0.8,
    alpha: npt.ArrayLike = 0.05,
    direction: npt.ArrayLike = 1.0,
) -> Floats:
    """Smallest effect that is found with the wanted power (MDE).

    Args:
        design: The designs.
        units: As in `power`.
        target: The power wanted.
        alpha: As in `power`.
        direction: 1 for an increase, -1 for a decrease: proportions find one more easily than the other.

    Returns:
        Sizes of relative effects, positive, shape (n,); NaN where none is large enough.

    Example:
        >>> detectable_effect(Design.of(10.0, 400.0), 12_561).round(4).tolist()
        [0.1]

    """
    planned, (count, error, sign) = _together(design, units, alpha, direction)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(sign > 0, 1 - planned.baseline, planned.baseline) / np.abs(planned.baseline)
    largest = np.where(planned.is_proportion & np.isfinite(room), room, _LARGEST_EFFECT)

    def too_small(size: Floats) -> Bools:
        return np.asarray(~(power(planned, count, sign * size, alpha=error) >= target))

    found = _threshold(too_small, np.zeros_like(largest), largest)
    return np.where(too_small(found), np.nan, found)


def detectable_margin(
    design: Design,
    units: npt.ArrayLike,
    *,
    effect: npt.ArrayLike = 0.0,
    target: float = 0.8,
    alpha: npt.ArrayLike = 0.05,
    better: npt.ArrayLike = 1.0,
) -> Floats:
    """Smallest margin within which a guardrail is shown to hold with the wanted power.

    Args:
        design: The designs.
        units: As in `power`.
        effect: The true effect.
        target: The power wanted.
        alpha: Two-sided error; the test is one-sided at half of it.
        better: 1 where more is better, -1 where less is.

    Returns:
        Margins as shares of the baseline's size, shape (n,); NaN where none below 1 is large enough.

    Example:
        >>> detectable_margin(Design.of(10.0, 400.0), 12_561).round(4).tolist()
        [0.0953]

    """
    planned, (count, relative, error, sign) = _together(design, units, effect, alpha, better)

    def too_small(margin: Floats) -> Bools:
        reached = power(planned, count, relative, alpha=error, margin=margin, better=sign)
        return np.asarray(~(reached >= target))

    found = _threshold(too_small, np.zeros_like(count), np.ones_like(count))
    return np.where(too_small(found), np.nan, found)


def _together(design: Design, *values: npt.ArrayLike) -> tuple[Design, tuple[Floats, ...]]:
    """Give designs and numbers of one shape (n,)."""
    parts = [getattr(design, field.name) for field in fields(design)]
    arrays = np.broadcast_arrays(*parts, *(np.asarray(value, float) for value in values))
    return Design(*arrays[: len(parts)]), tuple(arrays[len(parts) :])


def _treatment_variance(design: Design, shift: Floats) -> Floats:
    """Variance of a unit in treatment: of a proportion by its mean there, of all else as in control."""
    share = design.baseline + shift
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = share * (1 - share) / (design.baseline * (1 - design.baseline))
    ratio = np.where((share >= 0) & (share <= 1), ratio, np.nan)
    return np.asarray(design.unit_variance * np.where(design.is_proportion, ratio, 1.0))


def _beyond(critical: Floats, degrees: Floats, shift: Floats) -> Floats:
    """Probability that a noncentral t lies above the critical value."""
    critical, degrees, shift = np.broadcast_arrays(critical, degrees, shift)
    above = np.array(special.ndtr(shift - critical))
    few = degrees < _NORMAL_FROM
    # Few units and a small alpha: the standard error scatters more than the effect, and scipy's series fail.
    scattered = few & (critical > np.sqrt(2 * degrees))
    near = few & ~scattered & (np.abs(shift - critical) < 30)
    if near.any():
        above[near] = stats.nct.sf(critical[near], degrees[near], shift[near])
    if scattered.any():
        above[scattered] = _beyond_by_quadrature(critical[scattered], degrees[scattered], shift[scattered])
    return above


def _beyond_by_quadrature(critical: Floats, degrees: Floats, shift: Floats) -> Floats:
    """Average over the effect's noise of the chance that the standard error is as small as it takes."""
    noise, weights = panelled(np.maximum(CUTS, -shift[:, None]))
    with np.errstate(over="ignore"):
        largest_error = (shift[:, None] + noise) / critical[:, None]
        chances = special.chdtr(degrees[:, None], degrees[:, None] * largest_error**2)
        density = np.exp(-(noise**2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray((weights * density * chances).sum(axis=1))


def _threshold(below: Callable[[Floats], Bools], low: Floats, high: Floats) -> Floats:
    """Smallest number that is no longer below, in [low, high], by halving."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_below = below(middle)
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return high
