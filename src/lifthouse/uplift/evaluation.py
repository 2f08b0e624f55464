"""Is a score better than random, by how much, and which learner is best: measures with intervals on held-out scores.

All measures are computed on the same stratified bootstrap weights (units drawn with replacement within arms), so
learners are compared pair by pair on the same draws. An interval is the estimate plus and minus a normal quantile
times the bootstrap's standard error. The p-value is of no difference to random targeting: where that gives 0 it comes
from the same two numbers, and they cannot disagree. The interval of an uplift at a share is of the effect there, its
p-value of the difference to the average effect.

Scores from cross-fitting are first ranked within their fold. Models of different folds are shifted against each other
by chance, against the fold's own effect; ranks take that out.

Where there is nothing to find, cross-fitted scores are noise, and it meets itself: what fold A's noise does to the
scores of B is what B's does to those of A. Two folds then err alike, and a measure varies twice as much as the draws,
which take scores as given. So its variance is doubled where random targeting is the question. Where scores follow true
effects, that is too much.

Qini and uplift curves compare arms as they are, which tells something only where a lot decided who is in them. Where
nobody assigned them, measures rest on doubly robust scores of effects alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from lifthouse.statistics.reasons import Bools, Floats, check_rate
from lifthouse.uplift.curves import Ranking, checked, normalised_area, perfect_score

AT_SHARES = (0.1, 0.2, 0.3, 0.5)
AT_NAMES = tuple(f"uplift_at_{round(100 * share)}" for share in AT_SHARES)
# Variance of a measure of cross-fitted noise over that of its draws.
CROSS_FITTED = 2.0
# Fewer than this many units, or non-zero outcomes of a proportion, in an arm: no evaluation.
MIN_UNITS, MIN_OUTCOMES = 100, 10


@dataclass(frozen=True)
class Measure:
    """One measure of a score against what random targeting gives.

    Attributes:
        name: qini, auuc, uplift_area, rate, uplift_at_10 ...
        value: The estimate.
        random_value: What targeting at random gives: 0, or the average effect for uplift at a share.
        standard_error: Bootstrap's, of `value`.
        ci_lower: Lower bound of `value`.
        ci_upper: Upper bound of `value`.
        p_value: Two-sided, of no difference to random targeting.

    """

    name: str
    value: float
    random_value: float
    standard_error: float
    ci_lower: float
    ci_upper: float
    p_value: float


@dataclass(frozen=True)
class Evaluation:
    """Evaluation of the scores of several learners on the same units.

    Attributes:
        measures: By learner.
        winner: Best learner, None if none is better than random.
        best: Learner with the highest Qini coefficient, else the largest area, better than random or not.
        differences: The same measure of `best` less each other learner's, on the same draws.
        reason: Why there is no winner; None where there is one.

    """

    measures: dict[str, tuple[Measure, ...]]
    winner: str | None
    best: str | None
    differences: dict[str, Measure]
    reason: str | None


def ranks_within(score: npt.ArrayLike, folds: npt.ArrayLike | None = None) -> Floats:
    """Ranks in (0, 1) within each fold; equal scores get equal ranks.

    Args:
        score: Shape (n,).
        folds: Fold of each unit, shape (n,); None for one fold.

    Returns:
        Ranks, shape (n,).

    Example:
        >>> ranks_within([5.0, 7.0, 1.0, 2.0], [0, 0, 1, 1]).tolist()
        [0.25, 0.75, 0.25, 0.75]

    """
    score = np.asarray(score, float)
    groups = np.zeros(len(score), np.int64) if folds is None else np.asarray(folds)
    ranks = np.empty(len(score))
    for fold in np.unique(groups):
        inside = groups == fold
        ranks[inside] = (stats.rankdata(score[inside]) - 0.5) / np.count_nonzero(inside)
    return ranks


def evaluate(
    outcome: npt.ArrayLike,
    scores: Mapping[str, npt.ArrayLike],
    treated: npt.ArrayLike,
    *,
    effects: npt.ArrayLike | None = None,
    folds: npt.ArrayLike | None = None,
    seed: int = 0,
    draws: int = 200,
    confidence: float = 0.95,
) -> Evaluation:
    """Measure the scores of learners on held-out units, and choose the winner.

    The rule: among learners whose Qini coefficient's interval lies above zero, at a level that counts that the highest
    of several is looked at, the one with the highest. If there is none, no learner is better than random and targeting
    is withheld. So under no heterogeneity a winner is named in about (1 - confidence) / 2 of cases.

    Args:
        outcome: The metric, higher is better, shape (n,).
        scores: By learner, scores made without the unit's own outcome, each of shape (n,).
        treated: Whether a unit was in treatment, shape (n,).
        effects: Doubly robust score of each unit's effect, for RATE, shape (n,); None takes the inverse-probability
            score of the outcome about the arms' means.
        folds: Fold whose outcomes a unit's score has not seen, shape (n,); None if scores have seen none of them.
        seed: Of the bootstrap.
        draws: Bootstrap draws.
        confidence: Level of the intervals.

    Returns:
        The evaluation. With too few units or outcomes in an arm, no measures and a reason.

    Raises:
        ValueError: If shapes differ, a value is not finite, there is no score or an option is out of range.

    References:
        Radcliffe (2007), as in `curves`. Yadlowsky, Fleming, Shah, Brunskill, Wager (2025), Evaluating treatment
        prioritization rules via rank-weighted average treatment effects. JASA 120.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> treated, driver = rng.integers(0, 2, 2000), rng.normal(size=2000)
        >>> outcome = treated * driver + rng.normal(size=2000)
        >>> evaluate(outcome, {"good": driver, "bad": rng.normal(size=2000)}, treated).winner
        'good'

    """
    y, w, reason = _checked(outcome, treated, scores, draws, confidence)
    if reason:
        return Evaluation({}, None, None, {}, reason)
    gamma = _inverse_probability_effects(y, w) if effects is None else np.asarray(effects, float)
    ranked = {name: ranks_within(score, folds) for name, score in scores.items()}
    weights = _bootstrap_weights(w, draws, seed)
    values = _measure_all(y, w, gamma, ranked, weights)
    names = ["qini", "auuc", "rate", *AT_NAMES]
    randoms = np.zeros((len(weights), len(names)))
    randoms[:, 3:] = _weighted_effects(y, w, weights)[:, None]
    return _judged(names, values, randoms, confidence, inflation=1.0 if folds is None else CROSS_FITTED)


def evaluate_observed(
    outcome: npt.ArrayLike,
    scores: Mapping[str, npt.ArrayLike],
    treated: npt.ArrayLike,
    *,
    effects: npt.ArrayLike,
    folds: npt.ArrayLike | None = None,
    seed: int = 0,
    draws: int = 200,
    confidence: float = 0.95,
) -> Evaluation:
    """Measure the scores of learners where nobody assigned the arms, and choose the winner.

    As `evaluate`, on the uplift curve of added-up doubly robust scores. In the place of the Qini coefficient is the
    area of that curve above random: the gain, in the metric's unit per unit of all, as a mean over shares of units
    targeted. It is RATE with the weights of the Qini curve; RATE itself leans on the first few of the ranking, and is
    above zero too often where propensities are close to 0 or 1. All are right if either the propensities or the
    expected outcomes are, and if covariates hold all that moves both the choice of the arm and the outcome, which no
    measure can show.

    Args:
        outcome: The metric, higher is better, shape (n,).
        scores: By learner, scores made without the unit's own outcome, each of shape (n,).
        treated: Whether a unit was in treatment, shape (n,).
        effects: Doubly robust score of each unit's effect, with its estimated propensity, shape (n,).
        folds: Fold whose outcomes a unit's score has not seen, shape (n,); None if scores have seen none of them.
        seed: Of the bootstrap.
        draws: Bootstrap draws.
        confidence: Level of the intervals.

    Returns:
        The evaluation. With too few units or outcomes in an arm, no measures and a reason.

    Raises:
        ValueError: If shapes differ, a value is not finite, there is no score or an option is out of range.

    References:
        Yadlowsky et al. (2025), as in `evaluate`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> treated, driver = rng.integers(0, 2, 2000), rng.normal(size=2000)
        >>> effects = driver + rng.normal(size=2000)
        >>> scores = {"good": driver, "bad": rng.normal(size=2000)}
        >>> evaluate_observed(effects, scores, treated, effects=effects).winner
        'good'

    """
    _, w, reason = _checked(outcome, treated, scores, draws, confidence)
    if reason:
        return Evaluation({}, None, None, {}, reason)
    gamma = np.asarray(effects, float)
    weights = _bootstrap_weights(w, draws, seed)
    rankings = {name: Ranking.of(ranks_within(score, folds)) for name, score in scores.items()}
    values = {
        name: np.array([_observed(gamma, ranking, weight) for weight in weights]) for name, ranking in rankings.items()
    }
    names = ["uplift_area", "rate", *AT_NAMES]
    randoms = np.zeros((len(weights), len(names)))
    randoms[:, 2:] = (weights @ gamma / weights.sum(axis=1))[:, None]
    return _judged(names, values, randoms, confidence, inflation=1.0 if folds is None else CROSS_FITTED)


def _judged(
    names: Sequence[str], values: Mapping[str, Floats], randoms: Floats, confidence: float, *, inflation: float
) -> Evaluation:
    """Choose the winner by the first measure; values by learner and randoms of shape (draws + 1, measures)."""
    measures = {
        learner: tuple(
            _measure(name, values[learner][:, at], randoms[:, at], confidence, inflation)
            for at, name in enumerate(names)
        )
        for learner in values
    }
    first = {learner: measures[learner][0] for learner in values}
    known = [learner for learner in values if np.isfinite(first[learner].value)]
    if not known:
        return Evaluation(measures, None, None, {}, "no_variation_in_outcome")
    best = max(known, key=lambda learner: first[learner].value)
    strict = _highest(np.column_stack([values[learner][1:, 0] for learner in known]), confidence)
    better = [name for name in known if first[name].value - strict * first[name].standard_error > 0]
    winner = max(better, key=lambda learner: first[learner].value) if better else None
    zeros = np.zeros(len(randoms))
    differences = {
        other: _measure(
            f"{names[0]}_difference", values[best][:, 0] - values[other][:, 0], zeros, confidence, inflation
        )
        for other in known
        if other != best
    }
    return Evaluation(measures, winner, best, differences, None if winner else "no_better_than_random")


def too_few(outcome: Floats, treated: Bools) -> str | None:
    """Name the reason where an arm has too few units or, for a proportion, too few of either outcome."""
    arms = (outcome[treated], outcome[~treated])
    if min(map(len, arms)) < MIN_UNITS:
        return "too_few_units"
    if min(np.count_nonzero(arm != stats.mode(outcome).mode) for arm in arms) < MIN_OUTCOMES:
        return "too_few_outcomes"
    return None


def _checked(
    outcome: npt.ArrayLike, treated: npt.ArrayLike, scores: Mapping[str, npt.ArrayLike], draws: int, confidence: float
) -> tuple[Floats, Bools, str | None]:
    """Outcome and treatment as arrays, and the reason why scores can't be measured on them."""
    check_rate("confidence", confidence)
    y, w = checked(outcome, treated)
    if not scores or draws < 2:
        raise ValueError(f"{len(scores)} scores and {draws} draws, must be at least 1 and 2")
    return y, w, too_few(y, w)


def _bootstrap_weights(treated: Bools, draws: int, seed: int) -> Floats:
    """How often each draw has each unit, shape (draws + 1, n); the first row is the data."""
    rng = np.random.default_rng(seed)
    return np.vstack([np.ones(len(treated)), *(_draw(treated, rng)[None] for _ in range(draws))])


def _draw(treated: Bools, rng: np.random.Generator) -> Floats:
    weight = np.empty(len(treated))
    for arm in (treated, ~treated):
        size = np.count_nonzero(arm)
        weight[arm] = np.bincount(rng.integers(0, size, size), minlength=size)
    return weight


def _measure_all(
    y: Floats, w: Bools, gamma: Floats, ranked: Mapping[str, Floats], weights: Floats
) -> dict[str, Floats]:
    """Values by learner, shape (draws + 1, measures); the first row is the estimate."""
    perfect = {
        "qini": Ranking.of(perfect_score(y, w, kind="qini")),
        "uplift": Ranking.of(perfect_score(y, w, kind="uplift")),
    }
    rankings = {learner: Ranking.of(score) for learner, score in ranked.items()}
    rows: dict[str, list[Sequence[float]]] = {learner: [] for learner in ranked}
    for weight in weights:
        ideal = [perfect[kind].curves(y, w, weight=weight)[at] for at, kind in enumerate(("qini", "uplift"))]
        for learner, ranking in rankings.items():
            qini, uplift = ranking.curves(y, w, weight=weight)
            at = uplift.at(AT_SHARES) / (np.array(AT_SHARES) * uplift.count_targeted[-1])
            rows[learner].append(
                (
                    normalised_area(qini, ideal[0]),
                    normalised_area(uplift, ideal[1]),
                    _rate(gamma, ranking, weight),
                    *at,
                )
            )
    return {learner: np.array(values) for learner, values in rows.items()}


def _rate(gamma: Floats, ranking: Ranking, weight: Floats) -> float:
    """AUTOC: mean over targeted shares of the effect among the targeted less the average effect."""
    count = np.cumsum(weight[ranking.order])[ranking.last_of_score]
    total = np.cumsum((weight * gamma)[ranking.order])[ranking.last_of_score]
    seen = count > 0
    effect = total[seen] / count[seen] - total[-1] / count[-1]
    return float(np.average(effect, weights=np.diff(count[seen], prepend=0.0)))


def _observed(gamma: Floats, ranking: Ranking, weight: Floats) -> tuple[float, ...]:
    """Area above random per unit, RATE, and mean effects among the top shares of units."""
    curve = ranking.added(gamma, weight=weight)
    count = curve.count_targeted[-1]
    at = curve.at(AT_SHARES) / (np.array(AT_SHARES) * count)
    return (curve.area - curve.random_area) / count**2, _rate(gamma, ranking, weight), *at


def _weighted_effects(y: Floats, w: Bools, weights: Floats) -> Floats:
    one, zero = weights[:, w], weights[:, ~w]
    effects: Floats = one @ y[w] / one.sum(axis=1) - zero @ y[~w] / zero.sum(axis=1)
    return effects


def _inverse_probability_effects(y: Floats, w: Bools) -> Floats:
    share = w.mean()
    one, zero = y[w].mean(), y[~w].mean()
    effects: Floats = one - zero + np.where(w, (y - one) / share, -(y - zero) / (1 - share))
    return effects


def _highest(draws: Floats, confidence: float) -> float:
    """Give what the highest of several measures exceeds by chance in (1 - confidence) / 2 of cases, in standard errors.

    Args:
        draws: The measures' draws, shape (draws, learners), whose correlation counts.
        confidence: Level.

    References:
        Romano, Wolf (2005), Exact and approximate stepdown methods for multiple hypothesis testing. JASA 100.

    """
    varying = draws[:, draws.std(axis=0) > 0]
    if varying.shape[1] < 2:
        return float(-special.ndtri((1 - confidence) / 2))
    correlation = np.corrcoef(varying, rowvar=False) + 1e-9 * np.eye(varying.shape[1])
    noise = np.random.default_rng(0).normal(size=(100_000, varying.shape[1])) @ np.linalg.cholesky(correlation).T
    return float(np.quantile(noise.max(axis=1), (1 + confidence) / 2))


def _measure(name: str, values: Floats, randoms: Floats, confidence: float, inflation: float) -> Measure:
    """Measure from its values on the data (first) and on the draws; inflation is of the variance of what is gained."""
    value, gain = float(values[0]), float(values[0] - randoms[0])
    variance, of_gain = np.var(values[1:], ddof=1), np.var((values - randoms)[1:], ddof=1)
    error, gain_error = float(np.sqrt(variance + (inflation - 1) * of_gain)), float(np.sqrt(inflation * of_gain))
    reach = -special.ndtri((1 - confidence) / 2) * error
    p_value = float(2 * special.ndtr(-abs(gain) / gain_error)) if gain_error > 0 else float("nan")
    return Measure(name, value, float(randoms[0]), error, value - reach, value + reach, p_value)
