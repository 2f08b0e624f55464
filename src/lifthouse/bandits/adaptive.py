"""Means of arms, and what sets them apart, where shares followed the rewards: plain means are then biased.

An arm that started unluckily is given up and keeps its bad mean. Weighting by the inverse of the known shares undoes
that. Weights that even out the noise of rounds give up some of it again for intervals that are narrower and normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from lifthouse.statistics.reasons import Floats, check_choice, check_rate

Weighting = Literal["constant", "stabilised"]


@dataclass(frozen=True)
class AdaptiveEstimates:
    """Means of k arms and their differences from the first; every array has shape (k,), NaN for what is unknown.

    Attributes:
        count: Rounds of each arm.
        mean: Mean reward.
        standard_error: Of the mean.
        ci_lower: Lower bound.
        ci_upper: Upper bound.
        effect: Mean less that of the first arm.
        effect_standard_error: Of the effect.
        effect_p_value: Of no effect, two-sided.

    """

    count: Floats
    mean: Floats
    standard_error: Floats
    ci_lower: Floats
    ci_upper: Floats
    effect: Floats
    effect_standard_error: Floats
    effect_p_value: Floats


def adaptive_estimates(
    arm: npt.ArrayLike,
    reward: npt.ArrayLike,
    shares: npt.ArrayLike,
    *,
    weighting: Weighting = "stabilised",
    confidence: float = 0.95,
) -> AdaptiveEstimates:
    """Estimate the arms' means from rounds in the order in which they came.

    Args:
        arm: Arm of each round, in [0, k), shape (n,).
        reward: Its reward, shape (n,).
        shares: Probability of every arm in each round, given what was known before it; positive, shape (n, k). A
            floor keeps them away from zero.
        weighting: Of rounds: "constant", the plain inverse-propensity estimate, unbiased; "stabilised", by the root of
            the share, so that no round of a small share dominates: less noise, a small bias.
        confidence: Level of the intervals.

    Returns:
        The estimates. Rewards are taken less the arm's mean so far, which takes off noise and adds no bias.

    Raises:
        ValueError: If shapes differ, a share is not in (0, 1], an arm is none of the k, or a reward is not finite.

    References:
        Hadad, Hirshberg, Zhan, Wager, Athey (2021), Confidence intervals for policy evaluation in adaptive
        experiments. PNAS 118. Nie, Tian, Taylor, Zou (2018), Why adaptively collected data have negative bias. AISTATS.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> arm = rng.binomial(1, 0.2, size=5000)
        >>> reward = rng.normal(arm, 1.0)
        >>> adaptive_estimates(arm, reward, np.tile([0.8, 0.2], (5000, 1))).effect.round(1).tolist()
        [0.0, 1.0]

    """
    check_choice("weighting", weighting, ("constant", "stabilised"))
    check_rate("confidence", confidence)
    chosen, rewards, known = (np.asarray(values, float) for values in (arm, reward, shares))
    if not (known.ndim == 2 and len(known) and chosen.shape == rewards.shape == known.shape[:1]):
        raise ValueError(f"shapes == {chosen.shape}, {rewards.shape}, {known.shape}, must be (n,), (n,), (n, k), n > 0")
    if not (known > 0).all() or known.max() > 1 + 1e-9:
        raise ValueError(f"smallest share == {known.min()}, must be > 0; largest == {known.max()}, must be <= 1")
    is_arm = chosen[:, None] == np.arange(known.shape[1])
    if not is_arm.any(axis=1).all():
        raise ValueError(
            f"arms range over [{chosen.min():g}, {chosen.max():g}], must be whole, in [0, {known.shape[1]})"
        )
    if not np.isfinite(rewards).all():
        raise ValueError("reward: must be finite")
    so_far = _mean_before(is_arm, rewards)
    scores = so_far + np.where(is_arm, (rewards[:, None] - so_far) / known, 0.0)
    weights = np.sqrt(known) if weighting == "stabilised" else np.ones_like(known)
    total = weights.sum(axis=0)
    count = is_arm.sum(axis=0).astype(float)
    mean = np.where(count > 1, (weights * scores).sum(axis=0) / total, np.nan)
    error = np.sqrt((weights**2 * (scores - mean) ** 2).sum(axis=0)) / total
    reach = -special.ndtri((1 - confidence) / 2) * error
    effect = mean - mean[0]
    effect_error = np.hypot(error, error[0])
    effect_error[0] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = 2 * special.ndtr(-np.abs(effect / effect_error))
    return AdaptiveEstimates(count, mean, error, mean - reach, mean + reach, effect, effect_error, p_value)


def _mean_before(is_arm: npt.NDArray[np.bool_], rewards: Floats) -> Floats:
    """Mean reward of every arm before each round, 0 before its first, shape (n, k)."""
    sums = np.cumsum(np.where(is_arm, rewards[:, None], 0.0), axis=0)
    counts = np.cumsum(is_arm, axis=0)
    means = sums / np.maximum(counts, 1)
    return np.asarray(np.concatenate([np.zeros_like(means[:1]), means[:-1]]))
