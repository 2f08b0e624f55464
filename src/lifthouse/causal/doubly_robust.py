"""Estimators that learn both treatment and outcome, out of fold: AIPW and double machine learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from lifthouse.causal.estimates import CausalEstimate, from_influence
from lifthouse.causal.propensity import PropensityLearner
from lifthouse.causal.weighting import Estimand, effective_units, tilt
from lifthouse.statistics.reasons import Bools, Floats, Ints

OutcomeLearner = Literal["linear", "gradient_boosting"]
OUTCOME_LEARNERS: tuple[OutcomeLearner, ...] = ("linear", "gradient_boosting")


@dataclass(frozen=True)
class Nuisances:
    """Scores and expected outcomes of units, each from models that did not see the unit; arrays of shape (n_units,).

    Attributes:
        scores: Chance to be treated.
        untreated: Expected outcome without treatment.
        treated: Expected outcome with treatment.
        learners: Outcome learner of (untreated, treated).
        propensity_learner: Learner of the scores.

    """

    scores: Floats
    untreated: Floats
    treated: Floats
    learners: tuple[OutcomeLearner, OutcomeLearner]
    propensity_learner: PropensityLearner = "logistic"

    def of(self, units: Bools) -> Nuisances:
        """Keep the marked units."""
        return replace(self, scores=self.scores[units], untreated=self.untreated[units], treated=self.treated[units])


def cross_fit_outcomes(
    design: Floats,
    treated: Bools,
    outcome: Floats,
    scores: Floats,
    folds: Ints,
    *,
    seed: int,
    propensity_learner: PropensityLearner = "logistic",
    learners: tuple[Sequence[OutcomeLearner], Sequence[OutcomeLearner]] = (OUTCOME_LEARNERS, OUTCOME_LEARNERS),
) -> Nuisances:
    """Expect each unit's outcome in both arms, by the learner with the smaller squared error out of fold in each arm.

    Args:
        design: Covariates, shape (n_units, n_columns).
        treated: Whether a unit is treated, shape (n_units,).
        outcome: Values, shape (n_units,).
        scores: Cross-fitted propensity scores on the same folds, shape (n_units,).
        folds: Fold of each unit, shape (n_units,).
        seed: Of the boosting.
        propensity_learner: Learner of the scores.
        learners: Those to try without and with treatment.

    Returns:
        The nuisances.

    Example:
        >>> random = np.random.default_rng(0)
        >>> age = random.normal(size=(1000, 1))
        >>> treated, folds = random.random(1000) < 0.5, np.arange(1000) % 5
        >>> outcome = 3 * age[:, 0] + treated
        >>> cross_fit_outcomes(age, treated, outcome, np.full(1000, 0.5), folds, seed=0).learners
        ('linear', 'linear')

    """
    expected: list[Floats] = []
    chosen: list[OutcomeLearner] = []
    for arm, candidates in zip((~treated, treated), learners, strict=True):
        best, error = candidates[0], np.inf
        best_values = np.full(len(outcome), np.nan)
        for learner in candidates:
            values = np.empty(len(outcome))
            for fold in np.unique(folds):
                held = folds == fold
                values[held] = _fit(learner, design[arm & ~held], outcome[arm & ~held], seed).predict(design[held])
            squared = float(np.mean((outcome - values)[arm] ** 2))
            if squared < error:
                best, error, best_values = learner, squared, values
        expected.append(best_values)
        chosen.append(best)
    return Nuisances(scores, expected[0], expected[1], (chosen[0], chosen[1]), propensity_learner)


def aipw(design: Floats, treated: Bools, outcome: Floats, nuisances: Nuisances, estimand: Estimand) -> CausalEstimate:
    """Augmented inverse-probability weighting: right if either scores or expected outcomes are.

    Args:
        design: Covariates, shape (n_units, n_columns).
        treated: Whether a unit is treated, shape (n_units,).
        outcome: Values, shape (n_units,).
        nuisances: Cross-fitted scores and expected outcomes.
        estimand: Whose effect. The ATO's weights are the scores' own, so that it is not robust to wrong scores.

    Returns:
        The estimate; weights of residuals add up to one in each arm (Hajek). For ATE and ATT the error counts how
        logistic and linear nuisances were estimated, so that it holds as well if one of the two is wrong.

    References:
        Robins, Rotnitzky, Zhao (1994), Estimation of regression coefficients when some regressors are not always
        observed. JASA 89. Crump, Hotz, Imbens, Mitnik (2006), Moving the goalposts. NBER t0330 (ATO).

    Example:
        >>> treated, outcome = np.array([True, False] * 50), np.tile([3.0, 1.0, 5.0, 1.0], 25)
        >>> nuisances = Nuisances(np.full(100, 0.5), np.full(100, 1.0), np.full(100, 4.0), ("linear", "linear"))
        >>> aipw(np.empty((100, 0)), treated, outcome, nuisances, "ate").estimate
        3.0

    """
    estimate, influence = aipw_influence(treated, outcome, nuisances, estimand)
    if estimand != "ato":
        influence = influence + _estimated_nuisances(design, treated, outcome, nuisances, estimand)
    scores = nuisances.scores
    weights = tilt(scores, estimand) / np.where(treated, scores, 1 - scores)
    return from_influence(estimate, influence, effective_units(weights, treated))


def aipw_influence(treated: Bools, outcome: Floats, nuisances: Nuisances, estimand: Estimand) -> tuple[float, Floats]:
    """Estimate and its influence values of shape (n_units,), whose mean square over n is the variance."""
    scores, gain = nuisances.scores, nuisances.treated - nuisances.untreated
    if estimand == "att":
        # Of the treated the own outcome counts as it is.
        residual = outcome - nuisances.untreated
        share = treated / treated.mean()
        odds = np.where(treated, 0.0, scores / (1 - scores))
        odds /= odds.mean()
        corrected = float(np.mean(odds * residual))
        estimate = float(np.mean(share * residual)) - corrected
        return estimate, share * (residual - corrected - estimate) - odds * (residual - corrected)
    population = tilt(scores, estimand)
    population = population / population.mean()
    if estimand == "ato":
        # The weights move with the scores, and a unit's treatment says how.
        slope = (1 - 2 * scores) * (treated - scores) / (scores * (1 - scores)).mean()
        population = population + slope
    up, down = (
        _hajek(treated, outcome - nuisances.treated, scores, estimand),
        _hajek(~treated, outcome - nuisances.untreated, 1 - scores, estimand),
    )
    correction = float(up[0].mean() - down[0].mean())
    estimate = float(np.sum(population * gain) / population.sum()) + correction
    influence = population * (gain - (estimate - correction)) + up[1] - down[1]
    return estimate, influence


def _estimated_nuisances(
    design: Floats, treated: Bools, outcome: Floats, nuisances: Nuisances, estimand: Estimand
) -> Floats:
    """Influence of units through the parametric nuisances (n_units,); about zero where both nuisances are right."""
    columns = np.column_stack([np.ones(len(design)), design])
    scores = nuisances.scores
    influence = np.zeros(len(outcome))
    toward_scores = np.zeros(columns.shape[1])
    arms: tuple[tuple[Bools, Floats, Floats, float, OutcomeLearner], ...] = (
        (
            ~treated,
            scores if estimand == "att" else np.ones(len(scores)),
            nuisances.untreated,
            -1.0,
            nuisances.learners[0],
        ),
        (treated, np.ones(len(scores)), nuisances.treated, 1.0, nuisances.learners[1]),
    )
    of_whom = columns[treated] if estimand == "att" else columns
    for arm, numerator, expected, sign, learner in arms:
        if estimand == "att" and sign > 0:
            continue
        own = np.where(treated, scores, 1 - scores)
        weights = np.where(arm, numerator / own, 0.0)
        weights /= weights.mean()
        residual = np.where(arm, outcome - expected, 0.0)
        # How a weight grows with the logit: e / (1 - e) as itself, 1 / e by e - 1, 1 / (1 - e) by e.
        slope = np.ones(len(scores)) if estimand == "att" else scores - 1 if sign > 0 else scores
        weighted = weights * (residual - np.mean(weights * residual))
        toward_scores += sign * (weighted * slope) @ columns / len(columns)
        if learner == "linear":
            toward = sign * (of_whom.mean(axis=0) - weights @ columns / len(columns))
            information = columns[arm].T @ columns[arm] / len(columns)
            influence += (columns @ np.linalg.lstsq(information, toward, rcond=None)[0]) * residual
    if nuisances.propensity_learner == "logistic":
        information = (columns * (scores * (1 - scores))[:, None]).T @ columns / len(columns)
        influence += (columns @ np.linalg.lstsq(information, toward_scores, rcond=None)[0]) * (treated - scores)
    return influence


def _hajek(arm: Bools, residual: Floats, own_chance: Floats, estimand: Estimand) -> tuple[Floats, Floats]:
    """Weighted residuals of an arm, and the same about their mean."""
    weights = np.where(arm, (1.0 if estimand == "ate" else 1 - own_chance) / np.where(arm, own_chance, 1.0), 0.0)
    if estimand == "ato":
        weights = np.where(arm, 1 - own_chance, 0.0)
    weights /= weights.mean()
    weighted = weights * residual
    return weighted, weights * (residual - weighted.mean())


def double_machine_learning(
    design: Floats, treated: Bools, outcome: Floats, nuisances: Nuisances, estimand: Estimand
) -> CausalEstimate:
    """Regress what is unexpected of the outcome on what is unexpected of the treatment.

    ATO: one effect for all (Robinson), which weights units by their overlap. ATE and ATT: the effect is linear in the
    covariates, and is averaged over all units or the treated.

    Args:
        design: Covariates, shape (n_units, n_columns).
        treated: Whether a unit is treated, shape (n_units,).
        outcome: Values, shape (n_units,).
        nuisances: Cross-fitted scores and expected outcomes.
        estimand: Whose effect.

    Returns:
        The estimate with a heteroscedasticity-robust error, which counts that covariates' means are estimated.

    References:
        Robinson (1988), Root-n-consistent semiparametric regression. Econometrica 56. Chernozhukov et al. (2018),
        Double/debiased machine learning. The Econometrics Journal 21.

    Example:
        >>> random = np.random.default_rng(0)
        >>> age, treated = random.normal(size=(500, 1)), random.random(500) < 0.5
        >>> outcome = age[:, 0] + 2 * treated
        >>> exact = Nuisances(np.full(500, 0.5), age[:, 0], age[:, 0] + 2, ("linear", "linear"))
        >>> round(double_machine_learning(age, treated, outcome + random.normal(size=500), exact, "ato").estimate)
        2

    """
    scores = nuisances.scores
    expected = scores * nuisances.treated + (1 - scores) * nuisances.untreated
    surprise, unexpected = outcome - expected, treated - scores
    of_whom = treated if estimand == "att" else np.ones(len(treated), dtype=bool)
    centred = np.empty((len(design), 0)) if estimand == "ato" else design - design[of_whom].mean(axis=0)
    regressors = unexpected[:, None] * np.column_stack([np.ones(len(design)), centred])
    inverse = np.linalg.pinv(regressors.T @ regressors)
    coefficients = inverse @ (regressors.T @ surprise)
    scored = regressors * (surprise - regressors @ coefficients)[:, None]
    influence = scored @ inverse[0] * len(design)
    # The centre is an average over units too.
    influence += np.where(of_whom, centred @ coefficients[1:], 0.0) / of_whom.mean()
    weights = np.where(treated, 1 - scores, scores)
    return from_influence(float(coefficients[0]), influence, effective_units(weights, treated))


class _Linear:
    """Least squares by the normal equations: far faster than by orthogonal factors, on columns of like scale."""

    def __init__(self, design: Floats, outcome: Floats) -> None:
        columns = np.column_stack([np.ones(len(design)), design])
        self._coefficients = np.linalg.lstsq(columns.T @ columns, columns.T @ outcome, rcond=None)[0]

    def predict(self, design: Floats) -> Floats:
        return np.asarray(self._coefficients[0] + design @ self._coefficients[1:])


def _fit(learner: OutcomeLearner, design: Floats, outcome: Floats, seed: int) -> Any:
    if learner == "linear":
        return _Linear(design, outcome)
    from lifthouse.causal.boosting import boosted_regressor  # noqa: PLC0415

    return boosted_regressor(len(design), seed).fit(design, outcome)
