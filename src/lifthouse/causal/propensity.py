"""Propensity scores: the chance to be treated, given what was known before, never of a unit that taught the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lifthouse.statistics.reasons import Bools, Floats, Ints

PropensityLearner = Literal["logistic", "gradient_boosting"]
PROPENSITY_LEARNERS: tuple[PropensityLearner, ...] = ("logistic", "gradient_boosting")
FOLDS = 5
# Scores closer to 0 or 1 than this are rounded to it, so that no weight is infinite.
SMALLEST_SCORE = 1e-10
# A learner whose scores are this far off in the logit's slope is passed over where another's are not.
CALIBRATED_SLOPE = (0.8, 1.25)


@dataclass(frozen=True)
class Diagnostics:
    """How well scores predict treatment on units they were not fitted on.

    Attributes:
        log_loss: Mean negative log-likelihood.
        calibration_slope: Slope of treatment on the score's logit; 1 is calibrated, below 1 over-confident.
        calibration_error: Standard error of the slope.

    """

    log_loss: float
    calibration_slope: float
    calibration_error: float

    @property
    def is_calibrated(self) -> bool:
        """Whether the slope is near one."""
        return CALIBRATED_SLOPE[0] <= self.calibration_slope <= CALIBRATED_SLOPE[1]


@dataclass(frozen=True)
class Propensity:
    """Cross-fitted scores of the fitted units, and the models to score any others.

    Attributes:
        scores: Chance to be treated, shape (n_units,), each from models that did not see the unit.
        learner: The learner that was chosen.
        diagnostics: Of each learner that was tried.
        models: One fitted model a fold.

    """

    scores: Floats
    learner: PropensityLearner
    diagnostics: Mapping[PropensityLearner, Diagnostics]
    models: Sequence[Any]

    def predict(self, design: Floats) -> Floats:
        """Score units that no model was fitted on: the mean over folds, shape (n_units,)."""
        return _bounded(np.mean([model.predict_proba(design)[:, 1] for model in self.models], axis=0))


def assign_folds(treated: Bools, *, seed: int, folds: int = FOLDS) -> Ints:
    """Deal units into folds at random, each arm evenly, shape (n_units,).

    Example:
        >>> assign_folds(np.array([True, False, True, False]), seed=1, folds=2).tolist()
        [0, 0, 1, 1]

    """
    random = np.random.default_rng(seed)
    dealt = np.empty(len(treated), dtype=np.int64)
    for arm in (treated, ~treated):
        dealt[arm] = random.permutation(np.arange(arm.sum()) % folds)
    return dealt


def fit_logistic(design: Floats, treated: Bools) -> Any:
    """Logistic regression by maximum likelihood, as the classical estimators assume.

    A penalty too small to show keeps coefficients finite where a kind of unit is in one arm only.

    Args:
        design: Covariates, shape (n_units, n_columns).
        treated: Whether a unit is treated, shape (n_units,).

    Returns:
        A fitted scikit-learn model.

    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    return LogisticRegression(C=1e6, solver="newton-cholesky", tol=1e-10, max_iter=100).fit(design, treated)


def cross_fit(
    design: Floats,
    treated: Bools,
    folds: Ints,
    *,
    seed: int,
    learners: Sequence[PropensityLearner] = PROPENSITY_LEARNERS,
) -> Propensity:
    """Fit each learner out of fold and keep the one that predicts best among the calibrated.

    Args:
        design: Covariates, shape (n_units, n_columns).
        treated: Whether a unit is treated, shape (n_units,); both must occur outside every fold.
        folds: Fold of each unit, shape (n_units,).
        seed: Of the boosting.
        learners: Those to try.

    Returns:
        Scores of the learner with the smallest log-loss, among those whose calibration slope is within
        `CALIBRATED_SLOPE` if any is.

    References:
        Chernozhukov et al. (2018), Double/debiased machine learning. The Econometrics Journal 21.

    Example:
        >>> random = np.random.default_rng(0)
        >>> age = random.normal(size=(2000, 1))
        >>> treated = random.random(2000) < 1 / (1 + np.exp(-age[:, 0]))
        >>> cross_fit(age, treated, assign_folds(treated, seed=0), seed=0).learner
        'logistic'

    """
    scores: dict[PropensityLearner, Floats] = {}
    models: dict[PropensityLearner, list[Any]] = {}
    for learner in learners:
        scores[learner], models[learner] = np.empty(len(treated)), []
        for fold in np.unique(folds):
            held = folds == fold
            model = _fit(learner, design[~held], treated[~held], seed)
            scores[learner][held] = _bounded(model.predict_proba(design[held])[:, 1])
            models[learner].append(model)
    diagnostics = {learner: diagnose(scores[learner], treated) for learner in learners}
    calibrated = [learner for learner in learners if diagnostics[learner].is_calibrated]
    best = min(calibrated or learners, key=lambda learner: diagnostics[learner].log_loss)
    return Propensity(scores[best], best, diagnostics, models[best])


def diagnose(scores: Floats, treated: Bools) -> Diagnostics:
    """Log-loss and calibration slope of scores (n_units,) against what happened (n_units,).

    Example:
        >>> round(diagnose(np.array([0.5, 0.5, 0.2, 0.8]), np.array([True, False, False, True])).log_loss, 4)
        0.4581

    """
    log_loss = -float(np.mean(np.where(treated, np.log(scores), np.log1p(-scores))))
    logits = np.log(scores / (1 - scores))
    if np.ptp(logits) == 0:
        return Diagnostics(log_loss, np.nan, np.nan)
    centred = (logits - logits.mean()) / logits.std()
    model = fit_logistic(centred[:, None], treated)
    chances = model.predict_proba(centred[:, None])[:, 1]
    columns = np.column_stack([np.ones(len(centred)), centred])
    variances = np.diag(np.linalg.pinv((columns * (chances * (1 - chances))[:, None]).T @ columns))
    slope, error = model.coef_[0, 0], np.sqrt(variances[1])
    return Diagnostics(log_loss, float(slope / logits.std()), float(error / logits.std()))


def _fit(learner: PropensityLearner, design: Floats, treated: Bools, seed: int) -> Any:
    if learner == "logistic":
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

        # Next to no penalty: enough that separated arms give finite scores.
        return LogisticRegression(C=1e3, solver="newton-cholesky", max_iter=200).fit(design, treated)
    from lifthouse.causal.boosting import boosted_classifier  # noqa: PLC0415

    return boosted_classifier(len(design), seed).fit(design, treated)


def _bounded(scores: Floats) -> Floats:
    return np.clip(scores, SMALLEST_SCORE, 1 - SMALLEST_SCORE)
