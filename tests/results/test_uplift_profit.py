"""Profit counts the experiment's cost metrics, in the ranking, in the policies' values and in their intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lifthouse.results.uplift_evaluation import EVALUATION, best_learners, uplift_evaluation
from lifthouse.results.uplift_held_out import HELD_OUT, held_out_scores
from lifthouse.results.uplift_models import uplift_models
from lifthouse.results.uplift_policies import targeting_policies
from lifthouse.results.uplift_scores import uplift_scores
from lifthouse.results.uplift_targets import Target

REVENUE = Target("e", "revenue", ("control", "treatment"), (0.5, 0.5), (0.25,), 1.0, 1.0, None)
SUPPORT = replace(REVENUE, metric_name="support_minutes", value=-0.5, sign=-1.0)
LEARNERS = ("t_learner",)
# What the treatment adds to revenue and to support minutes where age is above 0, and where it is not.
COSTLY = ((3.0, 1.0), (8.0, 0.0))
SAME_REVENUE = ((1.0, 1.0), (6.0, 0.0))


def experiment(
    size: int, effects: tuple[tuple[float, float], ...], *, seed: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    age, treated = rng.normal(size=size), rng.random(size) < 0.5
    units = pd.DataFrame(
        {
            "experiment_id": "e",
            "unit_id": [f"u{at:06}" for at in range(size)],
            "variant_id": np.where(treated, "treatment", "control"),
            "fold": rng.integers(0, 3, size),
            "is_fitted": True,
            "age": age,
        }
    )
    outcomes = [
        pd.DataFrame(
            {
                "experiment_id": "e",
                "metric_name": target.metric_name,
                "unit_id": units["unit_id"],
                "value": rng.normal(size=size) + treated * np.where(age > 0, *effect),
            }
        )
        for target, effect in zip((REVENUE, SUPPORT), effects, strict=True)
    ]
    return units, pd.concat(outcomes, ignore_index=True)


def build(
    targets: list[Target], units: pd.DataFrame, outcomes: pd.DataFrame
) -> tuple[pd.DataFrame, pa.Table, pd.DataFrame]:
    models = uplift_models(targets, units, outcomes, learners=LEARNERS).to_pandas()
    held_out = held_out_scores(targets, models, units, outcomes)
    return models, held_out, uplift_evaluation(targets, models, held_out).to_pandas()


def policies_of(targets: list[Target], units: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    models, held_out, evaluation = build(targets, units, outcomes)
    policies = targeting_policies(targets, models, held_out, evaluation, units).to_pandas()
    return policies.set_index(["metric_name", "policy", "budget_share"])


def test_profit_of_four_kinds_of_units_by_hand() -> None:
    count_of_kind = 100
    outcomes = {"revenue": [2.0, 8.0, 0.0, 4.0], "support_minutes": [1.0, 4.0, 1.0, 2.0]}
    rows = [
        {
            "experiment_id": "e",
            "metric_name": metric,
            "unit_id": f"u{at:03}",
            "variant_id": ("control", "treatment")[at % 2],
            "fold": at // 2 % 2,
            "outcome": outcome,
            "expected_outcomes": [0.0, 0.0],
            "uplifts": [0.0],
            "standard_errors": [0.0],
        }
        for metric, values in outcomes.items()
        for at, outcome in enumerate(values * count_of_kind)
    ]
    targets = [replace(REVENUE, costs=(1.0,)), SUPPORT]
    models = pd.DataFrame({"experiment_id": "e", "metric_name": list(outcomes), "learners": [["t_learner"]] * 2})
    policies = targeting_policies(
        targets, models, pa.Table.from_pylist(rows, HELD_OUT), EVALUATION.empty_table().to_pandas(), pd.DataFrame()
    ).to_pandas()
    everybody = policies[(policies["policy"] == "treat_all") & (policies["metric_name"] == "revenue")].iloc[0]
    # Effects by kinds over chances of a half: revenue -4, 16, 0, 8; minutes -2, 8, -2, 4, half a coin each.
    assert everybody["value"] == 5
    assert everybody["outcome_cost"] == 1
    assert everybody["cost"] == 2
    # Earned by kinds -3, 12, 1, 6: mean 4, squared deviations 49 + 64 + 9 + 4 = 126.
    assert everybody["profit"] == 3
    assert everybody["roi"] == 1.5
    count = 4 * count_of_kind
    error = np.sqrt(126 * count_of_kind / (count - 1) / count)
    assert everybody["profit_ci_upper"] - 3 == pytest.approx(1.959964 * error)
    assert 3 - everybody["profit_ci_lower"] == pytest.approx(1.959964 * error)


def test_targeting_by_value_loses_what_targeting_by_profit_earns() -> None:
    policies = policies_of([REVENUE, SUPPORT], *experiment(4000, COSTLY))
    by_value = policies.loc["revenue", "top_uplift", 0.5]
    by_profit = policies.loc["revenue", "top_profit", 0.5]
    # Above age 0: revenue 3, minutes 4 in money, treatment 0.25. Below: revenue 1, treatment 0.25.
    assert by_value["profit_ci_lower"] < -1.25 / 2 < by_value["profit_ci_upper"] < 0
    assert 0 < by_profit["profit_ci_lower"] < 0.75 / 2 < by_profit["profit_ci_upper"]
    assert by_value["value"] > by_profit["value"]
    assert by_value["outcome_cost"] == pytest.approx(2, abs=0.1)
    assert by_profit["roi"] == pytest.approx(by_profit["profit"] / by_profit["cost"])
    # Revenue and support minutes have a winner each, and profit goes by both.
    assert by_value["learner"] == "t_learner"
    assert pd.isna(by_profit["learner"])
    tree = policies.loc["revenue", "policy_tree", 1.0]
    assert tree["rule"].splitlines()[-1].endswith("control")
    assert tree["profit_ci_lower"] > 0
    # The same without the cost metric: the registry then knows no better than to treat for revenue.
    without = policies_of([REVENUE], *experiment(4000, COSTLY)).loc["revenue", "top_profit", 0.5]
    assert without["profit"] == pytest.approx(without["value"] - without["cost"])
    assert without["value"] == pytest.approx(by_value["value"])
    assert without["learner"] == "t_learner"


def test_a_cost_that_differs_is_enough_to_target_by_profit() -> None:
    units, outcomes = experiment(4000, SAME_REVENUE)
    best = best_learners(build([REVENUE, SUPPORT], units, outcomes)[2])
    assert not best["e", "revenue", "treatment"][1]
    assert best["e", "support_minutes", "treatment"][1]
    policies = policies_of([REVENUE, SUPPORT], units, outcomes)
    assert policies.loc["revenue", "top_uplift", 0.5]["reason"] == "no_better_than_random"
    by_profit = policies.loc["revenue", "top_profit", 1.0]
    assert by_profit["treated_share"] == pytest.approx(0.5, abs=0.05)
    assert 0 < by_profit["profit_ci_lower"] < 0.75 / 2 < by_profit["profit_ci_upper"]


def test_an_experiment_whose_cost_is_not_modelled_has_no_profit() -> None:
    targets = [REVENUE, replace(SUPPORT, reason="too_few_outcomes")]
    policies = policies_of(targets, *experiment(2000, COSTLY))
    assert policies["profit_reason"].unique().tolist() == ["cost_not_modelled: support_minutes"]
    assert policies["profit"].isna().all()
    everybody = policies.loc["revenue", "treat_all", 1.0]
    assert everybody["value"] == pytest.approx(2, abs=0.3)
    assert policies[["cost", "outcome_cost"]].isna().all(axis=None)

    unvalued = replace(REVENUE, value=float("nan"))
    policies = policies_of([unvalued, replace(SUPPORT, reason="too_few_outcomes")], *experiment(2000, COSTLY))
    assert policies["profit_reason"].unique().tolist() == ["cost_not_modelled: support_minutes"]
    # A ratio is no cost, whatever its value.
    policies = policies_of([REVENUE, replace(SUPPORT, reason="not_one_number_a_unit")], *experiment(2000, COSTLY))
    assert policies["profit_reason"].isna().all()
    assert policies.loc["revenue", "treat_all", 1.0]["cost"] == 0.25


@pytest.mark.parametrize("count_in_common", [0, 30])
def test_a_cost_that_is_known_of_other_units_gives_no_profit(count_in_common: int) -> None:
    units, outcomes = experiment(4000, COSTLY)
    at = outcomes.groupby("metric_name").cumcount()
    is_revenue = outcomes["metric_name"] == "revenue"
    outcomes = outcomes[np.where(is_revenue, at < 2000 + count_in_common, at >= 2000)]
    targets = [REVENUE, SUPPORT]
    policies = policies_of(targets, units, outcomes).loc["revenue"]
    assert policies["profit_reason"].unique().tolist() == ["cost_not_modelled: support_minutes"]
    assert policies["profit"].isna().all()
    # Valued on all units that revenue is known of, and the list to export ranks by the same.
    everybody = policies.loc["treat_all", 1.0]
    assert everybody["value"] == pytest.approx(2, abs=0.3)
    assert everybody["standard_error"] < 0.1
    models, held_out, evaluation = build(targets, units, outcomes)
    batches = pa.Table.from_pandas(units, preserve_index=False).to_batches()
    scores = pa.Table.from_batches(uplift_scores(targets, models, held_out, evaluation, batches)).to_pandas()
    of_revenue = scores[(scores["metric_name"] == "revenue") & scores["is_winner"]]
    assert (of_revenue["is_best_treatment"] == (of_revenue["uplift"] > 0)).all()


def test_the_best_treatment_is_the_most_profitable_also_of_units_that_come_later() -> None:
    units, outcomes = experiment(3000, COSTLY)
    # Of some units the cost is not known: the policies leave them out, the list does not.
    gaps = (outcomes["metric_name"] == "support_minutes") & (outcomes.index % 10 == 0)
    outcomes = outcomes[~gaps]
    targets = [REVENUE, SUPPORT]
    models, held_out, evaluation = build(targets, units, outcomes)
    later = experiment(1000, COSTLY, seed=2)[0]
    later["unit_id"] = "later" + later["unit_id"]
    batches = pa.Table.from_pandas(later, preserve_index=False).to_batches()
    scores = pa.Table.from_batches(uplift_scores(targets, models, held_out, evaluation, batches)).to_pandas()
    wide = scores.pivot(index="unit_id", columns="metric_name", values=["uplift", "is_best_treatment"])
    assert len(wide) == 4000
    revenue, minutes = (wide["uplift"][name].astype(float) for name in ("revenue", "support_minutes"))
    known = minutes.notna()
    assert (~known).sum() == 300
    is_best = wide["is_best_treatment"]["revenue"].astype(bool)
    pd.testing.assert_series_equal(
        is_best[known], (revenue - 0.5 * minutes > 0.25)[known], check_names=False, check_dtype=False
    )
    assert is_best.notna().all()
    policies = policies_of(targets, units, outcomes)
    assert policies.loc["revenue", "top_profit", 0.5]["profit_ci_lower"] > 0
