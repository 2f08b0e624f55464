"""What analyses say of a few rows that a person can follow."""

import math
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.warehouse.analyses import Analyses, analyses_of
from tests.warehouse.conftest import Warehouse

UNITS = """
    select *, true as is_included, timestamp '2026-03-02 10:00' as first_exposed_at
    from (values {rows}) as units(experiment_id, variant_id, unit_id{columns})
"""


@pytest.fixture(scope="module")
def analyses(demo_warehouse: Warehouse) -> Iterator[Analyses]:
    yield from analyses_of(demo_warehouse)


def test_revenue_by_segment_is_of_all_units_to_the_end_and_finds_attributes_in_any_case(analyses: Analyses) -> None:
    records = analyses.records_on(
        "revenue_by_segment_and_variant",
        {
            "fct_experiment_units": UNITS.format(
                rows="('shop', 'a', 'ann'), ('shop', 'a', 'silent'), ('shop', 'b', 'bob'), ('table', 'a', 'row 1')",
                columns="",
            ),
            "dim_users": """
                from (values ('ann', '{"age": 31, "Region": "north"}'), ('bob', null)) as users(user_id, attributes)
            """,
            "fct_user_days": """
                from (values
                    ('ann', date '2026-03-01', 99.0), ('ann', date '2026-03-02', 7.0), ('ann', date '2026-03-03', 3.0),
                    ('ann', date '2026-03-04', 99.0)
                ) as user_days(user_id, activity_date, revenue)
            """,
            "dim_experiment_variants": """
                from (values ('shop', timestamp '2026-03-04'), ('table', null)) as variants(experiment_id, ended_at)
            """,
        },
    )
    columns = ("segment", "variant_id", "count_units", "revenue_per_unit", "paying_rate", "revenue_share")
    # The table of units has no days, so that nothing can be said of its revenue.
    assert {record["experiment_id"] for record in records} == {"shop"}
    assert [tuple(record[column] for column in columns) for record in records] == [
        ("north", "a", 1, 10, 1, 1),
        ("unknown", "a", 1, 0, 0, 0),
        ("unknown", "b", 1, 0, 0, None),
    ]


def test_click_rates_end_with_the_experiment_and_go_back_28_days_from_there(analyses: Analyses) -> None:
    records = analyses.records_on(
        "click_rate_by_variant_over_time",
        {
            "fct_experiment_units": UNITS.format(
                rows="('ended', 'a', 'ann'), ('phased', 'a', 'ann'), ('open', 'a', 'ann')", columns=""
            ),
            "dim_experiment_variants": """
                from (values
                    ('ended', 'a', timestamp '2026-03-04 12:00'),
                    ('phased', 'a', timestamp '2026-03-03'), ('phased', 'a', timestamp '2026-03-05'),
                    ('open', 'a', null)
                ) as variants(experiment_id, variant_id, ended_at)
            """,
            # One impression each morning and each evening, of March and April; the evening's is clicked.
            "fct_impressions": """
                select 'ann' as user_id, hour(impressed_at) // 15 as count_clicks, impressed_at
                from (
                    select unnest(generate_series(
                        timestamp '2026-03-01 11:00', timestamp '2026-04-30 23:00', interval 12 hours
                    )) as impressed_at
                )
            """,
        },
    )
    days = defaultdict(list)
    for record in records:
        days[record["experiment_id"]].append((str(record["impressed_date"])[5:], record["click_rate"]))
    assert days["ended"] == [("03-02", 0.5), ("03-03", 0.5), ("03-04", 0)]
    assert days["phased"] == [("03-02", 0.5), ("03-03", 0.5), ("03-04", 0.5)]
    assert (days["open"][0], days["open"][-1], len(days["open"])) == (("04-03", 0.5), ("04-30", 0.5), 28)


def test_times_to_click_end_with_the_experiment(analyses: Analyses) -> None:
    records = analyses.records_on(
        "time_from_impression_to_click",
        {
            "fct_experiment_units": UNITS.format(rows="('ended', 'a', 'ann'), ('open', 'a', 'ann')", columns=""),
            "dim_experiment_variants": """
                from (values
                    ('ended', timestamp '2026-03-02 11:00'), ('ended', timestamp '2026-03-02 12:00'), ('open', null)
                ) as variants(experiment_id, ended_at)
            """,
            "fct_impressions": """
                from (values
                    ('ann', 1.0, timestamp '2026-03-02 09:59'), ('ann', 2.0, timestamp '2026-03-02 10:00'),
                    ('ann', 4.0, timestamp '2026-03-02 11:59'), ('ann', 8.0, timestamp '2026-03-02 12:00')
                ) as impressions(user_id, seconds_to_click, impressed_at)
            """,
        },
    )
    assert [
        (record["experiment_id"], record["count_clicked_impressions"], record["median_seconds"]) for record in records
    ] == [
        ("all", 4, 3),
        ("ended", 2, 3),
        ("open", 3, 4),
    ]


def test_active_users_end_with_the_experiment_and_go_back_28_days_from_there(analyses: Analyses) -> None:
    records = analyses.records_on(
        "daily_active_users_by_variant",
        {
            "fct_experiment_units": UNITS.format(
                rows="('ended', 'a', 'ann'), ('ended', 'a', 'silent'), ('open', 'a', 'ann'), ('table', 'a', 'row 1')",
                columns="",
            ),
            "dim_experiment_variants": """
                from (values ('ended', timestamp '2026-03-04'), ('open', null), ('table', null))
                    as variants(experiment_id, ended_at)
            """,
            "fct_user_days": """
                select 'ann' as user_id, cast(day as date) as activity_date
                from generate_series(date '2026-03-01', date '2026-04-30', interval 1 day) as days(day)
            """,
        },
    )
    days = defaultdict(list)
    for record in records:
        days[record["experiment_id"]].append((str(record["activity_date"])[5:], record["active_rate"]))
    assert days.keys() == {"ended", "open"}
    assert days["ended"] == [("03-02", 0.5), ("03-03", 0.5)]
    assert (days["open"][0], days["open"][-1], len(days["open"])) == (("04-03", 1), ("04-30", 1), 28)


def test_the_past_predicts_revenue_over_all_units_that_count(analyses: Analyses) -> None:
    records = analyses.records_on(
        "pre_period_correlation",
        {
            "fct_experiment_units": UNITS.format(
                rows="('shop', 'a', 'ann'), ('shop', 'a', 'bob'), ('shop', 'a', 'silent'), ('table', 'a', 'row 1')",
                columns="",
            ),
            # Of the two who were ever active, the one without a past brings more.
            "fct_user_days": """
                from (values
                    ('ann', date '2026-03-01', 4.0, 1, 1, 1), ('ann', date '2026-03-02', 1.0, 1, 1, 1),
                    ('bob', date '2026-03-02', 3.0, 1, 1, 1), ('cat', date '2026-03-09', 0.0, 1, 1, 1)
                ) as user_days(user_id, activity_date, revenue, count_events, count_clicks, count_purchases)
            """,
        },
    )
    assert {(record["experiment_id"], record["count_units"]) for record in records} == {("shop", 3)}
    [by_revenue] = [record["correlation"] for record in records if record["covariate"] == "revenue"]
    # Pearson's, by hand, of (4, 1), (0, 3) and (0, 0).
    assert by_revenue == pytest.approx(-2 / math.sqrt(16 * 7))


def test_the_funnel_is_split_by_device_in_any_case(analyses: Analyses) -> None:
    records = analyses.records_on(
        "conversion_funnel_by_variant_and_device",
        {
            "fct_funnel_steps": """
                select *, 'a' as variant_id, 'buy' as funnel_name, 1 as step_number, 'click' as step_name,
                    1 as count_users, null as step_rate, 1.0 as funnel_rate
                from (values
                    ('x', 'all', 'all'), ('x', 'Device', 'phone'), ('x', 'region', 'north'), ('all', 'all', 'all')
                ) as steps(experiment_id, dimension, dimension_value)
            """,
        },
    )
    assert [(record["experiment_id"], record["device"]) for record in records] == [("x", "all"), ("x", "phone")]


def test_shares_of_no_active_users_are_null(analyses: Analyses) -> None:
    records = analyses.records_on("power_user_curve", {"dim_users": "select 'ann' as user_id, 0 as days_active_28d"})

    columns = ("count_users", "user_share", "or_more_share")
    assert {tuple(record[column] for column in columns) for record in records} == {(0, None, None)}


def test_units_exposed_outside_of_all_phases_are_not_left_out(analyses: Analyses) -> None:
    records = analyses.records_on(
        "experiment_shares",
        {
            "fct_experiment_units": UNITS.format(
                rows="""
                    ('ramp', 'a', 'ann', 'first'), ('ramp', 'b', 'bob', 'first'), ('ramp', 'a', 'cat', null),
                    ('ramp', 'c', 'dan', null), ('plain', 'a', 'ann', null)
                """,
                columns=", phase_id",
            ),
            "dim_experiment_variants": """
                from (values
                    ('ramp', 'first', 'a', 0.5), ('ramp', 'first', 'b', 0.5), ('ramp', 'all', 'c', 0),
                    ('plain', 'all', 'a', 0.5), ('plain', 'all', 'b', 0.5),
                    ('new', 'all', 'a', 0.5), ('new', 'all', 'b', 0.5)
                ) as variants(experiment_id, phase_id, variant_id, expected_share)
            """,
        },
    )
    columns = ("experiment_id", "phase", "variant_id", "count_units", "share", "expected_share", "standard_errors_off")
    assert [tuple(record[column] for column in columns) for record in records] == [
        ("plain", "all", "a", 1, 1, 0.5, 1),
        ("plain", "all", "b", 0, 0, 0.5, -1),
        ("ramp", "all", "c", 1, 0.5, 0, math.inf),
        ("ramp", "first", "a", 1, 0.5, 0.5, 0),
        ("ramp", "first", "b", 1, 0.5, 0.5, 0),
        ("ramp", "none", "a", 1, 0.5, None, None),
    ]


def test_items_share_of_purchases_knows_neither_refunds_nor_what_came_after_the_features(analyses: Analyses) -> None:
    records = analyses.records_on(
        "top_items_by_attributed_revenue",
        {
            # Of three purchases of the lamp two were refunded.
            "dim_items": """
                from (values
                    ('lamp', 'high', 20.0, 3, 20.0, date '2026-03-10'), ('rug', 'low', 6.0, 2, 12.0, date '2026-03-10')
                ) as items(item_id, price_tier, price, count_purchases, revenue, as_of_date)
            """,
            "fct_impressions": """
                from (values
                    ('lamp', 2, 1, 20.0, timestamp '2026-03-09 10:00'),
                    ('lamp', 1, 1, 20.0, timestamp '2026-03-09 22:59:59'),
                    -- What was bought at midnight may have followed from it.
                    ('lamp', 1, 1, 20.0, timestamp '2026-03-09 23:00'),
                    ('lamp', 1, 1, 20.0, timestamp '2026-03-11 10:00'),
                    ('rug', 0, 1, 6.0, timestamp '2026-03-09 23:30'),
                    ('new', 0, 1, 5.0, timestamp '2026-03-11 11:00')
                ) as impressions(item_id, count_clicks, count_purchases, revenue, impressed_at)
            """,
        },
    )
    columns = ("item_id", "count_purchases", "attributed_revenue", "attributed_purchase_share")
    assert [tuple(record[column] for column in columns) for record in records] == [
        ("lamp", 4, 80, pytest.approx(2 / 3)),
        ("rug", 1, 6, 0),
        ("new", 1, 5, None),
    ]


def test_a_user_is_new_in_the_week_of_the_first_day_whatever_the_features_know(analyses: Analyses) -> None:
    records = analyses.records_on(
        "new_and_returning_revenue",
        {
            "fct_user_days": """
                from (values
                    ('ann', date '2026-03-02', 1.0), ('ann', date '2026-03-08', 2.0), ('ann', date '2026-03-09', 4.0),
                    ('bob', date '2026-03-10', 8.0)
                ) as user_days(user_id, activity_date, revenue)
            """,
            # As of the 9th: nobody has heard of bob.
            "dim_users": "select 'ann' as user_id, date '2026-03-02' as first_active_date",
        },
    )
    columns = ("user_kind", "count_users", "revenue")
    assert [(str(record["activity_week"])[5:], *(record[column] for column in columns)) for record in records] == [
        ("03-02", "new", 1, 3),
        ("03-09", "new", 1, 8),
        ("03-09", "returning", 1, 4),
    ]
