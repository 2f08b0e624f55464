"""Retention in the demo's `adaptive_ai`, drawn from its planted chances: scores, drivers and policies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lifthouse.demo.saas_truth import CHURN_RISK_BETA, PRODUCTIVITY_BETA, TENURE_BETA, Traits, solve_saas_rates
from lifthouse.uplift.calibration import observed_effect
from lifthouse.uplift.cross_fitting import HeldOut, cross_fit
from lifthouse.uplift.drivers import permutation_importance
from lifthouse.uplift.evaluation import Evaluation, evaluate, ranks_within
from lifthouse.uplift.learners import fit
from lifthouse.uplift.policy import arm_scores, policy_value, top_share

LEARNERS = (
    "s_learner",
    "t_learner",
    "x_learner",
    "r_learner",
    "dr_learner",
    "linear_dr_learner",
    "class_transformation",
)
COVARIATES = ("productivity", "churn_risk", "tenure", "device", "region", "company_size")
SIZE = 40_000


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Covariates, retained, arm (control, v1, v2) and the true effect of v2, units of all arms."""
    rng = np.random.default_rng(41)
    traits = Traits(*(rng.beta(*shape, SIZE) for shape in (PRODUCTIVITY_BETA, CHURN_RISK_BETA, TENURE_BETA)))
    rates = solve_saas_rates()
    chances = np.column_stack([rates.outcomes(traits, variant)["retention_d21"] for variant in range(3)])
    arm = rng.integers(0, 3, SIZE)
    retained = rng.binomial(1, chances[np.arange(SIZE), arm]).astype(float)
    noise = [rng.integers(0, 3, SIZE), rng.integers(0, 4, SIZE), rng.integers(0, 3, SIZE)]
    covariates = np.column_stack([traits.productivity, traits.churn_risk, traits.tenure, *noise])
    return covariates, retained, arm, chances[:, 2] - chances[:, 0]


@pytest.fixture(scope="module")
def held_out(drawn: tuple) -> HeldOut:
    covariates, retained, arm, _ = drawn
    return cross_fit(LEARNERS, covariates, retained, arm, [1 / 3] * 3)


@pytest.fixture(scope="module")
def evaluation(drawn: tuple, held_out: HeldOut) -> Evaluation:
    _, retained, arm, _ = drawn
    pair = arm != 1
    scores = {name: score[pair, 1] for name, score in held_out.scores.items()}
    return evaluate(retained[pair], scores, arm[pair] == 2, folds=held_out.folds[pair], draws=50)


def test_scores_follow_the_true_effects(drawn: tuple, held_out: HeldOut, evaluation: Evaluation) -> None:
    truth = drawn[3]
    correlations = {name: stats.spearmanr(score[:, 1], truth).statistic for name, score in held_out.scores.items()}
    assert evaluation.winner is not None
    assert correlations[evaluation.winner] > 0.6, correlations
    assert min(correlations.values()) > 0.3, correlations


def test_planted_drivers_come_out_on_top(drawn: tuple, evaluation: Evaluation) -> None:
    covariates, retained, arm, _ = drawn
    pair = arm != 1
    assert evaluation.winner is not None
    model = fit(evaluation.winner, covariates[pair], retained[pair], arm[pair] == 2, propensity=0.5)
    groups = {name: np.array([at]) for at, name in enumerate(COVARIATES)}
    importance = permutation_importance(model.predict, covariates[:3000], groups, seed=1)
    assert set(sorted(importance, key=importance.__getitem__)[-3:]) == {"productivity", "churn_risk", "tenure"}


def test_top_fifth_has_three_to_five_times_the_average_effect(
    drawn: tuple, held_out: HeldOut, evaluation: Evaluation
) -> None:
    _, retained, arm, _ = drawn
    pair = arm != 1
    assert evaluation.winner is not None
    ranks = ranks_within(held_out.scores[evaluation.winner][pair, 1], held_out.folds[pair])
    treated = arm[pair] == 2
    top = observed_effect(retained[pair][ranks > 0.8], treated[ranks > 0.8])[0]
    average = observed_effect(retained[pair], treated)[0]
    assert 3 <= top / average <= 5


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 1.0])
def test_policy_value_is_within_its_interval_of_the_truth(
    drawn: tuple, held_out: HeldOut, evaluation: Evaluation, share: float
) -> None:
    _, retained, arm, truth = drawn
    assert evaluation.winner is not None
    ranks = ranks_within(held_out.scores[evaluation.winner][:, 1], held_out.folds)
    chances = np.column_stack([np.zeros(SIZE), top_share(ranks, share)])
    scores = arm_scores(retained, arm, held_out.outcomes, [1 / 3] * 3)
    value = policy_value(scores, chances, confidence=0.99)
    assert value.ci_lower <= float((chances[:, 1] * truth).mean()) <= value.ci_upper
