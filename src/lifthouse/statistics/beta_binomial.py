"""Posteriors of proportions: a beta for each arm, exact by quadrature."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from lifthouse.statistics.posterior import Posterior
from lifthouse.statistics.quadrature import CUTS, panelled
from lifthouse.statistics.reasons import Floats, check_rate

_MOST_STEPS = 60
_CLOSE = 1e-10


def beta_binomial_posterior(
    successes: npt.ArrayLike,
    counts: npt.ArrayLike,
    *,
    equivalence: npt.ArrayLike = np.nan,
    confidence: float = 0.95,
    larger_is_better: bool = True,
) -> Posterior:
    """Update a uniform prior of every arm's proportion, and compare the arms.

    Effects are relative, `p_treatment / p_control - 1`; losses are in units of control's posterior mean. Where less is
    better all effects are turned round, so that a positive one is good.

    Args:
        successes: Shape (n, 1 + k), control first.
        counts: Units, of the same shape.
        equivalence: Relative effects between minus and plus this count as none, shape (n,) or a number; NaN for none.
        confidence: Level of the credible intervals.
        larger_is_better: Whether successes are wanted.

    Returns:
        The posterior, for the k treatments. Moments that the posterior of the ratio lacks are NaN: its mean where
        control has no success, its spread where it has fewer than two.

    Raises:
        ValueError: If successes are negative or exceed the units.

    References:
        Gelman et al. (2013), Bayesian Data Analysis, section 2.4. Miller (2015), Formulas for Bayesian A/B testing.

    Example:
        >>> posterior = beta_binomial_posterior([[14, 16]], [[28, 30]])
        >>> posterior.probability_beats_control.round(4).tolist()
        [[0.5985]]

    """
    check_rate("confidence", confidence)
    hits, units = np.asarray(successes, float), np.asarray(counts, float)
    if (hits < 0).any() or (hits > units).any():
        raise ValueError("successes must be >= 0 and <= counts")
    a, b = hits + 1, units - hits + 1
    mean = a / (a + b)
    best, best_mean = best_of_betas(a, b, larger_is_better=larger_is_better)
    control = mean[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(a > 1, (a + b - 1) / (a - 1), np.nan)[:, :1]
        inverse_square = np.where(a > 2, (a + b - 1) * (a + b - 2) / ((a - 1) * (a - 2)), np.nan)[:, :1]
    square = mean[:, 1:] * (a + 1)[:, 1:] / (a + b + 1)[:, 1:]
    ratio = mean[:, 1:] * inverse
    spread = np.sqrt(np.maximum(square * inverse_square - ratio**2, 0.0))
    cuts = _cuts(a, b)
    tail = (1 - confidence) / 2
    bounds = [_quantile(level, a, b, cuts) - 1 for level in (tail, 1 - tail)]
    region = np.broadcast_to(np.asarray(equivalence, float)[..., None], ratio.shape)
    inside = _below(1 + region, a, b, cuts) - _below(1 - region, a, b, cuts)
    beats = 1 - _below(np.ones_like(ratio), a, b, cuts)
    sign = 1.0 if larger_is_better else -1.0
    regret = np.maximum(sign * (best_mean[:, None] - mean), 0.0) / control
    return Posterior(
        mean=sign * (ratio - 1),
        standard_deviation=spread,
        ci_lower=bounds[0] if larger_is_better else -bounds[1],
        ci_upper=bounds[1] if larger_is_better else -bounds[0],
        probability_beats_control=beats if larger_is_better else 1 - beats,
        probability_best=best[:, 1:],
        probability_equivalent=np.maximum(inside, 0.0),
        expected_loss=regret[:, 1:],
        expected_loss_of_control=regret[:, 0],
    )


def best_of_betas(a: Floats, b: Floats, *, larger_is_better: bool = True) -> tuple[Floats, Floats]:
    """Probability of each arm to have the best proportion, and the proportion expected of the best.

    Args:
        a: Successes and one, by arm, at least 1, shape (n, k).
        b: Failures and one, of the same shape.
        larger_is_better: Whether successes are wanted.

    Returns:
        Probabilities of shape (n, k), and proportions of shape (n,), with errors far below 1e-6.

    Example:
        >>> best_of_betas(np.array([[11.0, 15.0]]), np.array([[91.0, 87.0]]))[0].round(4).tolist()
        [[0.1966, 0.8034]]

    """
    x, weights = panelled(np.sort(_cuts(a, b).reshape(len(a), -1), axis=1))
    below = (special.betainc if larger_is_better else special.betaincc)(a[..., None], b[..., None], x[:, None, :])
    density = _density(x[:, None, :], a, b) * weights[:, None, :]
    best, total = np.empty_like(a), np.zeros(len(a))
    for arm in range(a.shape[1]):
        beaten = np.delete(below, arm, axis=1).prod(axis=1) * density[:, arm]
        best[:, arm] = beaten.sum(axis=1)
        total += (x * beaten).sum(axis=1)
    return np.clip(best, 0.0, 1.0), total


def _cuts(a: Floats, b: Floats) -> Floats:
    """Cut betas where a normal would be cut, ascending: (n, k) to (n, k, cuts)."""
    a, b, is_left = a[..., None], b[..., None], CUTS < 0
    left, right = special.ndtr(CUTS[is_left]), special.ndtr(-CUTS[~is_left])
    return np.concatenate([special.betaincinv(a, b, left), special.betainccinv(a, b, right)], axis=-1)


def _density(x: Floats, a: Floats, b: Floats) -> Floats:
    """Density of betas (n, k) at points (n, k, nodes)."""
    a, b = a[..., None], b[..., None]
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b)))


def _control_nodes(ratio: Floats, a: Floats, b: Floats, cuts: Floats) -> tuple[Floats, Floats]:
    """Place points where control has its mass, with weights that integrate over it: (n, k) to (n, k, nodes).

    They are dense where a treatment's proportion, divided by the ratio, changes.
    """
    own = np.broadcast_to(cuts[:, :1], (*ratio.shape, len(CUTS)))
    with np.errstate(divide="ignore"):
        others = np.clip(cuts[:, 1:] / ratio[..., None], own[..., :1], own[..., -1:])
    x, weights = panelled(np.sort(np.concatenate([own, others], axis=-1), axis=-1))
    return x, weights * _density(x, a[:, :1], b[:, :1])


def _below(ratio: Floats, a: Floats, b: Floats, cuts: Floats) -> Floats:
    """Probability that each treatment's proportion is below a multiple of control's."""
    x, weights = _control_nodes(ratio, a, b, cuts)
    below = special.betainc(a[:, 1:, None], b[:, 1:, None], np.clip(x * ratio[..., None], 0.0, 1.0))
    return np.asarray(np.clip((below * weights).sum(axis=-1), 0.0, 1.0))


def _slope(ratio: Floats, a: Floats, b: Floats, cuts: Floats) -> Floats:
    """Density of the ratio of a treatment's proportion to control's."""
    x, weights = _control_nodes(ratio, a, b, cuts)
    others = x * ratio[..., None]
    density = np.where(others < 1, _density(np.minimum(others, 1.0), a[:, 1:], b[:, 1:]), 0.0)
    return np.asarray((density * x * weights).sum(axis=-1))


def _quantile(level: float, a: Floats, b: Floats, cuts: Floats) -> Floats:
    """Ratio below which lies a share of the posterior.

    Newton's steps on the logarithm, whose posterior is nearly normal, held in a bracket that only shrinks; what has
    arrived is left alone.
    """
    mean = a / (a + b)
    relative = (1 - mean) / (mean * (a + b + 1))
    log_ratio = np.log(mean[:, 1:] / mean[:, :1]) + special.ndtri(level) * np.sqrt(relative[:, 1:] + relative[:, :1])
    lower, upper = np.full_like(log_ratio, -np.inf), np.full_like(log_ratio, np.inf)
    moving = np.arange(len(a))
    for _ in range(_MOST_STEPS):
        here, its = log_ratio[moving], (a[moving], b[moving], cuts[moving])
        excess = _below(np.exp(here), *its) - level
        lower[moving] = np.where(excess < 0, here, lower[moving])
        upper[moving] = np.where(excess > 0, here, upper[moving])
        with np.errstate(all="ignore"):
            step = np.clip(-excess / (_slope(np.exp(here), *its) * np.exp(here)), -1.0, 1.0)
            middle = (lower[moving] + upper[moving]) / 2
        step = np.where(np.isnan(step), -np.sign(excess), step)
        is_there = np.abs(excess) <= _CLOSE
        outside = (here + step <= lower[moving]) | (here + step >= upper[moving])
        onward = np.where(outside & np.isfinite(middle), middle, here + step)
        log_ratio[moving] = np.where(is_there, here, onward)
        moving = moving[~is_there.all(axis=1)]
        if not len(moving):
            break
    return np.asarray(np.exp(log_ratio))
