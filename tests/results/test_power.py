"""Power of registered experiments and plans from history, on effects that can be followed by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.power import NormalIndPower, TTestIndPower

from lifthouse.results.planning import Planned, experiment_plans, history_of_metrics
from lifthouse.results.power import COLUMNS, experiment_power
from lifthouse.results.registry import Registry


def metric_rows(experiment, *rows):
    names = ["metric_name", "role", "kind", "direction", "minimum_detectable_effect", "non_inferiority_margin"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(experiment_id=experiment, is_proportion=frame["kind"].eq("conversion"))


METRICS = pd.concat(
    [
        metric_rows(
            "old",
            ("revenue", "primary", "mean", "increase", 0.1, np.nan),
            ("speed", "guardrail", "quantile", "decrease", np.nan, 0.05),
            ("stays", "secondary", "retention", "increase", np.nan, np.nan),
        ),
        metric_rows(
            "new",
            ("revenue", "primary", "mean", "increase", 0.1, np.nan),
            ("stays", "primary", "retention", "increase", 0.1, np.nan),
            ("clicks", "secondary", "ratio", "increase", 0.1, np.nan),
        ),
    ],
    ignore_index=True,
)
CONTROLS = {"old": "a", "new": "a"}
DEFINITIONS = METRICS.drop_duplicates("metric_name")
VARIANTS = pd.DataFrame(
    [
        ("old", "a", True, 0.5),
        ("old", "b", False, 0.5),
        ("new", "a", True, 0.5),
        ("new", "b", False, 0.25),
        ("new", "c", False, 0.25),
    ],
    columns=["experiment_id", "variant_id", "is_control", "expected_share"],
)


def registry(*, blocked=()):
    experiments = pd.DataFrame(
        {"experiment_id": ["old", "new"], "assignment": "randomised", "planned_units": [4000.0, np.nan]}
    )
    stopped = pd.DataFrame({"experiment_id": list(blocked), "reason": "blocked: the registry says so"})
    return Registry.from_tables(experiments, VARIANTS, METRICS, stopped)


def effect(metric, role, day, units, mean, deviation, **columns):
    """A row of control against one treatment of the same size."""
    return {
        "experiment_id": "old",
        "metric_name": metric,
        "role": role,
        "control_variant_id": "a",
        "treatment_variant_id": "b",
        "dimension": "all",
        "segment": "all",
        "variance_reduction": "none",
        "reason": None,
        "relative_reason": None,
        "count_control": units,
        "count_treatment": units,
        "mean_control": mean,
        "standard_error": deviation * np.sqrt(2 / units),
        "p_value": 0.5,
        "variance_reduction_rate": 0.0,
        "is_latest": day == 4,
        "as_of_date": pd.Timestamp("2026-03-01") + pd.Timedelta(days=day - 1),
    } | columns


def effects():
    """500 units a day and arm for three days, then a day without new ones; CUPED takes off half of the variance."""
    rows = []
    for day in (1, 2, 3, 4):
        units = 500 * min(day, 3)
        rows.append(effect("revenue", "primary", day, units, 5.0 * day, 10.0 * day))
        cuped = {"variance_reduction": "cuped", "variance_reduction_rate": 0.5}
        rows.append(effect("revenue", "primary", day, units, 5.0 * day, 10.0 * day * np.sqrt(0.5), **cuped))
    rows.append(effect("speed", "guardrail", 4, 1500, 2000.0, 3000.0))
    rows += [effect("stays", "secondary", day, 500 * (day - 2), 0.4, np.sqrt(0.24)) for day in (3, 4)]
    return pd.DataFrame(rows)


@pytest.fixture
def power():
    return experiment_power(effects(), VARIANTS, registry()).set_index(
        ["experiment_id", "metric_name", "treatment_variant_id"]
    )


def test_the_adjusted_effect_is_planned_with(power):
    row = power.loc[("old", "revenue", "b")]
    size = 0.1 * 20 / (40 * np.sqrt(0.5))
    assert (row["variance_reduction"], row["hypothesis"], row["alpha"]) == ("cuped", "superiority", pytest.approx(0.05))
    assert row["power_now"] == pytest.approx(TTestIndPower().power(size, 1500, 0.05), abs=1e-9)
    assert row["power_planned"] == pytest.approx(TTestIndPower().power(size, 2000, 0.05), abs=1e-9)
    # One guardrail: success and guardrail may each be missed once in ten, so that both are shown four times in five.
    assert row["power_target"] == pytest.approx(0.9)
    needed = 2 * TTestIndPower().solve_power(size, power=0.9, alpha=0.05)
    assert row["required_units"] == np.ceil(needed)
    assert row["units_per_day"] == 1000
    assert row["days_left"] == np.ceil((np.ceil(needed) - 3000) / 1000)
    assert not row["is_powered"]


def test_metrics_that_nothing_adjusts_share_the_error_of_those_that_are_adjusted():
    rows = effects()
    rows.loc[rows["metric_name"] == "stays", "role"] = "primary"
    metrics = METRICS.copy()
    metrics.loc[metrics["metric_name"] == "stays", "role"] = "primary"
    power = experiment_power(
        rows, VARIANTS, replace(registry(), metrics=metrics.set_index(["experiment_id", "metric_name"]).sort_index())
    )
    observed = power[(power["experiment_id"] == "old") & (power["role"] == "primary")].set_index("metric_name")
    assert observed["variance_reduction"].to_dict() == {"revenue": "cuped", "stays": "none"}
    assert observed["alpha"].tolist() == pytest.approx([0.05 / 2] * 2)


def test_a_guardrail_is_planned_against_its_margin(power):
    row = power.loc[("old", "speed", "b")]
    # Less is better: harm is more, and the margin moves with the baseline: (1 + 0.05)^2 of control's variance.
    error = 3000 * np.sqrt((1 + 1.05**2) / 1500)
    theirs = NormalIndPower().power(0.05 * 2000 / error, 1, 0.025, ratio=0, alternative="larger")
    assert row["hypothesis"] == "non_inferiority"
    assert row["power_now"] == pytest.approx(theirs, abs=1e-3)
    assert pd.isna(row["planned_effect"])


def test_a_metric_without_a_planned_effect_still_tells_what_it_can_find(power):
    row = power.loc[("old", "stays", "b")]
    assert pd.isna(row["reason"])
    assert row["plan_reason"] == "no_planned_effect"
    assert row["minimum_detectable_effect"] > 0
    assert pd.isna(row["required_units"])


@pytest.mark.parametrize(("role", "kind", "margin"), [("primary", "conversion", np.nan), ("guardrail", "mean", 0.05)])
def test_units_too_few_to_find_anything_have_a_reason_and_a_plan(role, kind, margin):
    metrics = metric_rows("old", ("signup", role, kind, "increase", 0.05, margin))
    known = Registry.from_tables(
        pd.DataFrame({"experiment_id": ["old"], "assignment": "randomised", "planned_units": [np.nan]}),
        VARIANTS,
        metrics,
        pd.DataFrame({"experiment_id": [], "reason": []}),
    )
    # Not even 10 of 10 against 8 of 10 is found often enough.
    rows = pd.DataFrame([effect("signup", role, 4, 10, 0.8, 0.4 if kind == "conversion" else 4.0)])
    row = experiment_power(rows, VARIANTS, known).squeeze()
    assert row["reason"] == "too_few_units"
    assert pd.isna(row["minimum_detectable_effect"])
    assert 0 < row["power_now"] < 0.2
    assert pd.isna(row["plan_reason"])
    assert row["required_units"] > 100


@pytest.mark.parametrize("mean", [0.0, 1e-16])
def test_nothing_is_planned_relative_to_a_baseline_of_rounding(mean):
    metrics = metric_rows("old", ("revenue", "primary", "mean", "increase", 0.1, np.nan))
    known = Registry.from_tables(
        pd.DataFrame({"experiment_id": ["old"], "assignment": "randomised", "planned_units": [np.nan]}),
        VARIANTS,
        metrics,
        pd.DataFrame({"experiment_id": [], "reason": []}),
    )
    row = experiment_power(pd.DataFrame([effect("revenue", "primary", 4, 1000, mean, 4.0)]), VARIANTS, known).squeeze()
    assert (row["reason"], row["plan_reason"]) == ("zero_denominator", "zero_denominator")


def test_nothing_is_planned_relative_to_a_control_that_may_be_zero():
    rows = effects()
    rows.loc[rows["metric_name"] == "revenue", "relative_reason"] = "control_not_distinct_from_zero"
    power = experiment_power(rows, VARIANTS, registry()).set_index(
        ["experiment_id", "metric_name", "treatment_variant_id"]
    )
    observed, unlaunched = power.loc[("old", "revenue", "b")], power.loc[("new", "revenue", "b")]
    assert (observed["reason"], unlaunched["reason"]) == ("control_not_distinct_from_zero", "no_units")
    for row in (observed, unlaunched):
        assert row["plan_reason"] == "control_not_distinct_from_zero"
        assert row[["minimum_detectable_effect", "power_now", "required_units", "days_left", "is_powered"]].isna().all()
    assert observed["baseline_mean"] == 20.0

    plans = experiment_plans(history_of_metrics(rows, CONTROLS, DEFINITIONS), Planned(effect=0.1), [2, 10])
    revenue = plans[plans["metric_name"] == "revenue"]
    assert (revenue["reason"] == "control_not_distinct_from_zero").all()
    assert revenue[["minimum_detectable_effect", "power", "required_units", "required_days"]].isna().all(axis=None)
    assert plans.loc[plans["metric_name"] == "speed", "required_units"].notna().all()


def test_plans_leave_out_the_days_on_which_control_might_have_been_zero():
    rows = effects()
    rows.loc[(rows["metric_name"] == "revenue") & (rows["as_of_date"] < "2026-03-03"), "relative_reason"] = (
        "control_not_distinct_from_zero"
    )
    plans = experiment_plans(history_of_metrics(rows, CONTROLS, DEFINITIONS), Planned(effect=5.0), [2, 4])
    plans = plans[plans["metric_name"] == "revenue"].set_index("count_days")
    assert plans.loc[2, "reason"] == "control_not_distinct_from_zero"
    assert pd.isna(plans.loc[4, "reason"])
    # Power is there on the first day whose control is apart from zero, the third.
    assert (plans["required_days"] == 3).all()


def test_an_experiment_without_units_is_planned_from_history(power):
    row = power.loc[("new", "revenue", "c")]
    assert (row["basis"], row["reason"]) == ("history", "no_units")
    assert pd.isna(row["plan_reason"])
    # Two primary metrics, three pairs of arms: six tests share the error.
    assert row["alpha"] == pytest.approx(0.05 / 6)
    theirs = NormalIndPower().solve_power(0.1 * 20 / (40 * np.sqrt(0.5)), alpha=0.05 / 6, power=0.8, ratio=0.5)
    assert row["required_units"] == pytest.approx(theirs / 0.5, rel=2e-3)
    assert row["days_left"] == np.ceil(row["required_units"] / 1000)
    assert power.loc[("new", "clicks", "b"), "plan_reason"] == "no_history"


@pytest.mark.parametrize("order", ["bc", "cb"])
def test_units_are_those_of_all_arms_also_where_one_was_retired(order):
    # 500 units of each arm on the first day, then b is retired, and 2,000 of a and c on the second.
    units = {"b": [500, 500], "c": [500, 2500]}
    rows = pd.DataFrame(
        [
            effect("revenue", "primary", day, units[arm][day - 1], 20.0, 40.0, treatment_variant_id=arm)
            | {"is_latest": day == 2}
            for day in (1, 2)
            for arm in order
        ]
    )
    power = experiment_power(rows, VARIANTS, registry())
    power = power[power["basis"] == "experiment"]
    assert power["treatment_variant_id"].tolist() == ["b", "c"]
    assert power["count_units"].tolist() == [5500, 5500]
    assert power["units_per_day"].tolist() == [2750, 2750]
    # Each pair is as large as it is, with two tests that share the error.
    size = 0.1 * 20 / 40
    theirs = [TTestIndPower().power(size, n, 0.05 / 2) for n in (500, 2500)]
    assert power["power_now"].tolist() == pytest.approx(theirs, abs=1e-9)

    history = history_of_metrics(rows, CONTROLS, DEFINITIONS)
    assert history["count_units"].tolist() == [1500, 5500]
    assert history["units_per_day"].tolist() == [2750, 2750]


def test_a_blocked_experiment_says_nothing():
    rows = experiment_power(effects(), VARIANTS, registry(blocked=["old"]))
    old = rows[rows["experiment_id"] == "old"]
    assert old["reason"].str.startswith("blocked").all()
    assert old[["minimum_detectable_effect", "power_now", "required_units"]].isna().all(axis=None)


def test_without_effects_there_are_typed_columns():
    empty = effects().head(0)
    rows = experiment_power(empty, VARIANTS, registry())
    assert list(rows) == list(COLUMNS)
    assert set(rows["plan_reason"]) == {"no_history", "no_planned_effect"}
    assert experiment_plans(history_of_metrics(empty, CONTROLS, DEFINITIONS), Planned(), [7]).empty


def test_plans_follow_the_past_day_by_day_and_carry_it_on():
    history = history_of_metrics(effects(), CONTROLS, DEFINITIONS)
    plans = experiment_plans(history, Planned(effect=0.1), [2, 4, 10]).set_index(["metric_name", "count_days"])
    assert plans.loc["revenue", "count_units"].tolist() == [2000, 4000, 10_000]
    assert plans.loc["speed", "count_units"].tolist() == [2000, 4000, 10_000]
    # Units count for the retention from the third day on.
    assert plans.loc["stays", "count_units"].tolist() == [0, 2000, 8000]
    assert plans.loc[("stays", 2), "reason"] == "too_few_units"
    assert plans.loc[("revenue", 2), "baseline_mean"] == 10.0
    size = 0.1 / (2 * np.sqrt(0.5))
    assert plans.loc[("revenue", 10), "power"] == pytest.approx(TTestIndPower().power(size, 5000, 0.05), abs=1e-9)
    needed = 2 * TTestIndPower().solve_power(size, power=0.8, alpha=0.05)
    assert plans.loc[("revenue", 10), "required_days"] == np.ceil(needed / 1000)


def test_plans_of_many_arms_guardrails_and_less_traffic():
    history = history_of_metrics(effects(), CONTROLS, DEFINITIONS)
    alone = experiment_plans(history, Planned(effect=0.1), [10]).set_index("metric_name")
    several = experiment_plans(history, Planned(effect=0.1, treatments=3, control_share=0.4, traffic_share=0.5), [10])
    assert several.set_index("metric_name").loc["revenue", "count_units"] == 5000
    assert several.set_index("metric_name").loc["revenue", "power"] < alone.loc["revenue", "power"] / 2
    assert Planned(treatments=3).alpha == pytest.approx(0.05 / 6)
    guarded = experiment_plans(history, Planned(effect=0.1, is_guardrail=True), [10]).set_index("metric_name")
    assert guarded.loc["speed", "hypothesis"] == "non_inferiority"
    assert guarded.loc["speed", "required_units"] == pytest.approx(alone.loc["speed", "required_units"], rel=0.15)
    clustered = Planned(effect=0.1, cluster_size=5, intraclass_correlation=0.1)
    needed = experiment_plans(history, clustered, [10]).set_index("metric_name")["required_units"]
    assert needed["revenue"] == pytest.approx(1.4 * alone.loc["revenue", "required_units"], rel=0.01)


@pytest.mark.parametrize("options", [{"effect": 0}, {"treatments": 0}, {"control_share": 1.0}, {"power": 1.0}])
def test_impossible_plans_are_refused(options):
    with pytest.raises(ValueError, match="must be"):
        Planned(**options)
