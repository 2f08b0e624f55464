"""Weights from propensity scores: for whom an effect is estimated, how many units it rests on, whom to leave out."""

from __future__ import annotations

from typing import Literal

import numpy as np

from lifthouse.causal.estimates import CausalEstimate, from_influence
from lifthouse.causal.propensity import SMALLEST_SCORE, fit_logistic
from lifthouse.statistics.reasons import Bools, Floats

Estimand = Literal["ate", "att", "ato"]
ESTIMANDS: tuple[Estimand, ...] = ("ate", "att", "ato")
# A unit is unlikely in an arm where its chance is below this part of the arm's share of all units.
_UNLIKELY = 0.1


def tilt(scores: Floats, estimand: Estimand) -> Floats:
    """How much a unit with such a score counts in the population of the estimand, shape (n_units,).

    ATE: all units alike; ATT: like the treated, by the score; ATO: by the overlap, score times its complement.

    Example:
        >>> tilt(np.array([0.25]), "ato").tolist()
        [0.1875]

    """
    if estimand == "ate":
        return np.ones_like(scores)
    return scores if estimand == "att" else scores * (1 - scores)


def balancing_weights(scores: Floats, treated: Bools, estimand: Estimand) -> Floats:
    """Weights that make each arm look like the estimand's population, shape (n_units,); their mean in an arm is one.

    Args:
        scores: Propensity scores in (0, 1), shape (n_units,).
        treated: Whether a unit is treated, shape (n_units,).
        estimand: Whose effect.

    Returns:
        The tilt over the chance of the unit's own arm, stabilised: divided by its mean in the arm.

    References:
        Li, Morgan, Zaslavsky (2018), Balancing covariates via propensity score weighting. JASA 113.

    Example:
        >>> balancing_weights(np.array([0.5, 0.5, 0.8]), np.array([True, False, False]), "att").round(3).tolist()
        [1.0, 0.4, 1.6]

    """
    weights = tilt(scores, estimand) / np.where(treated, scores, 1 - scores)
    for arm in (treated, ~treated):
        if arm.any():
            weights[arm] /= weights[arm].mean()
    return weights


def effective_sample_size(weights: Floats) -> float:
    """Kish's effective sample size: how many equally weighted units would be as precise.

    Example:
        >>> effective_sample_size(np.array([1.0, 1.0, 0.0]))
        2.0

    """
    total = float((weights**2).sum())
    return float(weights.sum()) ** 2 / total if total else 0.0


def share_without_counterpart(scores: Floats, treated: Bools, estimand: Estimand) -> float:
    """Share of the estimand's population like whom nobody is in the other arm: what is said of it is extrapolated.

    Weights do not show it: a unit of a kind that is always treated has a score, and a weight, of one. It is beyond all
    scores of the other arm, and less likely to be there than a tenth of that arm's share of all units: by chance some
    are beyond the scores of any small sample, and most units are unlikely to be in an arm that few are in.

    Args:
        scores: Propensity scores in (0, 1), shape (n_units,).
        treated: Whether a unit is treated, shape (n_units,); both must occur.
        estimand: Whose effect.

    References:
        Dehejia, Wahba (1999), Causal effects in nonexperimental studies. JASA 94.

    Example:
        >>> scores, treated = np.array([0.4, 0.6, 0.5, 0.99]), np.array([True, False, False, True])
        >>> share_without_counterpart(scores, treated, "ate")
        0.25

    """
    counts = tilt(scores, estimand)
    highest, lowest = scores[~treated].max(), scores[treated].min()
    share = treated.mean()
    unlikely_control, unlikely_treated = 1 - _UNLIKELY * (1 - share), _UNLIKELY * share
    beyond = np.where(treated, scores > max(highest, unlikely_control), scores < min(lowest, unlikely_treated))
    return float(counts[beyond].sum() / counts.sum())


def crump_bound(scores: Floats) -> float:
    """Score below which, and above whose complement, units cost more precision than they bring.

    Args:
        scores: Propensity scores in (0, 1), shape (n_units,).

    Returns:
        The bound in [0, 0.5); 0 keeps everybody.

    References:
        Crump, Hotz, Imbens, Mitnik (2009), Dealing with limited overlap. Biometrika 96.

    Example:
        >>> crump_bound(np.array([0.4, 0.5, 0.6]))
        0.0

    """
    inverse = np.sort(1 / (scores * (1 - scores)))
    running = np.cumsum(inverse) / np.arange(1, len(inverse) + 1)
    if inverse[-1] <= 2 * running[-1]:
        return 0.0
    # The largest set {1 / (e (1 - e)) <= gamma} with gamma equal to twice the set's mean.
    within = np.flatnonzero(inverse <= 2 * running)
    gamma = max(2 * running[within[-1]], 4.0)
    return float(0.5 - np.sqrt(0.25 - 1 / gamma))


def ipw(design: Floats, treated: Bools, outcome: Floats, estimand: Estimand) -> CausalEstimate:
    """Weighted difference in means (Hajek), with scores by logistic regression on the same units.

    The standard error stacks the score's equations on those of the means, so that it counts that scores are estimated.

    Args:
        design: Covariates, shape (n_units, n_columns).
        treated: Whether a unit is treated, shape (n_units,).
        outcome: Values, shape (n_units,).
        estimand: Whose effect.

    Returns:
        The estimate.

    References:
        Lunceford, Davidian (2004), Stratification and weighting via the propensity score. Statistics in Medicine 23.

    Example:
        >>> random = np.random.default_rng(0)
        >>> age = random.normal(size=(4000, 1))
        >>> treated = random.random(4000) < 1 / (1 + np.exp(-age[:, 0]))
        >>> estimate = ipw(age, treated, age[:, 0] + 2 * treated, "ate")
        >>> abs(estimate.estimate - 2) < 0.2
        True

    """
    model = fit_logistic(design, treated)
    scores = np.clip(model.predict_proba(design)[:, 1], SMALLEST_SCORE, 1 - SMALLEST_SCORE)
    weights = tilt(scores, estimand) / np.where(treated, scores, 1 - scores)
    # d log(weight) / d logit, by arm: of 1/e, e/e, (1-e)e/e and of 1/(1-e), e/(1-e), e(1-e)/(1-e).
    slope = {
        "ate": np.where(treated, scores - 1, scores),
        "att": np.where(treated, 0.0, 1.0),
        "ato": np.where(treated, -scores, 1 - scores),
    }[estimand]
    influence, estimate = np.zeros(len(outcome)), 0.0
    gradient = np.zeros(design.shape[1] + 1)
    with_constant = np.column_stack([np.ones(len(design)), design])
    for arm, sign in ((treated, 1.0), (~treated, -1.0)):
        share = np.where(arm, weights, 0.0)
        share /= share.mean()
        mean = float(np.mean(share * outcome))
        residual = share * (outcome - mean)
        estimate += sign * mean
        influence += sign * residual
        gradient += sign * np.mean((residual * slope)[:, None] * with_constant, axis=0)
    information = (with_constant * (scores * (1 - scores))[:, None]).T @ with_constant / len(design)
    toward = np.linalg.lstsq(information, gradient, rcond=None)[0]
    influence += (with_constant @ toward) * (treated - scores)
    return from_influence(estimate, influence, effective_units(weights, treated))


def effective_units(weights: Floats, treated: Bools) -> float:
    """Effective sample size of the smaller arm, on which an estimate's precision hinges."""
    return min(effective_sample_size(weights[arm]) for arm in (treated, ~treated))
