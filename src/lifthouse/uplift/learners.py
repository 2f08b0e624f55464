"""Learners of individual effects.

A learner sees covariates, an outcome, who was treated, and the propensity, known by design or estimated; it returns a
model of the effect.
The meta-learners stand on LightGBM; the forests are causalml's and are imported only when used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lifthouse.statistics.reasons import Bools, Floats, check_choice
from lifthouse.threads import MODEL_THREADS

MAX_PROPENSITY_TAIL = 0.01
# One probability of treatment for all units, or each unit's, shape (n,).
Propensity = float | Floats


class EffectModel(Protocol):
    """A fitted model of effects."""

    def predict(self, covariates: Floats) -> Floats:
        """Effects of units, shape (n,), from covariates of shape (n, k)."""
        ...


@dataclass(frozen=True)
class Boosting:
    """Settings of the gradient boosting under the meta-learners; also how many trees a forest has."""

    trees: int = 60
    learning_rate: float = 0.05
    leaves: int = 4
    units_a_leaf: int = 200
    seed: int = 0


@dataclass(frozen=True)
class Difference:
    """Effect as one model's prediction less another's; the flag columns of an S-learner are part of the models."""

    treatment: Any
    control: Any

    def predict(self, covariates: Floats) -> Floats:
        """Effects of units, shape (n,)."""
        return prediction(self.treatment, covariates) - prediction(self.control, covariates)


@dataclass(frozen=True)
class _Single:
    model: Any

    def predict(self, covariates: Floats) -> Floats:
        one, zero = np.ones((len(covariates), 1)), np.zeros((len(covariates), 1))
        return prediction(self.model, np.hstack([covariates, one])) - prediction(
            self.model, np.hstack([covariates, zero])
        )


@dataclass(frozen=True)
class _Blend:
    treatment: Any
    control: Any
    propensity: float

    def predict(self, covariates: Floats) -> Floats:
        return self.propensity * prediction(self.control, covariates) + (1 - self.propensity) * prediction(
            self.treatment, covariates
        )


@dataclass(frozen=True)
class _Direct:
    model: Any
    scale: float = 1.0
    shift: float = 0.0

    def predict(self, covariates: Floats) -> Floats:
        return self.scale * prediction(self.model, covariates) + self.shift


@dataclass(frozen=True)
class _Linear:
    """The best linear projection of effects on standardised covariates, with the covariance of its coefficients."""

    centre: Floats
    scale: Floats
    coefficients: Floats
    covariance: Floats

    def design(self, covariates: Floats) -> Floats:
        return np.column_stack(
            [np.ones(len(covariates)), np.nan_to_num((covariates - self.centre) / self.scale, nan=0.0)]
        )

    def predict(self, covariates: Floats) -> Floats:
        return self.design(covariates) @ self.coefficients

    def standard_error(self, covariates: Floats) -> Floats:
        design = self.design(covariates)
        return np.asarray(np.sqrt(np.einsum("ij,jk,ik->i", design, self.covariance, design)), float)


@dataclass(frozen=True)
class _Forest:
    model: Any

    def predict(self, covariates: Floats) -> Floats:
        effects: Floats = np.asarray(self.model.predict(_without_gaps(covariates)), float).reshape(len(covariates), -1)
        return effects[:, 0]


def boosted(x: Floats, y: Floats, settings: Boosting, *, weight: Floats | None = None, binary: bool = False) -> Any:
    """Fit gradient boosting: of a probability if binary, else of a mean."""
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
        n_jobs=MODEL_THREADS,
        random_state=settings.seed,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
    )
    return model.fit(x, y, sample_weight=weight).booster_


def prediction(booster: Any, covariates: Floats) -> Floats:
    """Prediction of a booster as an array."""
    return np.asarray(booster.predict(covariates, num_threads=MODEL_THREADS), float)


def is_binary(y: Floats) -> bool:
    """Whether an outcome is 0 or 1 throughout."""
    return bool(np.isin(y, (0.0, 1.0)).all())


class Sample:
    """Units of one treatment and of control, with what several learners stand on, fitted when first asked for."""

    def __init__(
        self, covariates: Floats, outcome: Floats, treated: Bools, propensity: Propensity, settings: Boosting
    ) -> None:
        """Take covariates of shape (n, k), outcome and who was treated of shape (n,); propensity as in `fit`."""
        self.x, self.y, self.w, self.p, self.settings = covariates, outcome, treated, propensity, settings
        self.binary = is_binary(outcome)

    @cached_property
    def base(self) -> Difference:
        """Models of the outcome in treatment and in control."""
        models = (boosted(self.x[arm], self.y[arm], self.settings, binary=self.binary) for arm in (self.w, ~self.w))
        return Difference(*models)

    @cached_property
    def pseudo_effects(self) -> Floats:
        """Doubly robust scores of effects, whose regression on covariates is the effect."""
        one, zero = (self.expected(arm) for arm in (self.w, ~self.w))
        pseudo: Floats = one - zero + self.w * (self.y - one) / self.p - ~self.w * (self.y - zero) / (1 - self.p)
        return pseudo

    def expected(self, of: Bools) -> Floats:
        """Give every unit's expected outcome from a model of the units `of` in the other half."""
        half = np.random.default_rng(self.settings.seed + 1).permutation(len(self.y)) % 2 == 0
        expected = np.empty(len(self.y))
        for held_out in (half, ~half):
            seen = of & ~held_out
            model = boosted(self.x[seen], self.y[seen], self.settings, binary=self.binary)
            expected[held_out] = prediction(model, self.x[held_out])
        return expected


def _s(sample: Sample) -> EffectModel:
    flagged = np.hstack([sample.x, sample.w[:, None]])
    return _Single(boosted(flagged, sample.y, sample.settings, binary=sample.binary))


def _t(sample: Sample) -> EffectModel:
    return sample.base


def _x(sample: Sample) -> EffectModel:
    x, y, w, base = sample.x, sample.y, sample.w, sample.base
    treated = boosted(x[w], y[w] - prediction(base.control, x[w]), sample.settings)
    control = boosted(x[~w], prediction(base.treatment, x[~w]) - y[~w], sample.settings)
    return _Blend(treated, control, float(np.mean(sample.p)))


def _r(sample: Sample) -> EffectModel:
    outcome = sample.y - sample.expected(np.ones(len(sample.y), bool))
    treatment = np.asarray(sample.w - sample.p, float)
    return _Direct(boosted(sample.x, outcome / treatment, sample.settings, weight=treatment**2))


def _dr(sample: Sample) -> EffectModel:
    return _Direct(boosted(sample.x, sample.pseudo_effects, sample.settings))


def _linear_dr(sample: Sample) -> EffectModel:
    x, pseudo = sample.x, sample.pseudo_effects
    known = ~np.isnan(x)
    counts = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, x, 0).sum(axis=0) / counts
    deviation = np.sqrt((np.where(known, x - centre, 0) ** 2).sum(axis=0) / counts)
    unfitted = _Linear(centre, np.where(deviation > 0, deviation, 1.0), np.zeros(0), np.zeros((0, 0)))
    design = unfitted.design(x)
    inverse = np.linalg.pinv(design.T @ design, rcond=1e-10, hermitian=True)
    coefficients = inverse @ (design.T @ pseudo)
    weighted = design * (pseudo - design @ coefficients)[:, None]
    return replace(unfitted, coefficients=coefficients, covariance=inverse @ (weighted.T @ weighted) @ inverse)


def _class_transformation(sample: Sample) -> EffectModel:
    x, y, w, p = sample.x, sample.y, sample.w, sample.p
    if sample.binary:
        weight = np.where(w, 0.5 / p, 0.5 / (1 - p))
        return _Direct(boosted(x, (y == w).astype(float), sample.settings, weight=weight, binary=True), 2.0, -1.0)
    return _Direct(boosted(x, y * (w - p) / (p * (1 - p)), sample.settings))


def _causal_forest(sample: Sample) -> EffectModel:
    from causalml.inference.tree import CausalRandomForestRegressor  # noqa: PLC0415 - heavy

    forest = CausalRandomForestRegressor(
        n_estimators=sample.settings.trees,
        min_samples_leaf=sample.settings.units_a_leaf,
        n_jobs=MODEL_THREADS,
        random_state=sample.settings.seed,
    )
    forest.fit(_without_gaps(sample.x), treatment=sample.w.astype(int), y=sample.y)
    return _Forest(forest)


def _uplift_forest(sample: Sample) -> EffectModel:
    from causalml.inference.tree import UpliftRandomForestClassifier  # noqa: PLC0415 - heavy

    if not sample.binary:
        raise ValueError("the uplift forest needs an outcome of 0 and 1; take causal_forest")
    forest = UpliftRandomForestClassifier(
        control_name="control",
        n_estimators=sample.settings.trees,
        max_features=sample.x.shape[1],
        min_samples_leaf=sample.settings.units_a_leaf,
        n_jobs=MODEL_THREADS,
        random_state=sample.settings.seed,
    )
    forest.fit(_without_gaps(sample.x), treatment=np.where(sample.w, "treatment", "control"), y=sample.y.astype(int))
    return _Forest(forest)


_LEARNERS: dict[str, Callable[[Sample], EffectModel]] = {
    "s_learner": _s,
    "t_learner": _t,
    "x_learner": _x,
    "r_learner": _r,
    "dr_learner": _dr,
    "linear_dr_learner": _linear_dr,
    "class_transformation": _class_transformation,
    "causal_forest": _causal_forest,
    "uplift_forest": _uplift_forest,
}
LEARNERS = tuple(_LEARNERS)
# They compare the arms within a leaf as they are, so that whoever chose the treatment is taken for its effect.
NEED_RANDOMISED = ("causal_forest", "uplift_forest")
NEED_BINARY = ("uplift_forest",)


def fit(
    learner: str,
    covariates: npt.ArrayLike,
    outcome: npt.ArrayLike,
    treated: npt.ArrayLike,
    *,
    propensity: Propensity,
    settings: Boosting | None = None,
) -> EffectModel:
    """Fit one learner of the effect of one treatment against control.

    Args:
        learner: One of `LEARNERS`.
        covariates: Known before exposure, shape (n, k); NaN where unknown.
        outcome: The metric, shape (n,); 0 and 1 is modelled as a probability.
        treated: Whether a unit was in treatment, shape (n,).
        propensity: Probability of treatment: one number known by design, or each unit's, by a model that has not seen
            the unit, shape (n,). `NEED_RANDOMISED` take no notice of it.
        settings: Of the gradient boosting.

    Returns:
        The model.

    Raises:
        ValueError: If the learner is unknown, the propensity is beyond [0.01, 0.99] or the learner does not fit the
            outcome.

    References:
        Kuenzel, Sekhon, Bickel, Yu (2019), Metalearners for estimating heterogeneous treatment effects. PNAS 116 (S, T,
        X). Nie, Wager (2021), Quasi-oracle estimation of heterogeneous treatment effects. Biometrika 108 (R). Kennedy
        (2023), Towards optimal doubly robust estimation of heterogeneous causal effects. EJS 17 (DR). Semenova,
        Chernozhukov (2021), Debiased machine learning of conditional average treatment effects. The Econometrics
        Journal 24 (linear DR, with standard errors of the best linear projection). Jaskowski,
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
    return fit_sample(learner, Sample(x, y, w, propensity, settings or Boosting()))


def fit_sample(learner: str, sample: Sample) -> EffectModel:
    """Fit one learner; learners of the same sample share the models they stand on."""
    return _LEARNERS[learner](sample)


def check_propensity(propensity: Propensity) -> None:
    """Raise a ValueError if treatment or control is too rare to learn effects from."""
    for end in (np.min(propensity), np.max(propensity)):
        if is_too_rare(end):
            raise ValueError(f"propensity == {end}, must be in [{MAX_PROPENSITY_TAIL}, {1 - MAX_PROPENSITY_TAIL}]")


def is_too_rare(propensity: float) -> bool:
    """Whether a chance of treatment leaves one arm too rare to learn effects from.

    Example:
        >>> is_too_rare(0.008), is_too_rare(0.5)
        (True, False)

    """
    return not MAX_PROPENSITY_TAIL <= propensity <= 1 - MAX_PROPENSITY_TAIL


def _without_gaps(covariates: Floats) -> Floats:
    """Unknown values as a number of their own, below all others: the forests take no NaN."""
    return np.where(np.isnan(covariates), -1e9, covariates)
