"""Uplift from units to policies: same data same scores, honest, loadable, refused and withheld where it must be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats

from lifthouse.results.uplift_evaluation import best_learners, uplift_curves, uplift_evaluation
from lifthouse.results.uplift_held_out import held_out_scores, held_out_targets
from lifthouse.results.uplift_models import load_models, uplift_models
from lifthouse.results.uplift_policies import targeting_policies
from lifthouse.results.uplift_scores import uplift_scores
from lifthouse.results.uplift_segments import uplift_drivers, uplift_segments
from lifthouse.results.uplift_targets import Target, targets_of
from lifthouse.uplift.evaluation import Evaluation, Measure

TARGET = Target("e", "m", ("control", "b", "c"), (0.4, 0.3, 0.3), (0.1, 0.2), 1.0, 1.0, None)
LEARNERS = ("t_learner", "linear_dr_learner")


def experiment(size: int, *, effect: float = 1.0, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Units with a driver `age`, a plan and noise; treatment c works where age is above 0, b nowhere."""
    rng = np.random.default_rng(seed)
    age, arm = rng.normal(size=size), rng.choice(3, size, p=TARGET.shares)
    truth = effect * (age > 0)
    units = pd.DataFrame(
        {
            "experiment_id": "e",
            "unit_id": [f"u{at:06}" for at in range(size)],
            "variant_id": np.array(TARGET.variants)[arm],
            "fold": rng.integers(0, 3, size),
            "is_fitted": True,
            "age": age,
            "plan": rng.choice(["free", "paid"], size),
            "noise": rng.normal(size=size),
        }
    )
    outcome = 0.5 * (units["plan"] == "paid") + truth * (arm == 2) + rng.normal(size=size)
    outcomes = pd.DataFrame({"experiment_id": "e", "metric_name": "m", "unit_id": units["unit_id"], "value": outcome})
    return units, outcomes, truth


def test_shares_are_those_that_units_were_assigned_by() -> None:
    """A ramp in its first phase: half each is what it is to become."""
    variants = pd.DataFrame(
        {
            "experiment_id": ["ramp", "ramp", "steady", "steady"],
            "variant_id": ["new", "old", "old", "new"],
            "is_control": [False, True, True, False],
            "expected_share": [0.5, 0.5, 0.4, 0.6],
            "cost_per_unit": [2.0, None, None, None],
        }
    )
    phases = variants[["experiment_id", "variant_id"]].assign(expected_share=[0.1, 0.9, 0.4, 0.6])
    targets = pd.DataFrame(
        {
            "experiment_id": ["ramp", "steady"],
            "metric_name": "m",
            "direction": "increase",
            "reason": None,
            "value_per_unit": 1.0,
            "is_randomised": True,
        }
    )
    twice = pd.concat([phases, phases])
    for found in (targets_of(targets, variants, phases), targets_of(targets, variants, twice)):
        assert [(of.variants, of.shares, of.costs) for of in found] == [
            (("old", "new"), (0.9, 0.1), (2.0,)),
            (("old", "new"), (0.4, 0.6), (0.0,)),
        ]


@pytest.fixture(scope="module")
def built() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pa.Table, pd.DataFrame, np.ndarray]:
    units, outcomes, truth = experiment(4000)
    models = uplift_models([TARGET], units, outcomes, learners=LEARNERS).to_pandas()
    held_out = held_out_scores([TARGET], models, units, outcomes)
    evaluation = uplift_evaluation([TARGET], models, held_out).to_pandas()
    return units, outcomes, models, held_out, evaluation, truth


def test_the_effect_is_found_where_it_is_and_withheld_where_not(built: tuple) -> None:
    _, _, models, held_out, evaluation, truth = built
    best = best_learners(evaluation)
    assert best["e", "m", "c"][1]
    assert not best["e", "m", "b"][1]
    withheld = evaluation[evaluation["treatment_variant_id"] == "b"]
    assert set(withheld["targeting_reason"]) == {"no_better_than_random"}
    [held] = held_out_targets([TARGET], models, held_out)
    for uplifts in held.uplifts.values():
        assert stats.spearmanr(uplifts[:, 1], truth).statistic > 0.6


def test_same_data_same_models_whatever_the_order(built: tuple) -> None:
    units, outcomes, models, held_out, _, _ = built
    again = uplift_models([TARGET], units.sample(frac=1, random_state=1), outcomes, learners=LEARNERS).to_pandas()
    assert again["data_fingerprint"].tolist() == models["data_fingerprint"].tolist()
    assert held_out_scores([TARGET], again, units, outcomes)["uplifts"].equals(held_out["uplifts"])
    # Sums in another order differ in their last digits; nothing may follow from that.
    jittered = outcomes.assign(value=outcomes["value"].round(2) * (1 + 1e-15))
    rounded = outcomes.assign(value=outcomes["value"].round(2))
    one, two = (uplift_models([TARGET], units, values, learners=LEARNERS) for values in (jittered, rounded))
    assert one.equals(two)
    other = outcomes.assign(value=outcomes["value"].where(outcomes.index > 0, 9.0))
    changed = uplift_models([TARGET], units, other, learners=LEARNERS).to_pandas()
    assert changed["data_fingerprint"].iloc[0] != models["data_fingerprint"].iloc[0]


def test_same_results_in_whatever_order_the_warehouse_gives_held_out_scores(built: tuple) -> None:
    units, _, models, held_out, evaluation, _ = built
    shuffled = held_out.take(pa.array(np.random.default_rng(1).permutation(len(held_out))))
    again = uplift_evaluation([TARGET], models, shuffled).to_pandas()
    pd.testing.assert_frame_equal(again, evaluation, check_exact=True)
    for results in (uplift_drivers, uplift_segments, targeting_policies):
        one, two = (results([TARGET], models, scores, evaluation, units) for scores in (held_out, shuffled))
        assert one.equals(two)


def test_saved_models_score_units_that_come_later(built: tuple) -> None:
    _, _, models, held_out, evaluation, _ = built
    later, _, truth = experiment(3000, seed=2)
    later["unit_id"] = "later" + later["unit_id"]
    batches = pa.Table.from_pandas(later, preserve_index=False).to_batches(max_chunksize=1000)
    scores = pa.Table.from_batches(uplift_scores([TARGET], models, held_out, evaluation, batches)).to_pandas()
    of_later = scores[scores["unit_id"].str.startswith("later") & (scores["treatment_variant_id"] == "c")]
    assert of_later["unit_id"].tolist() == later["unit_id"].tolist()
    assert of_later["fold"].isna().all()
    assert stats.spearmanr(of_later["uplift"], truth).statistic > 0.6
    assert of_later["tier"].value_counts(normalize=True).between(0.1, 0.3).all()
    # Only c has a winner: it is best for whoever is expected to gain more than its cost.
    assert (of_later["is_best_treatment"] == (of_later["uplift"] > TARGET.costs[1])).all()
    assert scores.loc[scores["treatment_variant_id"] == "b", "is_best_treatment"].isna().all()
    fitted = scores[scores["fold"].notna()]
    assert len(fitted) == 4000 * 2 * len(LEARNERS)
    assert fitted.loc[fitted["learner"] == "t_learner", "uplift_ci_lower"].isna().all()
    assert fitted.loc[fitted["learner"] == "linear_dr_learner", "uplift_ci_lower"].notna().all()
    assert set(load_models(models)) == {0, 1, 2}


def test_units_whose_outcome_is_not_known_yet_are_scored(built: tuple) -> None:
    units, outcomes, _, _, _, truth = built
    targets = [TARGET, replace(TARGET, metric_name="later")]
    known = pd.concat([outcomes, outcomes[outcomes.index % 4 > 0].assign(metric_name="later")])
    models = uplift_models(targets, units, known, learners=LEARNERS).to_pandas()
    held_out = held_out_scores(targets, models, units, known)
    evaluation = uplift_evaluation(targets, models, held_out).to_pandas()
    batches = pa.Table.from_pandas(units, preserve_index=False).to_batches(max_chunksize=1500)
    scores = pa.Table.from_batches(uplift_scores(targets, models, held_out, evaluation, batches)).to_pandas()
    for metric, count_fitted in (("m", 4000), ("later", 3000)):
        learner, _ = best_learners(evaluation)["e", metric, "c"]
        of_metric = scores[(scores["metric_name"] == metric) & (scores["treatment_variant_id"] == "c")]
        of_best = of_metric[of_metric["learner"] == learner].set_index("unit_id")
        assert sorted(of_best.index) == units["unit_id"].tolist()
        assert of_best["fold"].notna().sum() == count_fitted
    unknown = of_best.loc[units["unit_id"][::4]]
    assert unknown["fold"].isna().all()
    assert stats.spearmanr(unknown["uplift"], truth[::4]).statistic > 0.6


def test_days_are_read_alike_of_units_that_come_later() -> None:
    units, outcomes, _ = experiment(1000)
    units["since"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(1000) % 90, unit="D")
    models = uplift_models([TARGET], units, outcomes, learners=("t_learner",)).to_pandas()
    held_out = held_out_scores([TARGET], models, units, outcomes)
    evaluation = uplift_evaluation([TARGET], models, held_out).to_pandas()
    later = pa.Table.from_pandas(units.assign(unit_id="later" + units["unit_id"]), preserve_index=False)
    days = later["since"].cast(pa.date32())  # as DuckDB hands them on in batches
    batches = later.set_column(later.schema.get_field_index("since"), "since", days).to_batches()
    scores = pa.Table.from_batches(uplift_scores([TARGET], models, held_out, evaluation, batches)).to_pandas()
    assert scores["unit_id"].str.startswith("later").sum() == 2 * 1000


def test_curves_drivers_and_segments(built: tuple) -> None:
    units, _, models, held_out, evaluation, _ = built
    curves = uplift_curves([TARGET], models, held_out, evaluation).to_pandas()
    ends = curves[curves["share_targeted"] == 1]
    assert ends["gain"].to_numpy() == pytest.approx(ends["random_gain"].to_numpy())
    drivers = uplift_drivers([TARGET], models, held_out, evaluation, units).to_pandas()
    first = drivers[(drivers["importance_rank"] == 1) & (drivers["treatment_variant_id"] == "c")]
    assert first["covariate"].tolist() == ["age"]
    segments = uplift_segments([TARGET], models, held_out, evaluation, units).to_pandas()
    of_c = segments[segments["treatment_variant_id"] == "c"]
    for _, of in of_c.groupby("segmentation"):
        assert of["share_of_units"].sum() == pytest.approx(1)
    tiers = of_c[of_c["segmentation"] == "tier"].set_index("segment")
    assert tiers.loc["very high", "observed_ci_lower"] > tiers.loc["very low", "observed_ci_upper"]
    other = uplift_segments([TARGET], models, held_out, evaluation, units, confidence=0.5).to_pandas()
    shorter, reach = (frame["observed_ci_upper"] - frame["observed_ci_lower"] for frame in (other, segments))
    # Quantiles of the normal at 75% and 97.5%; some quadrants are empty.
    np.testing.assert_allclose((shorter / reach).dropna(), 0.6745 / 1.96, rtol=0.02)


def test_policies_are_worth_what_they_are_worth(built: tuple) -> None:
    units, _, models, held_out, evaluation, truth = built
    policies = targeting_policies([TARGET], models, held_out, evaluation, units).to_pandas()
    keys = ["policy", "treatment_variant_id", "budget_share"]
    found = policies.set_index(keys)
    assert not policies.duplicated(keys).any()
    half = found.loc["top_uplift", "c", 0.5]
    assert half["ci_lower"] <= truth.mean() <= half["ci_upper"]
    assert half["versus_random_ci_lower"] > 0
    assert half["profit"] == pytest.approx(half["value"] - 0.2 * half["treated_share"])
    assert found.loc["top_uplift", "b", 0.5]["reason"] == "no_better_than_random"
    tree = found.loc["policy_tree", "any", 1.0]
    assert "age" in tree["rule"]
    assert tree["profit"] > found.loc["treat_all", "c", 1.0]["profit"]
    assert found.loc["best_arm", "any", 1.0]["profit"] > found.loc["treat_all", "c", 1.0]["profit"]


def test_less_is_better_turns_signs_but_not_units() -> None:
    target = replace(TARGET, sign=-1.0)
    units, outcomes, truth = experiment(3000, seed=3)
    outcomes["value"] = -outcomes["value"]
    models = uplift_models([target], units, outcomes, learners=("t_learner",)).to_pandas()
    held_out = held_out_scores([target], models, units, outcomes)
    evaluation = uplift_evaluation([target], models, held_out).to_pandas()
    assert best_learners(evaluation)["e", "m", "c"] == ("t_learner", True)
    [held] = held_out_targets([target], models, held_out)
    assert stats.spearmanr(held.uplifts["t_learner"][:, 1], -truth).statistic > 0.5
    at_top = evaluation[(evaluation["measure"] == "uplift_at_10") & (evaluation["treatment_variant_id"] == "c")]
    assert at_top["value"].iloc[0] < at_top["random_value"].iloc[0] < 0


def test_who_saves_most_of_an_amount_that_is_never_0_is_found() -> None:
    target = replace(TARGET, sign=-1.0)
    units, outcomes, truth = experiment(4000, seed=4)
    minutes = np.random.default_rng(4).gamma(3, 5, 4000)
    outcomes["value"] = minutes * (1 - 0.6 * truth * (units["variant_id"] == "c"))
    models = uplift_models([target], units, outcomes, learners=LEARNERS).to_pandas()
    held_out = held_out_scores([target], models, units, outcomes)
    evaluation = uplift_evaluation([target], models, held_out).to_pandas()
    assert best_learners(evaluation)["e", "m", "c"][1]
    qini = evaluation[(evaluation["measure"] == "qini") & (evaluation["treatment_variant_id"] == "c")]
    assert qini["value"].between(0, 1, inclusive="neither").all()
    assert np.isfinite(qini[["ci_lower", "ci_upper"]].to_numpy()).all()


def test_a_measure_that_some_draws_do_not_have_gives_a_reason(built: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, models, held_out, _, _ = built
    nan = float("nan")
    measured = Evaluation({"t_learner": (Measure("qini", 0.1, 0.0, nan, nan, nan, nan),)}, None, None, {}, None)
    monkeypatch.setattr("lifthouse.results.uplift_evaluation.evaluate", lambda *_, **__: measured)
    evaluation = uplift_evaluation([TARGET], models, held_out).to_pandas()
    assert evaluation["reason"].unique().tolist() == ["not_defined"]
    assert evaluation[["value", "ci_lower", "ci_upper"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"noise": lambda of: (of["variant_id"] == "c") + 0.5 * of["noise"]},
            "post_treatment_covariates: noise",
        ),
        ({"age": None, "plan": None, "noise": None}, "no_covariates"),
    ],
)
def test_bad_covariates_are_refused(change: dict, reason: str) -> None:
    units, outcomes, _ = experiment(2000)
    models = uplift_models([TARGET], units.assign(**change), outcomes, learners=LEARNERS).to_pandas()
    assert (models["reason"].tolist(), models["fold"].isna().tolist()) == ([reason], [True])
    evaluation = uplift_evaluation([TARGET], models, held_out_scores([TARGET], models, units, outcomes)).to_pandas()
    assert evaluation["reason"].unique().tolist() == [reason]
    assert evaluation["value"].isna().all()


def test_too_few_units_and_reasons_of_the_registry() -> None:
    units, outcomes, _ = experiment(200)
    for target, reason in ((TARGET, "too_few_units"), (replace(TARGET, reason="blocked: x"), "blocked: x")):
        models = uplift_models([target], units, outcomes, learners=LEARNERS)
        assert models["reason"].to_pylist() == [reason]
    assert uplift_models([], units, outcomes, learners=LEARNERS).num_rows == 0


@pytest.mark.parametrize("shares", [(0.5, 0.004, 0.496), (0.004, 0.5, 0.496)])
def test_an_arm_too_rare_to_learn_from_is_refused(shares: tuple[float, ...]) -> None:
    units, outcomes, _ = experiment(2000)
    models = uplift_models([replace(TARGET, shares=shares)], units, outcomes, learners=LEARNERS)
    assert models["reason"].to_pylist() == ["arm_too_rare"]


def test_the_uplift_forest_is_left_out_where_outcomes_are_not_0_and_1() -> None:
    units, outcomes, _ = experiment(1000)
    models = uplift_models([TARGET], units, outcomes, learners=("t_learner", "uplift_forest")).to_pandas()
    assert models["reason"].isna().all()
    assert set(map(tuple, models["learners"])) == {("t_learner",)}
    alone = uplift_models([TARGET], units, outcomes, learners=("uplift_forest",))
    assert alone["reason"].to_pylist() == ["no_learner_for_outcomes_beside_0_and_1"]
