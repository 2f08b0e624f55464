"""Posteriors of effects: normal with conjugate priors, for several treatments that share their control.

Treatments are compared with one control, so their effects vary together only by it: the posterior covariance is
diagonal plus one outer product, and everything about several arms is a two-dimensional integral at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from lifthouse.statistics.quadrature import CUTS, NODES_A_PANEL, panelled
from lifthouse.statistics.reasons import Floats, check_rate

# Arms that change places over more standard deviations of the shared part than this need no cuts of their own.
_GRADUAL = 0.5
# Numbers in an array while integrating.
_AT_ONCE = 2**20


@dataclass(frozen=True)
class Posterior:
    """What is known of the effects of k treatments in n comparisons; arrays have shape (n, k) unless said otherwise.

    Attributes:
        mean: Posterior mean of the effect; a positive effect is a good one.
        standard_deviation: Of the effect.
        ci_lower: Lower bound of the central credible interval.
        ci_upper: Upper bound.
        probability_beats_control: Of a positive effect.
        probability_best: Of being better than control and all other treatments.
        probability_equivalent: Of an effect inside the region of practical equivalence; NaN without one.
        expected_loss: What choosing this treatment forgoes against the best arm, on average over the posterior.
        expected_loss_of_control: What keeping control forgoes, shape (n,).

    """

    mean: Floats
    standard_deviation: Floats
    ci_lower: Floats
    ci_upper: Floats
    probability_beats_control: Floats
    probability_best: Floats
    probability_equivalent: Floats
    expected_loss: Floats
    expected_loss_of_control: Floats


def expected_gain(mean: npt.ArrayLike, standard_deviation: npt.ArrayLike) -> Floats:
    """Give the expected positive part of a normal, `E[max(d, 0)]`; the expected loss is that of `-d`.

    Args:
        mean: Of the normal, any shape.
        standard_deviation: Of the same shape; 0 is allowed.

    Returns:
        The expectations, of that shape.

    Example:
        >>> expected_gain([-0.1, 0.1], [0.05, 0.05]).round(6).tolist()
        [0.000425, 0.100425]

    """
    center, spread = np.asarray(mean, float), np.asarray(standard_deviation, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(spread > 0, center / spread, np.sign(center) * np.inf)
        # phi(z) + z Phi(z), which cancels far to the left; there its continued fraction is used.
        tail = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        upper = np.where(np.isinf(z), 0.0, tail + z * special.ndtr(z))
        far = tail / (z**2 + 3)
        share = np.where(z < -30, far, np.maximum(upper, 0.0))
    return np.asarray(np.where(spread > 0, spread * share, np.maximum(center, 0.0)))


def normal_posterior(
    effect: Floats,
    variance: Floats,
    shared: Floats,
    *,
    prior_mean: float = 0.0,
    prior_standard_deviation: float = np.inf,
    equivalence: Floats | float = np.nan,
    confidence: float = 0.95,
) -> Posterior:
    """Update a normal prior of every effect by estimates that share their control.

    Args:
        effect: Estimates, shape (n, k), signed so that more is better; where one is NaN the others are judged alone,
            and nothing is said of the best.
        variance: Their variances, shape (n, k).
        shared: Part of an estimate's standard error that control brings, shape (n, k): two estimates' covariance is the
            product of theirs.
        prior_mean: Mean of the prior of each effect, on the scale of the estimates.
        prior_standard_deviation: Of the prior; inf for a flat one.
        equivalence: Effects between minus and plus this count as none, shape (n,) or a number; NaN for no such region.
        confidence: Level of the credible intervals.

    Returns:
        The posterior. With one treatment all is in closed form; with more, `probability_best` and the losses are
        quadratures with an error below 1e-5 (of the losses: in posterior standard deviations).

    Raises:
        ValueError: If the prior has no spread, or the level is not in (0, 1).

    References:
        Gelman, Carlin, Stern, Dunson, Vehtari, Rubin (2013), Bayesian Data Analysis, chapter 2. Stucchio (2015),
        Bayesian A/B testing at VWO, on the expected loss.

    Example:
        >>> flat = normal_posterior(np.array([[0.05]]), np.array([[0.03572**2]]), np.array([[0.02]]))
        >>> flat.probability_beats_control.round(4).tolist(), flat.expected_loss.round(4).tolist()
        ([[0.9192]], [[0.0013]])

    """
    check_rate("confidence", confidence)
    if not prior_standard_deviation > 0:
        raise ValueError(f"prior_standard_deviation == {prior_standard_deviation}, must be > 0")
    with np.errstate(divide="ignore", invalid="ignore"):
        # An arm that does not vary leaves rounding; without any spread of its own nothing could be updated.
        own = np.maximum(variance - shared**2, 1e-9 * variance)
        mean, own, factor = _updated(effect, own, shared, prior_mean, prior_standard_deviation)
        spread = np.sqrt(own + factor**2)
        reach = -special.ndtri((1 - confidence) / 2) * spread
        region = np.broadcast_to(np.asarray(equivalence, float)[..., None], mean.shape)
        best, loss, loss_of_control = _against_best(mean, np.sqrt(own), factor)
        return Posterior(
            mean=mean,
            standard_deviation=spread,
            ci_lower=mean - reach,
            ci_upper=mean + reach,
            probability_beats_control=special.ndtr(mean / spread),
            probability_best=best,
            probability_equivalent=special.ndtr((region - mean) / spread) - special.ndtr((-region - mean) / spread),
            expected_loss=loss,
            expected_loss_of_control=loss_of_control,
        )


def _updated(
    effect: Floats, own: Floats, shared: Floats, prior_mean: float, prior_spread: float
) -> tuple[Floats, Floats, Floats]:
    """Posterior mean, the diagonal of the covariance and its factor, by Sherman and Morrison."""
    if np.isinf(prior_spread):
        return effect, own, shared
    # Alone, an estimate has one variance; all of it may sit in either part.
    variance = own + shared**2
    precision = 1 / variance + prior_spread**-2
    alone = (effect / variance + prior_mean * prior_spread**-2) / precision, 1 / precision, np.zeros_like(effect)
    if effect.shape[1] == 1:
        return alone
    weighted = shared / own
    scale = 1 / (1 + (shared * weighted).sum(axis=1, keepdims=True))
    diagonal = 1 / (1 / own + prior_spread**-2)
    loading = diagonal * weighted
    stretch = scale / (1 - scale * (weighted * loading).sum(axis=1, keepdims=True))
    evidence = (
        effect / own - scale * weighted * (weighted * effect).sum(axis=1, keepdims=True) + prior_mean * prior_spread**-2
    )
    mean = diagonal * evidence + stretch * loading * (loading * evidence).sum(axis=1, keepdims=True)
    together = mean, diagonal, np.sqrt(stretch) * loading
    incomplete = np.isnan(effect).any(axis=1, keepdims=True)
    updated = (np.where(incomplete, single, joint) for single, joint in zip(alone, together, strict=True))
    return next(updated), next(updated), next(updated)


def _against_best(mean: Floats, own: Floats, factor: Floats) -> tuple[Floats, Floats, Floats]:
    """Probability of each treatment to be the best arm, its expected loss, and control's."""
    if mean.shape[1] == 1:
        spread = np.sqrt(own**2 + factor**2)
        return special.ndtr(mean / spread), expected_gain(-mean, spread), expected_gain(mean, spread)[:, 0]
    breaks = _shared_breaks(mean, own, factor)
    panels = (breaks < CUTS[-1]).sum(axis=1)
    size = mean.shape[1] * (mean.shape[1] * len(CUTS) - 1) * NODES_A_PANEL**2
    best, gain = np.empty_like(mean), np.empty(len(mean))
    order, start = np.argsort(-panels), 0
    while start < len(mean):
        most = panels[order[start]]
        rows = order[start : start + max(_AT_ONCE // (size * most), 1)]
        best[rows], gain[rows] = _integrated(mean[rows], own[rows], factor[rows], breaks[rows, : most + 1])
        start += len(rows)
    return best, np.maximum(gain[:, None] - mean, 0.0), np.maximum(gain, 0.0)


def _shared_breaks(mean: Floats, own: Floats, factor: Floats) -> Floats:
    """Where to cut the integral over the shared part, ascending: (n, k) to (n, breaks).

    Two arms change places, or one with control, where their lines meet, as fast as their own parts are narrow.
    """
    zero = np.zeros((len(mean), 1))
    center, slope, spread = (np.concatenate([zero, part], axis=1) for part in (mean, factor, own))
    one, other = np.triu_indices(center.shape[1], 1)
    turn = slope[:, one] - slope[:, other]
    meeting = (center[:, other] - center[:, one]) / turn
    width = np.hypot(spread[:, one], spread[:, other]) / np.abs(turn)
    cuts = np.where(width < _GRADUAL, meeting, np.inf)[..., None] + width[..., None] * CUTS
    cuts = np.where(np.abs(cuts) < CUTS[-1], cuts, CUTS[-1]).reshape(len(mean), -1)
    return np.sort(np.concatenate([np.broadcast_to(CUTS, (len(mean), len(CUTS))), cuts], axis=1), axis=1)


def _integrated(mean: Floats, own: Floats, factor: Floats, breaks: Floats) -> tuple[Floats, Floats]:
    """Probabilities to be best, and the expected maximum of all effects and zero.

    Given the shared part, effects are independent: over its nodes (axis 1) the best of them is integrated from zero up
    (axis 3), cut where any arm (axis 2) changes.
    """
    nodes, weights = panelled(breaks)
    weights = weights * np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    centers = (mean[:, None, :] + factor[:, None, :] * nodes[..., None])[..., None]
    spreads = own[:, None, :, None]
    cuts = centers + spreads * CUTS
    upper = np.maximum(cuts[..., -1].max(axis=2), 0.0)[..., None]
    lower = np.clip(cuts[..., 0].max(axis=2)[..., None], 0.0, upper)
    x, steps = panelled(np.sort(np.clip(cuts.reshape(*nodes.shape, -1), lower, upper), axis=-1))
    z = (x[:, :, None, :] - centers) / spreads
    below = special.ndtr(z)
    density = np.exp(-(z**2) / 2) / (np.sqrt(2 * np.pi) * spreads)
    best = np.empty_like(mean)
    for arm in range(mean.shape[1]):
        others = np.delete(below, arm, axis=2).prod(axis=2)
        best[:, arm] = ((density[:, :, arm] * others * steps).sum(axis=2) * weights).sum(axis=1)
    # Below `lower` some effect is surely larger: the survival function is one there.
    gain = lower[..., 0] + ((1 - below.prod(axis=2)) * steps).sum(axis=2)
    return np.clip(best, 0.0, 1.0), (gain * weights).sum(axis=1)
