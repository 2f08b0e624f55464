"""Thompson sampling as shares: each arm gets the probability that it is the best, by quadrature instead of draws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from lifthouse.statistics.beta_binomial import best_of_betas
from lifthouse.statistics.reasons import Floats

# Levels of each arm's own distribution at which the integral is read: dense in the tails, where a leader is overtaken.
_LEVELS = special.ndtr(np.linspace(-8.0, 8.0, 641))

# With so many degrees of freedom a t distribution is normal to 1e-6.
_MANY = 1e6


def best_bernoulli(successes: npt.ArrayLike, failures: npt.ArrayLike) -> Floats:
    """Probability of each arm to have the highest rate, from a uniform prior.

    Args:
        successes: Rewards of 1 by arm, shape (k,).
        failures: Rewards of 0 by arm, shape (k,).

    Returns:
        Probabilities that add up to 1, shape (k,), with an error below 1e-5.

    Raises:
        ValueError: If a count is negative.

    References:
        Thompson (1933), On the likelihood that one unknown probability exceeds another. Biometrika 25.
        Scott (2010), A modern Bayesian look at the multi-armed bandit. Applied Stochastic Models in Business and
        Industry 26.

    Example:
        >>> best_bernoulli([10, 14], [90, 86]).round(4).tolist()
        [0.1966, 0.8034]

    """
    won, lost = np.asarray(successes, float), np.asarray(failures, float)
    if min(won.min(), lost.min()) < 0:
        raise ValueError(f"counts == {won}, {lost}, must be >= 0")
    chances = best_of_betas(won[None] + 1, lost[None] + 1)[0][0]
    return np.asarray(chances / chances.sum())


def best_normal(
    mean: npt.ArrayLike, standard_error: npt.ArrayLike, *, degrees_of_freedom: npt.ArrayLike = np.inf
) -> Floats:
    """Probability of each arm to have the highest mean, from a flat prior.

    Args:
        mean: Mean reward by arm, shape (k,).
        standard_error: Of the means, positive, shape (k,).
        degrees_of_freedom: Of the variances behind the errors, shape (k,): posteriors are then t distributions; inf
            for known variances.

    Returns:
        Probabilities that add up to 1, shape (k,), with an error below 1e-5.

    Raises:
        ValueError: If a standard error is not positive.

    References:
        Honda, Takemura (2014), Optimality of Thompson sampling for Gaussian bandits depends on priors. AISTATS.

    Example:
        >>> best_normal([1.0, 1.2], [0.1, 0.1]).round(4).tolist()
        [0.0787, 0.9213]

    """
    center, error = np.asarray(mean, float)[:, None], np.asarray(standard_error, float)[:, None]
    if not (error > 0).all():
        raise ValueError(f"standard_error == {standard_error!r}, must be > 0")
    degrees = np.broadcast_to(np.asarray(degrees_of_freedom, float)[..., None], center.shape)
    is_known = np.isinf(degrees).all()
    standard = special.ndtri(_LEVELS) if is_known else special.stdtrit(np.minimum(degrees, _MANY), _LEVELS)

    def below(x: Floats) -> Floats:
        z = (x - center) / error
        return np.asarray(special.ndtr(z) if is_known else special.stdtr(np.minimum(degrees, _MANY), z))

    return _best(center + error * standard, below)


def top_two(best: npt.ArrayLike, *, leader_share: float = 0.5) -> Floats:
    """Shares of top-two Thompson sampling, which explores the runner-up more: to learn which arm is best soon.

    Args:
        best: Probabilities of the arms to be best, shape (k,).
        leader_share: How often the arm that a draw calls best is used; else the best of another draw that differs.

    Returns:
        Shares that add up to 1, shape (k,).

    Raises:
        ValueError: If `leader_share` is not in (0, 1].

    References:
        Russo (2020), Simple Bayesian algorithms for best-arm identification. Operations Research 68.

    Example:
        >>> top_two([0.9, 0.08, 0.02]).round(3).tolist()
        [0.498, 0.401, 0.101]

    """
    if not 0 < leader_share <= 1:
        raise ValueError(f"leader_share == {leader_share}, must be > 0 and <= 1")
    chances = np.asarray(best, float)
    others = chances.sum() - chances
    if len(chances) < 2:
        return np.ones_like(chances)
    # A sure leader is drawn again and again: its challengers share in proportion, as the limit has it.
    with np.errstate(divide="ignore", invalid="ignore"):
        challenged = np.where(others[:, None] > 0, chances[None, :] / others[:, None], 1 / (len(chances) - 1))
    np.fill_diagonal(challenged, 0.0)
    return np.asarray(leader_share * chances + (1 - leader_share) * chances @ challenged)


def with_floor(shares: npt.ArrayLike, floor: npt.ArrayLike) -> Floats:
    """Raise shares to a floor, at the cost of the others in proportion.

    Args:
        shares: Shares that add up to 1, shape (k,).
        floor: Least share of an arm, shape (k,) or a number: what later inference needs of every arm.

    Returns:
        Shares that add up to 1 and keep the floor, shape (k,).

    Raises:
        ValueError: If the floors add up to more than 1.

    Example:
        >>> with_floor([0.9, 0.08, 0.02], 0.05).round(4).tolist()
        [0.8724, 0.0776, 0.05]

    """
    wanted = np.asarray(shares, float)
    least = np.broadcast_to(np.asarray(floor, float), wanted.shape)
    if least.min() < 0 or least.sum() > 1 + 1e-12:
        raise ValueError(f"floor == {floor!r} of {len(wanted)} arms, must be >= 0 and add up to at most 1")
    raised = np.zeros(wanted.shape, dtype=bool)
    for _ in wanted:
        left = 1 - least[raised].sum()
        free = wanted[~raised].sum()
        scaled = np.where(raised, least, wanted * (left / free if free > 0 else 0.0))
        too_low = ~raised & (scaled < least)
        if not too_low.any():
            return scaled
        raised |= too_low
    return np.asarray(least + (1 - least.sum()) / len(wanted))


def _best(quantiles: Floats, below: Callable[[Floats], Floats]) -> Floats:
    """Integrate each arm's density times the other arms' distributions over all arms' quantiles.

    Between two neighbouring points everything is nearly linear in the arm's own distribution, so that the trapezoid
    rule against it is exact to the square of the distance.
    """
    points = np.unique(quantiles)
    middle = (points[1:] + points[:-1]) / 2
    distribution = below(np.sort(np.concatenate([points, middle]))[None, :])
    chances = np.empty(len(distribution))
    for arm in range(len(distribution)):
        others = np.prod(np.delete(distribution, arm, axis=0), axis=0)
        chances[arm] = np.sum(np.diff(distribution[arm]) * (others[1:] + others[:-1]) / 2)
    return np.asarray(chances / chances.sum())
