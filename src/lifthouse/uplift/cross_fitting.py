"""Honest scores: every unit is scored by models that have not seen it, and new units by the average of these models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lifthouse.statistics.reasons import Bools, Floats, Ints, check_choice
from lifthouse.uplift.learners import (
    LEARNERS,
    Boosting,
    Difference,
    EffectModel,
    Sample,
    boosted,
    check_propensity,
    fit_sample,
    is_binary,
    prediction,
)

MIN_UNITS_AN_ARM = 4


@dataclass(frozen=True)
class FoldModels:
    """Models fitted without one fold; pickle keeps them.

    Attributes:
        outcomes: Models of the outcome by arm, control first.
        effects: By learner, models of the effect of each treatment arm.

    """

    outcomes: tuple[Any, ...]
    effects: dict[str, tuple[EffectModel, ...]]

    def expected(self, covariates: Floats) -> Floats:
        """Outcomes expected in each arm, shape (n, arms)."""
        return np.column_stack([prediction(model, covariates) for model in self.outcomes])

    def effect(self, learner: str, covariates: Floats) -> Floats:
        """Effects of each treatment arm by one learner, shape (n, arms - 1)."""
        return np.column_stack([model.predict(covariates) for model in self.effects[learner]])

    def standard_error(self, learner: str, covariates: Floats) -> Floats:
        """Give standard errors of these effects, shape (n, arms - 1); NaN where the learner has none."""
        return np.column_stack(
            [
                model.standard_error(covariates)
                if hasattr(model, "standard_error")
                else np.full(len(covariates), np.nan)
                for model in self.effects[learner]
            ]
        )


def fit_arms(
    learners: tuple[str, ...],
    covariates: npt.ArrayLike,
    outcome: npt.ArrayLike,
    arm: npt.ArrayLike,
    shares: npt.ArrayLike,
    *,
    settings: Boosting | None = None,
) -> FoldModels:
    """Fit learners of the effect of every treatment arm against control, and of the outcome in each arm.

    Args:
        learners: Of `LEARNERS`.
        covariates: Known before exposure, shape (n, k); NaN where unknown.
        outcome: The metric, shape (n,).
        arm: 0 for control, then 1, 2 ... for the treatments, shape (n,).
        shares: Chance of each arm by design, shape (arms,), or of each arm for each unit, shape (n, arms).
        settings: Of the gradient boosting.

    Returns:
        The models.

    Raises:
        ValueError: If a learner is unknown, shapes differ, or an arm is empty.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, arm = rng.normal(size=(900, 2)), rng.integers(0, 3, 900)
        >>> fit_arms(("s_learner",), x, x[:, 0] * arm, arm, [1 / 3] * 3).effect("s_learner", x).shape
        (900, 2)

    """
    settings = settings or Boosting()
    x, y, arms = np.asarray(covariates, float), np.asarray(outcome, float), np.asarray(arm, np.int64)
    share = np.asarray(shares, float)
    for learner in learners:
        check_choice("learner", learner, LEARNERS)
    if x.ndim != 2 or not len(x) == len(y) == len(arms):
        raise ValueError(f"shapes of covariates, outcome, arm == {x.shape}, {y.shape}, {arms.shape}, must agree")
    count_arms = share.shape[-1]
    counts = np.bincount(arms, minlength=count_arms)
    if len(counts) != count_arms or counts.min() < MIN_UNITS_AN_ARM:
        raise ValueError(f"units by arm == {counts.tolist()}, must be at least {MIN_UNITS_AN_ARM} in each")
    binary = is_binary(y)
    outcomes = tuple(boosted(x[arms == at], y[arms == at], settings, binary=binary) for at in range(count_arms))
    effects: dict[str, list[EffectModel]] = {learner: [] for learner in learners}
    for at in range(1, count_arms):
        seen = (arms == 0) | (arms == at)
        propensity = propensity_of(of_units(share, seen), at)
        check_propensity(propensity)
        sample = Sample(x[seen], y[seen], arms[seen] == at, propensity, settings)
        sample.base = Difference(outcomes[at], outcomes[0])
        for learner in learners:
            effects[learner].append(fit_sample(learner, sample))
    return FoldModels(outcomes, {learner: tuple(models) for learner, models in effects.items()})


@dataclass(frozen=True)
class HeldOut:
    """What is known of units from models that have not seen them.

    Attributes:
        folds: Fold of each unit, shape (n,).
        scores: By learner, effect of each treatment arm, shape (n, arms - 1).
        outcomes: Expected outcome in each arm, shape (n, arms), control first.

    """

    folds: Ints
    scores: dict[str, Floats]
    outcomes: Floats


def cross_fit(
    learners: tuple[str, ...],
    covariates: npt.ArrayLike,
    outcome: npt.ArrayLike,
    arm: npt.ArrayLike,
    shares: npt.ArrayLike,
    *,
    folds: int = 3,
    settings: Boosting | None = None,
) -> HeldOut:
    """Score every unit by models fitted without its fold, for two arms or many.

    Args:
        learners: Of `LEARNERS`.
        covariates: Known before exposure, shape (n, k); NaN where unknown.
        outcome: The metric, shape (n,).
        arm: 0 for control, then 1, 2 ... for the treatments, shape (n,).
        shares: Chance of each arm by design, shape (arms,), or of each arm for each unit, shape (n, arms).
        folds: Number of folds; each has the arms, and for 0 and 1 the outcomes, in the same shares.
        settings: Of the gradient boosting; its seed also makes the folds.

    Returns:
        Folds, scores and expected outcomes. A unit of one treatment arm is scored for the others as well.

    Raises:
        ValueError: If a learner is unknown, shapes differ, or an arm has too few units.

    References:
        Chernozhukov et al. (2018), Double/debiased machine learning. The Econometrics Journal 21.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, arm = rng.normal(size=(900, 2)), rng.integers(0, 3, 900)
        >>> cross_fit(("t_learner",), x, x[:, 0] * arm, arm, [1 / 3] * 3).scores["t_learner"].shape
        (900, 2)

    """
    settings = settings or Boosting()
    x, y, arms = np.asarray(covariates, float), np.asarray(outcome, float), np.asarray(arm, np.int64)
    fold = stratified_folds(arms, y, folds, settings.seed)
    share = np.asarray(shares, float)
    count_arms = share.shape[-1]
    scores = {learner: np.empty((len(y), count_arms - 1)) for learner in learners}
    expected = np.empty((len(y), count_arms))
    for held_out in range(folds):
        inside, rest = fold == held_out, fold != held_out
        models = fit_arms(learners, x[rest], y[rest], arms[rest], of_units(share, rest), settings=settings)
        expected[inside] = models.expected(x[inside])
        for learner in learners:
            scores[learner][inside] = models.effect(learner, x[inside])
    return HeldOut(fold, scores, expected)


def propensity_of(shares: Floats, at: int) -> Floats:
    """Chance of treatment `at` rather than control, shape () from shares (arms,), shape (n,) from (n, arms).

    Example:
        >>> float(propensity_of(np.array([0.5, 0.25, 0.25]), 1))
        0.3333333333333333

    """
    return np.asarray(shares[..., at] / (shares[..., 0] + shares[..., at]), float)


def of_units(shares: Floats, inside: Bools) -> Floats:
    """Chances of some of the units: of each its own, from shape (n, arms), or the same for all, from shape (arms,)."""
    return shares if shares.ndim == 1 else shares[inside]


def stratified_folds(arm: Ints, outcome: Floats, folds: int, seed: int) -> Ints:
    """Deal units to folds at random, in equal shares of each arm and, for 0 and 1, of each outcome."""
    strata = arm * 2 + (outcome if is_binary(outcome) else 0)
    shuffled = np.random.default_rng(seed).permutation(len(arm))
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]
    fold = np.empty(len(arm), np.int64)
    fold[order] = np.arange(len(arm)) % folds
    return fold
