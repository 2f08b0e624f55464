"""What another policy would have earned, from the log of the one that ran and knew its propensities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from lifthouse.statistics.reasons import Floats, check_choice, check_rate

Estimator = Literal["ips", "snips", "doubly_robust"]


@dataclass(frozen=True)
class OffPolicyValue:
    """Mean reward of a policy that did not run; NaN where it is refused.

    Attributes:
        estimator: ips, snips or doubly_robust.
        value: Mean reward a round.
        standard_error: Of the value.
        ci_lower: Lower bound.
        ci_upper: Upper bound.
        effective_sample_size: So many rounds of the policy's own would say as much: `sum(w)^2 / sum(w^2)`.
        mean_weight: Mean of the weights, near 1 if the propensities are right and cover what the policy does.
        max_weight: The largest weight.
        reason: Why there is no value; None where there is one.

    """

    estimator: Estimator
    value: float
    standard_error: float
    ci_lower: float
    ci_upper: float
    effective_sample_size: float
    mean_weight: float
    max_weight: float
    reason: str | None


def off_policy_value(
    reward: npt.ArrayLike,
    propensity: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    estimator: Estimator = "snips",
    predicted: npt.ArrayLike | None = None,
    predicted_of_target: npt.ArrayLike | None = None,
    least_effective_size: float = 100.0,
    largest_weight_error: float = 4.0,
    confidence: float = 0.95,
) -> OffPolicyValue:
    """Estimate the value of a policy from logged rounds, or refuse.

    Args:
        reward: Rewards of the logged actions, shape (n,).
        propensity: Probability with which the logging policy chose that action, in (0, 1], shape (n,).
        target: Probability with which the other policy would choose it, in [0, 1], shape (n,).
        estimator: "ips", weighted rewards: unbiased; "snips", the same over the mean weight: less noise;
            "doubly_robust": predictions, corrected by weighted residuals: right if either propensities or predictions
            are.
        predicted: For doubly_robust, predicted reward of the logged action, from a model fitted on other rounds.
        predicted_of_target: For doubly_robust, the prediction averaged over the other policy's choice in each round.
        least_effective_size: Refuse below this effective sample size: a handful of rounds would carry all weight.
        largest_weight_error: Refuse if the mean weight is further from 1 than so many of its standard errors: the
            propensities are wrong, or the policy does what the log never shows.
        confidence: Level of the interval.

    Returns:
        The value, or why it is refused; weights are described either way.

    Raises:
        ValueError: If shapes differ, a probability is out of range, a reward or a prediction is not finite, or
            doubly_robust lacks predictions.

    References:
        Horvitz, Thompson (1952), A generalization of sampling without replacement. JASA 47. Swaminathan, Joachims
        (2015), The self-normalized estimator for counterfactual learning. NeurIPS. Dudík, Langford, Li (2011), Doubly
        robust policy evaluation and learning. ICML. Kong (1992), A note on importance sampling, on the effective size.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> arm = rng.integers(2, size=10_000)
        >>> click = rng.binomial(1, np.where(arm == 1, 0.3, 0.1))
        >>> always_one = off_policy_value(click, np.full(10_000, 0.5), arm == 1)
        >>> round(always_one.value, 2), round(always_one.effective_sample_size)
        (0.3, 5003)

    """
    check_choice("estimator", estimator, ("ips", "snips", "doubly_robust"))
    check_rate("confidence", confidence)
    rewards, logged, wanted = (np.asarray(values, float) for values in (reward, propensity, target))
    if not rewards.ndim == 1 <= len(rewards) or not rewards.shape == logged.shape == wanted.shape:
        raise ValueError(f"shapes == {rewards.shape}, {logged.shape}, {wanted.shape}, must be the same (n,), n > 0")
    if not (logged > 0).all() or logged.max() > 1 or not (wanted >= 0).all() or wanted.max() > 1:
        raise ValueError("propensity, target: must be > 0 and <= 1, >= 0 and <= 1")
    if not np.isfinite(rewards).all():
        raise ValueError("reward: must be finite")
    weights = wanted / logged
    size = float(weights.sum() ** 2 / (weights**2).sum()) if weights.any() else 0.0
    reason = _refusal(weights, size, least_effective_size, largest_weight_error)
    value, error = np.nan, np.nan
    if estimator == "doubly_robust":
        if predicted is None or predicted_of_target is None:
            raise ValueError("doubly_robust needs predicted and predicted_of_target")
        of_logged, of_target = np.asarray(predicted, float), np.asarray(predicted_of_target, float)
        if not of_logged.shape == of_target.shape == rewards.shape:
            raise ValueError(f"shapes of predictions == {of_logged.shape}, {of_target.shape}, must be {rewards.shape}")
        if not (np.isfinite(of_logged) & np.isfinite(of_target)).all():
            raise ValueError("predicted, predicted_of_target: must be finite")
        parts = of_target + weights * (rewards - of_logged)
    else:
        parts = weights * rewards
    if reason is None and estimator == "snips":
        value = float(parts.sum() / weights.sum())
        error = float(np.sqrt((weights**2 * (rewards - value) ** 2).sum()) / weights.sum())
    elif reason is None:
        value, error = float(parts.mean()), float(parts.std(ddof=1) / np.sqrt(len(parts)))
    reach = float(-special.ndtri((1 - confidence) / 2)) * error
    return OffPolicyValue(
        estimator=estimator,
        value=value,
        standard_error=error,
        ci_lower=value - reach,
        ci_upper=value + reach,
        effective_sample_size=size,
        mean_weight=float(weights.mean()),
        max_weight=float(weights.max()),
        reason=reason,
    )


def _refusal(weights: Floats, size: float, least_size: float, largest_error: float) -> str | None:
    """Say why the weights are hopeless, None if they are not."""
    n_rounds = len(weights)
    if not size >= least_size:
        return f"effective sample size {size:.1f} of {n_rounds:,} rounds, must be at least {least_size:g}"
    mean = float(weights.mean())
    error = float(weights.std(ddof=1) / np.sqrt(n_rounds))
    # Rounding of the propensities in a log moves the mean a little, whatever the error.
    if abs(mean - 1) > largest_error * error + 1e-6:
        return f"mean weight {mean:.3f}, must be within {largest_error:g} standard errors ({error:.3g}) of 1"
    return None
