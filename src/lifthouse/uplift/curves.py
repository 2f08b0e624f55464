"""Uplift and Qini curves and what is read off them.

Units are ranked by score, highest first; `t` and `c` are the treated and control units among the first `n`:

- uplift curve: (sum of y over t / |t| - sum of y over c / |c|) * n
- Qini curve: sum of y over t - sum of y over c * |t| / |c|

Both start at (0, 0). Units with the same score enter together, so the order of rows never matters: a curve has one
point a distinct score and is straight between them. A constant score gives the straight line of random targeting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lifthouse.statistics.reasons import Bools, Floats, Ints, check_choice

CurveKind = Literal["uplift", "qini"]


@dataclass(frozen=True)
class Curve:
    """A curve over the number of units targeted.

    Attributes:
        count_targeted: Units from the highest score down, shape (points,), from 0.
        gain: Additional outcome, in the metric's unit, shape (points,).

    """

    count_targeted: Floats
    gain: Floats

    @property
    def area(self) -> float:
        """Area under the curve by the trapezoid rule."""
        return float(np.trapezoid(self.gain, self.count_targeted))

    @property
    def random_area(self) -> float:
        """Area under the straight line to the curve's end: targeting at random."""
        return float(self.count_targeted[-1] * self.gain[-1] / 2)

    def at(self, shares: npt.ArrayLike) -> Floats:
        """Gain at shares of units, on the straight lines between points."""
        gain: Floats = np.interp(np.asarray(shares, float) * self.count_targeted[-1], self.count_targeted, self.gain)
        return gain


@dataclass(frozen=True)
class Ranking:
    """Units ranked by a score, for curves under many weightings of the same units.

    Attributes:
        order: Units from the highest score down, shape (n,).
        last_of_score: Positions in `order` after which the score changes, shape (points,).

    """

    order: Ints
    last_of_score: Ints

    @classmethod
    def of(cls, score: npt.ArrayLike) -> Ranking:
        """Rank units by score, highest first.

        Raises:
            ValueError: If there is no unit or a score is not finite.

        """
        score = np.asarray(score, float)
        if score.ndim != 1 or not len(score) or not np.isfinite(score).all():
            raise ValueError(f"score has shape {score.shape}, must be (n,) with n > 0 and finite")
        order = np.argsort(-score, kind="stable")
        changes = np.flatnonzero(np.diff(score[order]))
        return cls(order, np.append(changes, len(score) - 1))

    def curve(self, outcome: Floats, treated: Bools, *, kind: CurveKind, weight: Floats | None = None) -> Curve:
        """Give the curve of units that count `weight` times each, as in a bootstrap."""
        qini, uplift = self.curves(outcome, treated, weight=weight)
        return qini if kind == "qini" else uplift

    def curves(self, outcome: Floats, treated: Bools, *, weight: Floats | None = None) -> tuple[Curve, Curve]:
        """Give the Qini and the uplift curve, whose running sums are the same."""
        weight = np.ones(len(self.order)) if weight is None else weight
        in_treatment = treated[self.order].astype(float)
        weight = weight[self.order]
        of_treatment = weight * in_treatment
        of_control = weight - of_treatment
        outcome = outcome[self.order]

        def running(values: Floats) -> Floats:
            total: Floats = np.cumsum(values)[self.last_of_score]
            return total

        count_treated, sum_treated = running(of_treatment), running(of_treatment * outcome)
        count_control, sum_control = running(of_control), running(of_control * outcome)
        count = count_treated + count_control
        targeted = np.concatenate([[0.0], count])
        qini = sum_treated - sum_control * _ratio(count_treated, count_control)
        uplift = (_ratio(sum_treated, count_treated) - _ratio(sum_control, count_control)) * count
        return Curve(targeted, np.concatenate([[0.0], qini])), Curve(targeted, np.concatenate([[0.0], uplift]))

    def added(self, effects: Floats, *, weight: Floats | None = None) -> Curve:
        """Give the curve that adds up effects of units: the uplift curve where arms were not randomised.

        Args:
            effects: Doubly robust score of each unit's effect, shape (n,).
            weight: How often each unit counts, shape (n,); None for once.

        """
        weight = np.ones(len(self.order)) if weight is None else weight
        count = np.cumsum(weight[self.order])[self.last_of_score]
        gain = np.cumsum((weight * effects)[self.order])[self.last_of_score]
        return Curve(np.concatenate([[0.0], count]), np.concatenate([[0.0], gain]))


def uplift_curve(
    outcome: npt.ArrayLike, score: npt.ArrayLike, treated: npt.ArrayLike, *, kind: CurveKind = "qini"
) -> Curve:
    """Curve of additional outcome against units targeted in the order of a score.

    Args:
        outcome: The metric, shape (n,).
        score: Higher means targeted earlier, shape (n,).
        treated: Whether a unit was in treatment, shape (n,).
        kind: Which definition, see the module.

    Returns:
        The curve.

    Raises:
        ValueError: If shapes differ, an arm is empty, or a value is not finite.

    References:
        Radcliffe (2007), Using control groups to target on predicted lift. Direct Marketing Analytics Journal.
        Gutierrez, Gerardy (2017), Causal inference and uplift modelling: a review. PMLR 67.

    Example:
        >>> uplift_curve([1, 0, 1, 0], [4, 3, 2, 1], [1, 0, 0, 1]).gain.tolist()
        [0.0, 1.0, 1.0, 0.5, 0.0]

    """
    check_choice("kind", kind, ("uplift", "qini"))
    y, w = checked(outcome, treated)
    return Ranking.of(score).curve(y, w, kind=kind)


def perfect_score(outcome: Floats, treated: Bools, *, kind: CurveKind) -> Floats:
    """Score that ranks units as well as the observed outcomes allow, as scikit-uplift has it.

    Treated responders first, control responders last. For an outcome other than 0 and 1, treated units by outcome,
    then control units by outcome reversed, which is best of outcomes from 0 up. The normaliser of `normalised_area`.
    """
    if kind == "uplift" and np.isin(outcome, (0.0, 1.0)).all():
        control_responders = np.count_nonzero((outcome == 1) & ~treated)
        treated_others = np.count_nonzero((outcome == 0) & treated)
        summand = outcome if control_responders > treated_others else treated.astype(float)
        binary: Floats = 2.0 * (outcome == treated) + summand
        return binary
    signed: Floats = np.where(treated, outcome, -outcome)
    return signed


def normalised_area(curve: Curve, perfect: Curve) -> float:
    """Area above random, as a share of the perfect curve's: 0 at random, 1 when perfect; NaN when none is possible."""
    possible = perfect.area - perfect.random_area
    return (curve.area - curve.random_area) / possible if possible > 0 else float("nan")


def area_score(
    outcome: npt.ArrayLike, score: npt.ArrayLike, treated: npt.ArrayLike, *, kind: CurveKind = "qini"
) -> float:
    """Qini coefficient (kind qini) or AUUC (kind uplift): the area above random as a share of the possible.

    Args:
        outcome: The metric, shape (n,).
        score: Higher means targeted earlier, shape (n,).
        treated: Whether a unit was in treatment, shape (n,).
        kind: Which curve.

    Returns:
        The share; scikit-uplift's qini_auc_score and uplift_auc_score.

    Raises:
        ValueError: If shapes differ, an arm is empty, or a value is not finite.

    References:
        Radcliffe (2007), as above. scikit-uplift, sklift/metrics/metrics.py.

    Example:
        >>> round(area_score([1, 0, 1, 0], [4, 3, 2, 1], [1, 0, 0, 1]), 4)
        0.8333

    """
    check_choice("kind", kind, ("uplift", "qini"))
    y, w = checked(outcome, treated)
    perfect = Ranking.of(perfect_score(y, w, kind=kind)).curve(y, w, kind=kind)
    return normalised_area(Ranking.of(score).curve(y, w, kind=kind), perfect)


def uplift_at(
    outcome: npt.ArrayLike,
    score: npt.ArrayLike,
    treated: npt.ArrayLike,
    share: float,
    *,
    strategy: Literal["overall", "by_group"] = "overall",
) -> float:
    """Observed effect among the top share of units by score.

    Args:
        outcome: The metric, shape (n,).
        score: Higher means targeted earlier, shape (n,).
        treated: Whether a unit was in treatment, shape (n,).
        share: Share of units, in (0, 1]; the number of units is rounded down.
        strategy: The top of all units, or the top of each arm by itself.

    Returns:
        Difference of means; where the cut falls among equal scores each of them counts in part. NaN where the top
        lacks an arm.

    Raises:
        ValueError: If shapes differ, an arm is empty, or a share is out of range.

    References:
        scikit-uplift, uplift_at_k.

    Example:
        >>> uplift_at([1, 0, 1, 0], [4, 3, 2, 1], [1, 0, 0, 1], 0.5)
        1.0

    """
    check_choice("strategy", strategy, ("overall", "by_group"))
    y, w = checked(outcome, treated)
    ranked = np.asarray(score, float)
    if not 0 < share <= 1:
        raise ValueError(f"share == {share}, must be > 0 and <= 1")
    if strategy == "overall":
        weight = top_weights(ranked, int(len(y) * share))
    else:
        weight = np.zeros(len(y))
        for arm in (w, ~w):
            weight[arm] = top_weights(ranked[arm], int(np.count_nonzero(arm) * share))
    return weighted_difference(y, w, weight)


def top_weights(score: Floats, count: int) -> Floats:
    """Weight 1 for the top `count` units, 0 below; equal scores at the cut share what is left.

    Example:
        >>> top_weights(np.array([3.0, 1.0, 1.0]), 2).tolist()
        [1.0, 0.5, 0.5]

    """
    if count == 0:
        return np.zeros(len(score))
    cut = np.partition(score, len(score) - count)[len(score) - count]
    above, at = score > cut, score == cut
    weights: Floats = above + at * (count - np.count_nonzero(above)) / np.count_nonzero(at)
    return weights


def weighted_difference(outcome: Floats, treated: Bools, weight: Floats) -> float:
    """Difference of the arms' weighted means, NaN if an arm has no weight."""
    one, zero = weight[treated].sum(), weight[~treated].sum()
    if not (one and zero):
        return float("nan")
    return float(weight[treated] @ outcome[treated] / one - weight[~treated] @ outcome[~treated] / zero)


def checked(outcome: npt.ArrayLike, treated: npt.ArrayLike) -> tuple[Floats, Bools]:
    """Arrays of an outcome and of who was treated, after checks.

    Outcomes that go below 0, as amounts of which less is better do, are counted from the least, and so are two values
    a unit apart, which become 0 and 1: no effect differs for it, and `perfect_score` knows the best possible order.

    Example:
        >>> checked([-1, 0], [1, 0])[0].tolist()
        [0.0, 1.0]
        >>> checked([-9.5, 0], [1, 0])[0].tolist()
        [0.0, 9.5]

    """
    y, w = np.asarray(outcome, float), np.asarray(treated)
    if y.ndim != 1 or y.shape != w.shape:
        raise ValueError(f"shapes of outcome, treated == {y.shape}, {w.shape}, must both be (n,)")
    if not np.isfinite(y).all() or not np.isin(w, (0, 1)).all():
        raise ValueError("outcome must be finite and treated must be 0 or 1")
    w = w.astype(bool)
    if w.all() or not w.any():
        raise ValueError(f"{np.count_nonzero(w)} of {len(w)} units are treated, must be some and not all")
    above_least = y - y.min()
    return above_least if y.min() < 0 or np.isin(above_least, (0.0, 1.0)).all() else y, w


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    ratio: Floats = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)
    return ratio
