"""What the files hold: columns, keys, the calendar, the dirt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from demo_dataset import DAYS, SEED, USERS, Query

CONTRACT = {
    "events": {
        "event_id": "VARCHAR",
        "user_id": "VARCHAR",
        "event_type": "VARCHAR",
        "occurred_at": "TIMESTAMP",
        "loaded_at": "TIMESTAMP",
        "item_id": "VARCHAR",
        "revenue": "DOUBLE",
        "device": "VARCHAR",
        "page_load_ms": "DOUBLE",
    },
    "exposures": {
        "experiment_id": "VARCHAR",
        "variant_id": "VARCHAR",
        "user_id": "VARCHAR",
        "exposed_at": "TIMESTAMP",
        "device": "VARCHAR",
    },
    "users": {
        "user_id": "VARCHAR",
        "business": "VARCHAR",
        "signed_up_at": "TIMESTAMP",
        "region": "VARCHAR",
        "device": "VARCHAR",
        "loyalty_tier": "VARCHAR",
        "price_sensitivity": "DOUBLE",
        "company_size": "VARCHAR",
        "baseline_productivity": "DOUBLE",
        "churn_risk": "DOUBLE",
        "is_power_user": "BOOLEAN",
        "tenure_days": "INTEGER",
    },
    "items": {"item_id": "VARCHAR", "category": "VARCHAR", "price": "DOUBLE", "launched_at": "TIMESTAMP"},
    "observations": {
        "experiment_id": "VARCHAR",
        "unit_id": "VARCHAR",
        "variant_id": "VARCHAR",
        **{f"f{i}": "DOUBLE" for i in range(12)},
        "visit": "INTEGER",
        "conversion": "INTEGER",
    },
    "effects": {
        "experiment_id": "VARCHAR",
        "metric_name": "VARCHAR",
        "variant_id": "VARCHAR",
        "segment_dimension": "VARCHAR",
        "segment": "VARCHAR",
        "control_value": "DOUBLE",
        "treatment_value": "DOUBLE",
        "absolute_effect": "DOUBLE",
        "relative_effect": "DOUBLE",
        "note": "VARCHAR",
    },
    "unit_effects": {
        "experiment_id": "VARCHAR",
        "variant_id": "VARCHAR",
        "metric_name": "VARCHAR",
        "unit_id": "VARCHAR",
        "true_effect": "DOUBLE",
    },
}


@pytest.mark.parametrize("table", CONTRACT)
def test_columns_and_types(query: Query, table: str) -> None:
    described = query(f"describe {table}")
    assert dict(zip(described["column_name"], described["column_type"], strict=True)) == CONTRACT[table]


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("clean_events", "event_id"),
        ("users", "user_id"),
        ("items", "item_id"),
        ("observations", "unit_id"),
        ("effects", "experiment_id, metric_name, variant_id, segment_dimension, segment"),
        ("unit_effects", "experiment_id, metric_name, variant_id, unit_id"),
    ],
)
def test_keys_are_unique(query: Query, table: str, key: str) -> None:
    counts = query(f"select count(*) as rows, count(distinct ({key})) as keys from {table}")
    assert counts["rows"][0] == counts["keys"][0] > 0


def test_one_row_a_user(query: Query) -> None:
    assert query("select count(*) as n from users")["n"][0] == USERS
    assert query("select count(*) as n from observations")["n"][0] == USERS


def test_every_event_lies_in_the_file_of_its_load_day(demo: Path, query: Query) -> None:
    misplaced = query(
        f"select count(*) as n from read_parquet('{demo}/events/*.parquet', filename = true) "
        "where parse_filename(filename, true) <> loaded_at::date::varchar"
    )
    assert misplaced["n"][0] == 0
    days = sorted(path.stem for path in (demo / "events").iterdir())
    assert days[0] == "2026-02-16"
    assert "2026-04-03" <= days[-1] <= "2026-04-05"


def test_events_refer_to_known_users_and_items(query: Query) -> None:
    unknown = query(
        "select count(*) as n from clean_events left join users using (user_id) "
        "left join items using (item_id) where business is null or clean_events.device <> users.device "
        "or (item_id is not null and price is null)"
    )
    assert unknown["n"][0] == 0


def test_revenue_and_page_load_only_where_they_belong(query: Query) -> None:
    wrong = query(
        "select count(*) as n from clean_events "
        "where (revenue is not null) <> (event_type in ('purchase', 'charge')) "
        "or (page_load_ms is not null) <> (event_type = 'page_load') "
        "or (item_id is not null) <> (event_type in ('impression', 'click', 'add_to_cart', 'purchase'))"
    )
    assert wrong["n"][0] == 0


def test_no_session_straddles_midnight(query: Query) -> None:
    near = query("select count(*) as n from clean_events where occurred_at::time >= time '23:59'")
    assert near["n"][0] == 0


def test_nothing_happens_before_sign_up(query: Query) -> None:
    early = query(
        "select count(*) as n from clean_events inner join users using (user_id) where occurred_at < signed_up_at"
    )
    assert early["n"][0] == 0


def test_a_purchase_follows_an_impression_of_its_item_within_the_hour(query: Query) -> None:
    orphans = query(
        "select count(*) as n from clean_events as bought where event_type = 'purchase' and not exists ("
        "from clean_events as shown where shown.event_type = 'impression' and shown.user_id = bought.user_id "
        "and shown.item_id = bought.item_id "
        "and shown.occurred_at between bought.occurred_at - interval 1 hour and bought.occurred_at)"
    )
    assert orphans["n"][0] == 0


def test_manifest_counts_what_the_files_hold(demo: Path, query: Query) -> None:
    manifest = json.loads((demo / "truth" / "manifest.json").read_text())
    assert (manifest["users"], manifest["days"], manifest["seed"]) == (USERS, DAYS, SEED)
    rows = query("select count(*) as n, count(*) filter (loaded_at is null) as unloaded from events")
    clean = query(
        "select count(*) as n, count(*) filter (loaded_at - occurred_at >= interval 1 hour) as late from clean_events"
    )
    duplicates = query("select count(event_id) - count(distinct event_id) as n from events")
    assert rows["unloaded"][0] == 0
    assert rows["n"][0] == manifest["events_written"]
    assert duplicates["n"][0] == manifest["duplicates"]
    assert rows["n"][0] - duplicates["n"][0] - clean["n"][0] == manifest["malformed"]
    assert clean["late"][0] == manifest["late_events"]

    crossed = query(
        "select experiment_id, count(*) as n from (select experiment_id, user_id from exposures "
        "group by all having count(distinct variant_id) > 1) group by all"
    )
    assert dict(zip(crossed["experiment_id"], crossed["n"], strict=True)) == manifest["contaminated_users"]


def test_dirt_is_as_common_as_meant(demo: Path) -> None:
    manifest = json.loads((demo / "truth" / "manifest.json").read_text())
    events = manifest["events_written"]
    assert manifest["late_events"] / events == pytest.approx(0.01, rel=0.1)
    assert manifest["duplicates"] / events == pytest.approx(0.002, rel=0.1)
    assert manifest["malformed"] / events == pytest.approx(0.0003, rel=0.2)


def test_duplicates_repeat_all_but_the_loading_time(query: Query) -> None:
    differing = query(
        "select count(*) as n from (select event_id from events where event_id is not null group by event_id "
        "having count(*) > 1 and (count(distinct (user_id, event_type, occurred_at, item_id, revenue, "
        "device, page_load_ms)) > 1 or count(distinct loaded_at) < count(*)))"
    )
    assert differing["n"][0] == 0


@pytest.mark.parametrize(
    "flaw",
    [
        "event_id is null",
        "user_id is null",
        "event_type is null",
        "occurred_at is null",
        "year(occurred_at) = 1970",
        "year(occurred_at) > 2030",
        "revenue < 0",
        "isnan(revenue)",
        "isinf(revenue)",
    ],
)
def test_every_kind_of_malformed_row_occurs(query: Query, flaw: str) -> None:
    assert query(f"select count(*) as n from events where {flaw}")["n"][0] > 0


def test_exposures_repeat_inside_the_window(query: Query) -> None:
    seen = query(
        "select min(exposed_at) >= if(experiment_id like 'adaptive%', timestamp '2026-03-02', "
        "timestamp '2026-03-16') and max(exposed_at) < if(experiment_id like 'adaptive%', "
        "timestamp '2026-04-01', timestamp '2026-03-30') as inside, "
        "count(*) / count(distinct user_id) as rows_a_user, "
        "count(distinct device) as devices from exposures group by experiment_id"
    )
    assert len(seen) == 6
    assert seen["inside"].all()
    assert seen["rows_a_user"].between(1.05, 1.25).all()
    assert (seen["devices"] == 3).all()


def test_first_exposure_is_the_first_activity_in_the_window(query: Query) -> None:
    late = query(
        "select count(*) as n from (select exposed_at, "
        "(select min(occurred_at) from clean_events where clean_events.user_id = units.user_id "
        "and occurred_at >= if(experiment_id like 'adaptive%', timestamp '2026-03-02', "
        "timestamp '2026-03-16')) as active_at from units) where exposed_at <> active_at"
    )
    assert late["n"][0] == 0
