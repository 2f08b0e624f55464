"""Learners of individual effects and their honest, out-of-fold scores.

A learner sees covariates, an outcome, who was treated, and the known propensity; it returns a model of the effect.
The meta-learners stand on LightGBM; the forests are causalml's and are imported only when used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lifthouse.statistics.reasons import Bools, Floats, Ints, check_choice

MAX_PROPENSITY_TAIL = 0.01


class EffectModel(Protocol):
    """A fitted model of effects."""

    def predict(self, covariates: Floats) -> Floats:
        """Effects of units, shape (n,), from covariates of shape (n, k)."""
        ...


@dataclass(frozen=True)
class Boosting:
    """Settings of the gradient boosting under the meta-learners; also how many trees a forest has."""

    trees: int = 80
    learning_rate: float = 0.05
    leaves: int = 15
    units_a_leaf: int = 50
    threads: int = 2
    seed: int = 0


@dataclass(frozen=True)
class _Difference:
    """Effect as one model's prediction less another's; the flag columns of an S-learner are part of the models."""

    treatment: Any
    control: Any

    def predict(self, covariates: Floats) -> Floats:
        return _prediction(self.treatment, covariates) - _prediction(self.control, covariates)


@dataclass(frozen=True)
class _Single:
    model: Any

    def predict(self, covariates: Floats) -> Floats:
        one, zero = np.ones((len(covariates), 1)), np.zeros((len(covariates), 1))
        return _prediction(self.model, np.hstack([covariates, one])) - _prediction(
            self.model, np.hstack([covariates, zero])
        )


@dataclass(frozen=True)
class _Blend:
    treatment: Any
    control: Any
    propensity: float

    def predict(self, covariates: Floats) -> Floats:
        return self.propensity * _prediction(self.control, covariates) + (1 - self.propensity) * _prediction(
            self.treatment, covariates
        )


@dataclass(frozen=True)
class _Direct:
    model: Any
    scale: float = 1.0
    shift: float = 0.0

    def predict(self, covariates: Floats) -> Floats:
        return self.scale * _prediction(self.model, covariates) + self.shift


@dataclass(frozen=True)
class _Forest:
    model: Any

    def predict(self, covariates: Floats) -> Floats:
        effects: Floats = np.asarray(self.model.predict(_without_gaps(covariates)), float).reshape(len(covariates), -1)
        return effects[:, 0]


def _boosted(x: Floats, y: Floats, settings: Boosting, *, weight: Floats | None = None, binary: bool = False) -> Any:
    import lightgbm  # noqa: PLC0415 - heavy

    kind = lightgbm.LGBMClassifier if binary and 0 < y.mean() < 1 else lightgbm.LGBMRegressor
    model = kind(
        n_estimators=settings.trees,
        learning_rate=settings.learning_rate,
        num_leaves=settings.leaves,
        min_child_samples=settings.units_a_leaf,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.8,
        n_jobs=settings.threads,
        random_state=settings.seed,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
    )
    return model.fit(x, y, sample_weight=weight).booster_


def _prediction(booster: Any, covariates: Floats) -> Floats:
    return np.asarray(booster.predict(covariates), float)


def _is_binary(y: Floats) -> bool:
    return bool(np.isin(y, (0.0, 1.0)).all())


def _s(x: Floats, y: Floats, w: Bools, _p: float, settings: Boosting) -> EffectModel:
    return _Single(_boosted(np.hstack([x, w[:, None]]), y, settings, binary=_is_binary(y)))


def _t(x: Floats, y: Floats, w: Bools, _p: float, settings: Boosting) -> _Difference:
    binary = _is_binary(y)
    return _Difference(*(_boosted(x[arm], y[arm], settings, binary=binary) for arm in (w, ~w)))


def _x(x: Floats, y: Floats, w: Bools, p: float, settings: Boosting) -> EffectModel:
    base = _t(x, y, w, p, settings)
    treated = _boosted(x[w], y[w] - _prediction(base.control, x[w]), settings)
    control = _boosted(x[~w], _prediction(base.treatment, x[~w]) - y[~w], settings)
    return _Blend(treated, control, p)


def _r(x: Floats, y: Floats, w: Bools, p: float, settings: Boosting) -> EffectModel:
    residual_outcome = y - _two_halves(x, y, np.ones(len(y), bool), settings)
    residual_treatment = np.asarray(w - p, float)
    return _Direct(_boosted(x, residual_outcome / residual_treatment, settings, weight=residual_treatment**2))


def _dr(x: Floats, y: Floats, w: Bools, p: float, settings: Boosting) -> EffectModel:
    one, zero = (_two_halves(x, y, arm, settings) for arm in (w, ~w))
    pseudo = one - zero + w * (y - one) / p - ~w * (y - zero) / (1 - p)
    return _Direct(_boosted(x, pseudo, settings))


def _class_transformation(x: Floats, y: Floats, w: Bools, p: float, settings: Boosting) -> EffectModel:
    if _is_binary(y):
        weight = np.where(w, 0.5 / p, 0.5 / (1 - p))
        return _Direct(_boosted(x, (y == w).astype(float), settings, weight=weight, binary=True), 2.0, -1.0)
    return _Direct(_boosted(x, y * (w - p) / (p * (1 - p)), settings))


def _causal_forest(x: Floats, y: Floats, w: Bools, _p: float, settings: Boosting) -> EffectModel:
    from causalml.inference.tree import CausalRandomForestRegressor  # noqa: PLC0415 - heavy

    forest = CausalRandomForestRegressor(
        n_estimators=settings.trees,
        min_samples_leaf=settings.units_a_leaf,
        n_jobs=settings.threads,
        random_state=settings.seed,
    )
    forest.fit(_without_gaps(x), treatment=w.astype(int), y=y)
    return _Forest(forest)


def _uplift_forest(x: Floats, y: Floats, w: Bools, _p: float, settings: Boosting) -> EffectModel:
    from causalml.inference.tree import UpliftRandomForestClassifier  # noqa: PLC0415 - heavy

    if not _is_binary(y):
        raise ValueError("the uplift forest needs an outcome of 0 and 1; take causal_forest")
    forest = UpliftRandomForestClassifier(
        control_name="control",
        n_estimators=settings.trees,
        max_features=x.shape[1],
        min_samples_leaf=settings.units_a_leaf,
        n_jobs=settings.threads,
        random_state=settings.seed,
    )
    forest.fit(_without_gaps(x), treatment=np.where(w, "treatment", "control"), y=y.astype(int))
    return _Forest(forest)


_LEARNERS: dict[str, Callable[[Floats, Floats, Bools, float, Boosting], EffectModel]] = {
    "s_learner": _s,
    "t_learner": _t,
    "x_learner": _x,
    "r_learner": _r,
    "dr_learner": _dr,
    "class_transformation": _class_transformation,
    "causal_forest": _causal_forest,
    "uplift_forest": _uplift_forest,
}
LEARNERS = tuple(_LEARNERS)


def fit(
    learner: str,
    covariates: npt.ArrayLike,
    outcome: npt.ArrayLike,
    treated: npt.ArrayLike,
    *,
    propensity: float,
    settings: Boosting | None = None,
) -> EffectModel:
    """Fit one learner of the effect of one treatment against control.

    Args:
        learner: One of `LEARNERS`.
        covariates: Known before exposure, shape (n, k); NaN where unknown.
        outcome: The metric, shape (n,); 0 and 1 is modelled as a probability.
        treated: Whether a unit was in treatment, shape (n,).
        propensity: Probability of treatment, known by design.
        settings: Of the gradient boosting.

    Returns:
        The model.

    Raises:
        ValueError: If the learner is unknown, the propensity is beyond [0.01, 0.99] or the learner does not fit the
            outcome.

    References:
        Kuenzel, Sekhon, Bickel, Yu (2019), Metalearners for estimating heterogeneous treatment effects. PNAS 116 (S, T,
        X). Nie, Wager (2021), Quasi-oracle estimation of heterogeneous treatment effects. Biometrika 108 (R). Kennedy
        (2023), Towards optimal doubly robust estimation of heterogeneous causal effects. EJS 17 (DR). Jaskowski,
        Jaroszewicz (2012), Uplift modeling for clinical trial data (class transformation). Athey, Tibshirani, Wager
        (2019), Generalized random forests. Annals of Statistics 47.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, treated = rng.normal(size=(2000, 1)), rng.integers(0, 2, 2000)
        >>> model = fit("t_learner", x, treated * (x[:, 0] > 0), treated, propensity=0.5)
        >>> bool(model.predict(np.array([[1.0]]))[0] > model.predict(np.array([[-1.0]]))[0])
        True

    """
    check_choice("learner", learner, LEARNERS)
    check_propensity(propensity)
    x, y, w = np.asarray(covariates, float), np.asarray(outcome, float), np.asarray(treated).astype(bool)
    return _LEARNERS[learner](x, y, w, propensity, settings or Boosting())


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
        shares: Designed share of each arm, shape (arms,).
        folds: Number of folds; each has the arms, and for 0 and 1 the outcomes, in the same shares.
        settings: Of the gradient boosting; its seed also makes the folds.

    Returns:
        Folds, scores and expected outcomes. A unit of one treatment arm is scored for the others as well.

    Raises:
        ValueError: If a learner is unknown, shapes differ, or an arm has fewer than 2 units a fold.

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
    share = np.asarray(shares, float)
    for learner in learners:
        check_choice("learner", learner, LEARNERS)
    if x.ndim != 2 or not len(x) == len(y) == len(arms):
        raise ValueError(f"shapes of covariates, outcome, arm == {x.shape}, {y.shape}, {arms.shape}, must agree")
    counts = np.bincount(arms, minlength=len(share))
    if len(counts) != len(share) or counts.min() < 2 * folds:
        raise ValueError(f"units by arm == {counts.tolist()}, must be at least {2 * folds} in each of {len(share)}")
    fold = stratified_folds(arms, y, folds, settings.seed)
    scores = {learner: np.empty((len(y), len(share) - 1)) for learner in learners}
    expected = np.empty((len(y), len(share)))
    for held_out in range(folds):
        inside, rest = fold == held_out, fold != held_out
        for at in range(len(share)):
            seen = rest & (arms == at)
            expected[inside, at] = _prediction(_boosted(x[seen], y[seen], settings, binary=_is_binary(y)), x[inside])
        for at in range(1, len(share)):
            seen = rest & ((arms == 0) | (arms == at))
            propensity = share[at] / (share[0] + share[at])
            for learner in learners:
                if learner == "t_learner":  # its two models are those of the expected outcomes
                    scores[learner][inside, at - 1] = expected[inside, at] - expected[inside, 0]
                    continue
                model = fit(learner, x[seen], y[seen], arms[seen] == at, propensity=propensity, settings=settings)
                scores[learner][inside, at - 1] = model.predict(x[inside])
    return HeldOut(fold, scores, expected)


def stratified_folds(arm: Ints, outcome: Floats, folds: int, seed: int) -> Ints:
    """Deal units to folds at random, in equal shares of each arm and, for 0 and 1, of each outcome."""
    strata = arm * 2 + (outcome if _is_binary(outcome) else 0)
    shuffled = np.random.default_rng(seed).permutation(len(arm))
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]
    fold = np.empty(len(arm), np.int64)
    fold[order] = np.arange(len(arm)) % folds
    return fold


def check_propensity(propensity: float) -> None:
    """Raise a ValueError if treatment or control is too rare to learn effects from."""
    if not MAX_PROPENSITY_TAIL <= propensity <= 1 - MAX_PROPENSITY_TAIL:
        raise ValueError(f"propensity == {propensity}, must be in [{MAX_PROPENSITY_TAIL}, {1 - MAX_PROPENSITY_TAIL}]")


def _two_halves(x: Floats, y: Floats, of: Bools, settings: Boosting) -> Floats:
    """Give every unit's expected outcome from a model of the units `of` in the other half."""
    half = np.random.default_rng(settings.seed + 1).permutation(len(y)) % 2 == 0
    expected = np.empty(len(y))
    for held_out in (half, ~half):
        seen = of & ~held_out
        expected[held_out] = _prediction(_boosted(x[seen], y[seen], settings, binary=_is_binary(y)), x[held_out])
    return expected


def _without_gaps(covariates: Floats) -> Floats:
    """Unknown values as a number of their own, below all others: the forests take no NaN."""
    return np.where(np.isnan(covariates), -1e9, covariates)
