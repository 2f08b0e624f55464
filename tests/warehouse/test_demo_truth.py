"""The marts give back what the demo planted, within the sampling error of the rows themselves."""

import json
import math

import duckdb
import pytest

from tests.warehouse.conftest import Warehouse

# Per unit of recommendation_v2: what ratio metrics divide, from exposure to the end of the experiment.
OUTCOMES = """
with
units as (
    select unit_id, variant_id, first_exposed_at
    from fct_experiment_units
    where experiment_id = 'recommendation_v2' and is_included
),
shown as (
    select
        units.unit_id,
        count(*) as impressions,
        sum(count_clicks) as clicks,
        sum(count_carts) as carts
    from units
    inner join fct_impressions
        on units.unit_id = user_id and impressed_at >= first_exposed_at and impressed_at < timestamp '2026-03-30'
    group by all
),
earned as (
    select
        units.unit_id,
        sum(revenue) as revenue,
        max(count_purchases) > 0 as is_buyer
    from units
    inner join fct_user_days
        on
            units.unit_id = user_id
            and activity_date >= first_exposed_at::date
            and activity_date < date '2026-03-30'
    group by all
)
select variant_id, impressions, clicks, carts, revenue, is_buyer::int as buyers, 1 as users
from units inner join shown using (unit_id) inner join earned using (unit_id)
"""
METRICS = {
    "ctr": ("clicks", "impressions"),
    "add_to_cart_rate": ("carts", "clicks"),
    "conversion_rate": ("buyers", "users"),
    "revenue_per_user": ("revenue", "users"),
}


@pytest.mark.parametrize(("metric", "columns"), METRICS.items())
@pytest.mark.parametrize("variant", ["control", "treatment"])
def test_planted_levels_are_recovered(
    demo_warehouse: Warehouse, metric: str, columns: tuple[str, str], variant: str
) -> None:
    truth = demo_warehouse.input_folder / "truth/effects.parquet"
    column = "control_value" if variant == "control" else "treatment_value"
    [(planted,)] = duckdb.sql(
        f"select {column} from '{truth}' where experiment_id = 'recommendation_v2' "
        f"and metric_name = '{metric}' and segment = 'all'"
    ).fetchall()

    numerator, denominator = columns
    [(ratio, standard_error)] = demo_warehouse.query_published(
        f"with outcomes as ({OUTCOMES}), "
        f"arm as (select {numerator} as x, {denominator} as y from outcomes where variant_id = '{variant}'), "
        "level as (select sum(x) / sum(y) as ratio from arm) "
        # The delta method, clustered by user: the standard deviation of the residuals over the mean denominator.
        "select any_value(ratio), stddev_samp(x - ratio * y) / avg(y) / sqrt(count(*)) from arm cross join level"
    )

    assert standard_error > 0
    assert math.isclose(ratio, planted, abs_tol=4 * standard_error)


def test_the_funnel_mart_agrees_with_the_purchases(demo_warehouse: Warehouse) -> None:
    outcomes = dict(
        demo_warehouse.query_published(f"select variant_id, sum(buyers) from ({OUTCOMES}) group by all order by all")
    )
    funnel = dict(
        demo_warehouse.query_published(
            "select variant_id, count_users from fct_funnel_steps where experiment_id = 'recommendation_v2' "
            "and funnel_name = 'purchase' and dimension = 'all' and step_name = 'purchase' order by all"
        )
    )
    assert funnel == outcomes


def test_contaminated_units_are_excluded_and_counted(demo_warehouse: Warehouse) -> None:
    manifest = json.loads((demo_warehouse.input_folder / "truth/manifest.json").read_text())
    planted = manifest["contaminated_users"]
    counted = dict(
        demo_warehouse.query_published(
            "select experiment_id, count(*) from fct_experiment_units where not is_included group by all"
        )
    )
    assert counted == {experiment: count for experiment, count in planted.items() if count}


def test_dirt_is_in_quarantine_to_the_row(demo_warehouse: Warehouse) -> None:
    manifest = json.loads((demo_warehouse.input_folder / "truth/manifest.json").read_text())
    counted = demo_warehouse.query_published(
        "select reason = 'event_id is a duplicate' as is_duplicate, sum(count_rows)::bigint "
        "from fct_quarantined_rows where input_name = 'events' group by all order by all"
    )
    assert counted == [(False, manifest["malformed"]), (True, manifest["duplicates"])]


@pytest.mark.parametrize("metric", ["revenue_per_user", "tasks_per_user", "retention_d21"])
def test_planted_effect_of_a_free_choice_is_recovered(demo_warehouse: Warehouse, metric: str) -> None:
    truth = demo_warehouse.input_folder / "truth/effects.parquet"
    planted = dict(
        duckdb.sql(
            f"select segment, absolute_effect from '{truth}' where experiment_id = 'adaptive_ai_self_selected' "
            f"and metric_name = '{metric}' and segment_dimension = 'estimand'"
        ).fetchall()
    )
    found = {
        (estimand, estimator): (lower, upper, estimate, error)
        for estimand, estimator, lower, upper, estimate, error in demo_warehouse.query_published(
            "select estimand, estimator, ci_lower, ci_upper, estimate, standard_error from fct_treatment_effects "
            f"where experiment_id = 'adaptive_ai_self_selected' and metric_name = '{metric}' "
            "and population = 'all' and dimension = 'all'"
        )
    }
    for estimator in ("aipw", "dml"):
        lower, upper, *_ = found["ate", estimator]
        assert lower < planted["ate"] < upper
    _, _, naive, error = found["ate", "difference_in_means"]
    # Off by what the truth table says, and not by chance.
    assert math.isclose(naive, planted["naive"], abs_tol=4 * error)
