"""The demo's experiments: planted effects are found, the broken one is blocked, the ramp is neither."""

from datetime import date
from typing import Any

import duckdb
import pytest

from tests.warehouse.conftest import WITHOUT_TESTS, WITHOUT_UNIT_TESTS, WITHOUT_UPLIFT, Warehouse
from tests.warehouse.registry_files import write_registry


def test_planted_effects_lie_inside_their_intervals(demo_warehouse: Warehouse) -> None:
    truth = f"'{demo_warehouse.input_folder}/truth/effects.parquet'"
    rows = demo_warehouse.query(
        f"""
        select
            effects.variance_reduction,
            count(*),
            count(*) filter (
                where truth.absolute_effect between effects.absolute_ci_lower and effects.absolute_ci_upper
            )
        from fct_experiment_effects as effects
        inner join {truth} as truth
            on truth.experiment_id = effects.experiment_id and truth.metric_name = effects.metric_name
            and truth.variant_id = effects.treatment_variant_id and truth.segment_dimension = 'all'
        inner join registry.experiment_variants as controls
            on controls.experiment_id = effects.experiment_id and controls.variant_id = effects.control_variant_id
            and controls.is_control
        where effects.is_latest and effects.dimension = 'all' and effects.reason is null
            and effects.variance_reduction in ('none', 'cuped') and effects.inference = 'fixed'
        group by effects.variance_reduction
        order by effects.variance_reduction
        """
    )
    assert [variance_reduction for variance_reduction, *_ in rows] == ["cuped", "none"]
    for variance_reduction, count, covered in rows:
        # 95% intervals of two dozen correlated effects: fewer than three in four inside would be no chance.
        assert count >= 20, variance_reduction
        assert covered >= 0.75 * count, variance_reduction


def test_health_of_the_demo(demo_warehouse: Warehouse) -> None:
    failing = demo_warehouse.query(
        "select distinct experiment_id from fct_experiment_health "
        "where check_name like 'sample_ratio%' and status = 'fail'"
    )
    culprits = demo_warehouse.query(
        "select experiment_id, reason from fct_experiment_health where reason like '%most likely culprit'"
    )
    unassigned = demo_warehouse.query("select experiment_id from fct_experiment_health where status = 'not_applicable'")

    assert failing == [("mobile_banner",)]
    assert culprits == [("mobile_banner", "device = android is the most likely culprit")]
    assert ("adaptive_ai_self_selected",) in unassigned
    blocked = demo_warehouse.query(
        "select count(*), count(p_value), min(reason) from fct_experiment_effects where experiment_id = 'mobile_banner'"
    )
    assert blocked[0][:2] == (blocked[0][0], 0)
    assert blocked[0][2].startswith("blocked: the registry says invalid")


def test_every_experiment_has_a_decision(demo_warehouse: Warehouse) -> None:
    decisions = dict(demo_warehouse.query("select experiment_id, decision from fct_experiment_decisions"))
    registered = {name for (name,) in demo_warehouse.query("select experiment_id from registry.experiments")}
    assert set(decisions) == registered
    assert decisions["mobile_banner"] == "blocked"
    assert decisions["checkout_aa"] == "hold"
    assert decisions["adaptive_ai_self_selected"] == "hold"
    assert decisions["adaptive_ai"] == "ship"
    chosen = demo_warehouse.query(
        "select treatment_variant_id, annual_impact > 0, return_on_cost is not null, value_reason "
        "from fct_experiment_decisions where experiment_id = 'adaptive_ai'"
    )
    assert chosen == [("C_adaptive_v2", True, True, None)]


def test_posteriors_agree_with_effects(demo_warehouse: Warehouse) -> None:
    """A prior around zero shrinks an effect but never turns it round; withheld experiments are withheld in both."""
    opposed = demo_warehouse.query(
        """
        select count(*) filter (where effects.absolute_effect > 0 and posteriors.probability_beats_control <= 0.5),
            count(*)
        from fct_experiment_effects as effects
        inner join fct_experiment_posteriors as posteriors
            using (experiment_id, metric_name, treatment_variant_id, control_variant_id, dimension, segment,
                as_of_date, variance_reduction)
        inner join dim_metrics using (metric_name)
        where effects.inference = 'fixed' and effects.p_value < 0.01 and dim_metrics.direction = 'increase'
            and posteriors.reason is null
        """
    )
    assert opposed[0][0] == 0
    assert opposed[0][1] > 50
    withheld = demo_warehouse.query(
        "select count(probability_best), count(*) > 0 from fct_experiment_posteriors "
        "where experiment_id in ('mobile_banner', 'adaptive_ai_self_selected')"
    )
    assert withheld == [(0, True)]


def test_a_ramp_is_compared_within_its_phases(demo_warehouse: Warehouse) -> None:
    reasons = demo_warehouse.query(
        "select dimension, count(p_value) > 0 from fct_experiment_effects "
        "where experiment_id = 'search_ramp' and metric_name = 'ctr' and is_latest group by all order by 1"
    )
    assert reasons == [("all", True), ("device", False), ("phase", True), ("region", False)]


def assert_broken(run: Any) -> None:
    assert run.returncode != 0
    assert "assert_no_unacknowledged_sample_ratio_mismatch" in run.output


def test_an_unacknowledged_mismatch_fails_the_build_and_keeps_the_others(warehouse: Warehouse) -> None:
    duckdb.sql(
        f"""
        copy (
            select 'tested' as experiment_id, i as unit_id, if(i % 5 < 2, 'a', 'b') as variant_id, i % 7 as outcome
            from range(5000) as units (i)
            union all
            select 'sound', i, if(i % 2 = 0, 'a', 'b'), i % 7
            from range(5000) as units (i)
        ) to '{warehouse.input_folder}/observations.parquet' (format parquet)
        """
    )
    write_registry(warehouse.input_folder, ["a", "b"], {"result": ("outcome", False, "")})
    registry = warehouse.input_folder / "registry"
    for name in ("experiments", "experiment_variants", "experiment_metrics"):
        path = registry / f"{name}.csv"
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines, *(line.replace("tested", "sound") for line in lines[1:])]) + "\n")

    assert_broken(warehouse.dbt("build", "--full-refresh", *WITHOUT_UNIT_TESTS))

    effects = warehouse.query_published(
        "select experiment_id, count(p_value) > 0, min(reason) from fct_experiment_effects group by 1 order by 1"
    )
    assert effects[0] == ("sound", True, None)
    assert effects[1][:2] == ("tested", False)
    assert effects[1][2].startswith("blocked: sample_ratio: shares are not as meant (a: 2,000, b: 3,000)")


def test_observations_need_no_events_beside_users_and_items(warehouse: Warehouse) -> None:
    duckdb.sql(
        f"""
        copy (
            select 'tested' as experiment_id, i as unit_id, if(i % 2 = 0, 'a', 'b') as variant_id, i % 7 as outcome,
                date '2026-03-02' + cast(i % 3 as integer) as exposed_at
            from range(1000) as units (i)
        ) to '{warehouse.input_folder}/observations.parquet' (format parquet)
        """
    )
    (warehouse.input_folder / "users.csv").write_text("user_id,region\n7,north\n")
    (warehouse.input_folder / "items.csv").write_text("item_id,price\nlamp,20.5\n")
    write_registry(warehouse.input_folder, ["a", "b"], {"result": ("outcome", False, "")})

    warehouse.built("--full-refresh", *WITHOUT_TESTS, variables=WITHOUT_UPLIFT)

    # The day after the last exposure stands in for that after the last event.
    features = "select user_id, as_of_date from dim_users union all select item_id, as_of_date from dim_items"
    assert warehouse.query_published(features) == [("7", date(2026, 3, 5)), ("lamp", date(2026, 3, 5))]


def test_covariates_may_have_any_name_and_text_is_no_metric(warehouse: Warehouse) -> None:
    duckdb.sql(
        f"""
        copy (
            select
                'tested' as experiment_id,
                i as unit_id,
                if(i % 2 = 0, 'a', 'b') as variant_id,
                i % 7 + 3 * (i % 11) as outcome,
                i % 11 as "Team Size",
                i % 3 as "order",
                'well' as remark
            from range(2000) as units (i)
        ) to '{warehouse.input_folder}/observations.parquet' (format parquet)
        """
    )
    write_registry(
        warehouse.input_folder,
        ["a", "b"],
        {
            "result": ("outcome", False, '"Team Size", order'),
            "mood": ("remark", False, ""),
            "mixed": ("outcome", False, "remark"),
        },
        covariates='"Team Size", order, remark',
    )

    warehouse.built("--full-refresh", *WITHOUT_TESTS, variables=WITHOUT_UPLIFT)

    errors = dict(
        warehouse.query_published(
            "select variance_reduction, standard_error from fct_experiment_effects "
            "where metric_name = 'result' and inference = 'fixed' and dimension = 'all'"
        )
    )
    # outcome is i % 7 once what "Team Size" explains is gone: variances 4 and 90.
    assert 4.4 < errors["none"] / errors["cuped"] < 5.2
    reasons = warehouse.query_published(
        "select segment, reason from fct_experiment_health where check_name = 'metric_available' order by all"
    )
    remedy = "must be a number: correct the input, or take the metric out of experiment_metrics"
    assert reasons == [
        ("mixed", f"its covariate 'remark' of stg_observations is VARCHAR, {remedy}"),
        ("mood", f"'remark' of stg_observations is VARCHAR, {remedy}"),
    ]
    assert warehouse.query_published("select distinct metric_name from fct_experiment_effects") == [("result",)]


def test_numbers_that_are_none_or_too_large_harm_no_other_metric(warehouse: Warehouse) -> None:
    duckdb.sql(
        f"""
        copy (
            select
                'tested' as experiment_id,
                i as unit_id,
                if(i % 2 = 0, 'a', 'b') as variant_id,
                if(i % 3 = 0, 'north', 'south') as region,
                i % 7 as outcome,
                case i % 50 when 0 then double 'nan' when 1 then double 'infinity' else i % 7 end as spoilt,
                if(i = 4, double '1.7e308', i % 7) as huge,
                if(i = 6, double 'nan', i % 11) as age
            from range(2000) as units (i)
        ) to '{warehouse.input_folder}/observations.parquet' (format parquet)
        """
    )
    metrics = {"result": "outcome", "spoilt_result": "spoilt", "huge_result": "huge"}
    write_registry(
        warehouse.input_folder,
        ["a", "b"],
        {name: (column, False, "age") for name, column in metrics.items()},
        covariates="age",
    )

    warehouse.built("--full-refresh", *WITHOUT_UNIT_TESTS, variables=WITHOUT_UPLIFT)

    effects = warehouse.query_published(
        "select metric_name, variance_reduction, reason, mean_control from fct_experiment_effects "
        "where inference = 'fixed' and dimension = 'all' and variance_reduction != 'post_stratified' order by all"
    )
    assert [row[:3] for row in effects if row[0] == "huge_result"] == [
        ("huge_result", "cuped", "invalid_moments"),
        ("huge_result", "none", "invalid_moments"),
    ]
    known = {row[:2]: row[3] for row in effects if row[2] is None}
    assert set(known) == {(name, way) for name in ("result", "spoilt_result") for way in ("none", "cuped")}
    outcomes = [unit % 7 for unit in range(0, 2000, 2)]
    assert known["result", "none"] == pytest.approx(sum(outcomes) / 1000)
    spoilt = sum(unit % 7 for unit in range(0, 2000, 50))
    assert known["spoilt_result", "none"] == pytest.approx((sum(outcomes) - spoilt) / 1000)
