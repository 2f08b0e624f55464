"""Uplift where nobody assigned the arms: estimated propensities in learners, measures, segments and policies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats

from lifthouse.causal import propensity
from lifthouse.results.uplift_evaluation import best_learners, uplift_curves, uplift_evaluation
from lifthouse.results.uplift_held_out import held_out_scores, held_out_targets
from lifthouse.results.uplift_models import uplift_models
from lifthouse.results.uplift_policies import targeting_policies
from lifthouse.results.uplift_scores import uplift_scores
from lifthouse.results.uplift_segments import uplift_segments
from lifthouse.results.uplift_targets import Target

TARGET = Target("e", "m", ("control", "treatment"), (np.nan, np.nan), (0.0,), 1.0, 1.0, None, is_randomised=False)
LEARNERS = ("t_learner", "x_learner", "dr_learner", "causal_forest")
SIZE = 6000


def experiment(effect: float) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Whoever is old chooses the treatment and has a higher outcome; it works where income is above 0."""
    rng = np.random.default_rng(31)
    age, income = rng.normal(size=(2, SIZE))
    treated = rng.random(SIZE) < 1 / (1 + np.exp(-age))
    truth = effect * np.where(income > 0, 2.0, 0.0) if effect else np.full(SIZE, 1.0)
    units = pd.DataFrame(
        {
            "experiment_id": "e",
            "unit_id": [f"u{at:06}" for at in range(SIZE)],
            "variant_id": np.where(treated, "treatment", "control"),
            "fold": rng.integers(0, 3, SIZE),
            "is_fitted": True,
            "age": age,
            "income": income,
        }
    )
    design = np.column_stack([age, income])
    folds = propensity.assign_folds(treated, seed=1)
    units["treatment_propensity"] = propensity.cross_fit(design, treated, folds, seed=1).scores
    units = units[units["treatment_propensity"].between(0.1, 0.9)].reset_index(drop=True)
    kept = units["unit_id"].str[1:].astype(int)
    outcome = (2 * age + truth * treated + rng.normal(size=SIZE))[kept]
    outcomes = pd.DataFrame({"experiment_id": "e", "metric_name": "m", "unit_id": units["unit_id"], "value": outcome})
    return units, outcomes, truth[kept]


Built = tuple[pd.DataFrame, pd.DataFrame, pa.Table, pd.DataFrame, np.ndarray]


def build(effect: float) -> Built:
    units, outcomes, truth = experiment(effect)
    models = uplift_models([TARGET], units, outcomes, learners=LEARNERS).to_pandas()
    held_out = held_out_scores([TARGET], models, units, outcomes)
    return units, models, held_out, uplift_evaluation([TARGET], models, held_out).to_pandas(), truth


@pytest.fixture(scope="module")
def built() -> Built:
    return build(1.0)


def test_effects_are_found_by_learners_that_adjust(built: Built) -> None:
    _, models, held_out, evaluation, truth = built
    assert models["learners"].iloc[0].tolist() == ["t_learner", "x_learner", "dr_learner"]
    assert "treatment_propensity" not in models["covariates"].iloc[0]
    [held] = held_out_targets([TARGET], models, held_out)
    for uplifts in held.uplifts.values():
        assert stats.spearmanr(uplifts[:, 0], truth).statistic > 0.6
    assert best_learners(evaluation)["e", "m", "treatment"][1]
    assert set(evaluation["propensity"]) == {"estimated"}
    assert set(evaluation["measure"]) == {
        *(
            "uplift_area",
            "uplift_area_difference",
            "rate",
            "uplift_at_10",
            "uplift_at_20",
            "uplift_at_30",
            "uplift_at_50",
        )
    }


def test_values_are_the_true_ones_though_the_arms_differ(built: Built) -> None:
    units, models, held_out, evaluation, truth = built
    policies = targeting_policies([TARGET], models, held_out, evaluation, units, confidence=0.99).to_pandas()
    assert set(policies["propensity"]) == {"estimated"}
    found = policies.set_index(["policy", "budget_share"])
    everybody = found.loc["treat_all", 1.0]
    assert everybody["ci_lower"] <= truth.mean() <= everybody["ci_upper"]
    frame = held_out.to_pandas()
    by_arm = frame.groupby("variant_id")["outcome"].mean()
    assert by_arm["treatment"] - by_arm["control"] > everybody["ci_upper"] + 0.5
    assert found.loc["top_uplift", 0.5]["versus_random_ci_lower"] > 0
    # The curve ends at the value of treating everybody, and there is no curve of the arms as they are.
    curves = uplift_curves([TARGET], models, held_out, evaluation).to_pandas()
    assert set(curves["curve"]) == {"uplift"}
    assert curves.loc[curves["share_targeted"] == 1, "gain"].to_numpy() == pytest.approx(everybody["value"])


def test_segments_show_what_doubly_robust_scores_say(built: Built) -> None:
    units, models, held_out, evaluation, truth = built
    segments = uplift_segments([TARGET], models, held_out, evaluation, units).to_pandas()
    tiers = segments[segments["segmentation"] == "tier"].set_index("segment")
    assert tiers.loc["very high", "observed_ci_lower"] < 2 < tiers.loc["very high", "observed_ci_upper"]
    # Whoever is old is treated more often; the control mean of all is 0 all the same.
    assert np.average(tiers["mean_control"], weights=tiers["share_of_units"]) == pytest.approx(0, abs=0.1)
    assert np.average(tiers["observed_effect"], weights=tiers["share_of_units"]) == pytest.approx(
        truth.mean(), abs=0.15
    )


def test_units_that_come_later_are_scored_without_a_propensity(built: Built) -> None:
    units, models, held_out, evaluation, truth = built
    later = units.drop(columns="treatment_propensity").assign(unit_id="later" + units["unit_id"])
    batches = pa.Table.from_pandas(later, preserve_index=False).to_batches()
    scores = pa.Table.from_batches(uplift_scores([TARGET], models, held_out, evaluation, batches)).to_pandas()
    of_later = scores[scores["unit_id"].str.startswith("later")]
    assert stats.spearmanr(of_later["uplift"], truth).statistic > 0.6


def test_a_choice_is_not_taken_for_an_effect() -> None:
    _, models, _, evaluation, _ = build(0.0)
    assert models["reason"].isna().all()  # age differs between the arms and is no reason to refuse
    assert set(evaluation["targeting_reason"]) == {"no_better_than_random"}


def test_forests_alone_give_a_reason() -> None:
    units, outcomes, _ = experiment(1.0)
    models = uplift_models([TARGET], units, outcomes, learners=("causal_forest",))
    assert models["reason"].to_pylist() == ["no_learner_for_arms_that_nobody_assigned"]
    evaluation = uplift_evaluation(
        [TARGET], models.to_pandas(), held_out_scores([TARGET], models.to_pandas(), units, outcomes)
    )
    assert evaluation.select(["learner", "measure", "reason"]).to_pylist() == [
        {"learner": "causal_forest", "measure": "uplift_area", "reason": "no_learner_for_arms_that_nobody_assigned"}
    ]
