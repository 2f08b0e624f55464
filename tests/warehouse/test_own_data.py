"""Data as people have it: several kinds of files, or tables that are there already; parts missing, parts to spare."""

import gzip
import json
import subprocess
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.conftest import WITHOUT_TESTS, WITHOUT_UNIT_TESTS, Warehouse
from tests.warehouse.small_shop import EVENTS, EXPOSURES, GOOD, ITEMS, USERS, rows_of, write_input
from tests.warehouse.test_daily_runs import differences

# ann was exposed on the 15th where she lives, and on the 16th in UTC. The first exposure of bob does not count, and of
# the two that come next, in the same instant, that of the phone says the device.
EXPOSURES_WITH_OFFSETS = """\
experiment_id,variant_id,user_id,exposed_at,device
recommendation_v2,control,ann,2026-03-15T22:00:00-06:00,phone
recommendation_v2,treatment,bob,2026-03-16T16:30:00+05:30,tablet
recommendation_v2,treatment,bob,2026-03-16T16:30:00+05:30,phone
recommendation_v2,treatment,cat,2026-03-17 08:00:00,phone
no_such_experiment,treatment,cat,2026-03-17 08:00:00,tv
recommendation_v2,no_such_variant,bob,2026-03-16 08:00:00,tv
"""


@pytest.fixture(scope="module")
def from_files(make_warehouse) -> Warehouse:
    """Daily Parquet files of events with extra columns and offsets; the other inputs in other kinds of files."""
    warehouse = make_warehouse()
    events = f"""
        select
            * exclude (loaded_at, device) replace (
                timezone('UTC', occurred_at) as occurred_at,
                if(event_id = 'e6', null, user_id) as user_id
            ),
            'spring sale' as campaign,
            item_id = 'lamp' as "Is Lamp"
        from ({rows_of(EVENTS)})
    """
    write_input(
        warehouse.input_folder,
        {
            "events/2026-03-16.parquet": f"from ({events}) where occurred_at < '2026-03-17'",
            "events/2026-03-17.parquet": f"select * exclude (revenue) from ({events}) "
            "where occurred_at >= '2026-03-17'",
            "exposures.csv.gz": gzip.compress(EXPOSURES_WITH_OFFSETS.encode()),
            # The second delivery repeats a user, lacks a column and brings another.
            "users/first.csv": USERS.replace("user_id", "User_ID").replace("ann,", '"ann",'),
            "users/second.csv": 'user_id,region,plan\nann,south,paid\ndan,"north, far",free\n',
            "items/a.csv": "item_id,price\nlamp,20.5\n",
            "items/b.csv": "item_id,material\nvase,clay\n",
        },
    )
    warehouse.built("--full-refresh", *WITHOUT_UNIT_TESTS, variables={"max_quarantined_share": 0.1})
    return warehouse


def test_daily_files_are_one_input(from_files: Warehouse):
    rows = from_files.query(
        'select event_id, revenue, campaign, "Is Lamp", device, loaded_at = occurred_at from staging.stg_events'
    )
    assert len(rows) == 9
    by_id = {row[0]: row[1:] for row in rows}
    assert by_id["e4"] == (20.5, "spring sale", True, None, True)
    # The second day's file has no revenue.
    assert by_id["e9"] == (None, "spring sale", False, None, True)


def test_few_bad_rows_are_set_aside_and_counted(from_files: Warehouse):
    rows = from_files.query_published(
        "select input_name, reason, raw_row, count_rows from fct_quarantined_rows order by all"
    )
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("events", "user_id is null", 1),
        ("exposures", "the registry has no such experiment", 1),
        ("exposures", "the registry has no such variant", 1),
        ("users", "user_id is a duplicate", 1),
    ]
    assert json.loads(rows[0][2])["event_id"] == "e6"
    assert json.loads(rows[3][2])["User_ID"] == "ann"
    quality = from_files.query_published(
        """
        select input_name, measure, sum(value)::int
        from fct_data_quality
        where measure in ('unusable_rows', 'duplicate_rows')
        group by all
        order by all
        """
    )
    assert [row for row in quality if row[2]] == [
        ("events", "unusable_rows", 1),
        ("exposures", "unusable_rows", 2),
        ("users", "duplicate_rows", 1),
    ]


def test_moments_with_offsets_become_utc(from_files: Warehouse):
    exposed = dict(from_files.query_published("select unit_id, first_exposed_at::varchar from fct_experiment_units"))
    assert exposed == {"ann": "2026-03-16 04:00:00", "bob": "2026-03-16 11:00:00", "cat": "2026-03-17 08:00:00"}
    started = from_files.query_published("select min(started_at)::varchar from fct_sessions")
    assert started == [("2026-03-16 10:00:00",)]


def test_the_first_exposure_that_counts_says_of_which_segment_its_unit_is(from_files: Warehouse):
    segmented = from_files.query("select unit_id, device from intermediate.int_units_segmented order by 1")
    assert segmented == [("ann", "phone"), ("bob", "phone"), ("cat", "phone")]


def test_attributes_reach_users_and_the_feature_store(from_files: Warehouse):
    attributes = {
        user: json.loads(text) if text else None
        for user, text in from_files.query_published("select user_id, attributes from dim_users")
    }
    assert set(attributes) == {"ann", "bob", "cat", "dan"}
    assert attributes["bob"] == {"region": "south", "age": 44, "plan": None}
    assert attributes["dan"] == {"region": "north, far", "age": None, "plan": "free"}
    files = f"{from_files.folder}/features/feature_users/**/*.parquet"
    stored = duckdb.sql(f"select user_id, region, age, plan from read_parquet('{files}')")
    assert ("bob", "south", 44, None) in stored.fetchall()
    items = from_files.query_published("select item_id, price, attributes from dim_items order by 1")
    assert [(item, price) for item, price, _ in items] == [("lamp", 20.5), ("vase", None)]
    assert json.loads(items[1][2]) == {"material": "clay"}
    # Dimensions by which the input can be split are, the others are skipped.
    dimensions = from_files.query_published("select distinct dimension from fct_funnel_steps order by 1")
    assert dimensions == [("all",), ("region",)]


def test_a_day_without_rows_leaves_nothing_in_the_feature_store(warehouse: Warehouse):
    # Nobody bought the rug: it has no price, and its row a null that must not hide it.
    seen = "e11,ann,impression,2026-03-16 10:30:00,2026-03-16 12:00:00,rug,,phone\n"
    write_input(warehouse.input_folder, {"events.csv": EVENTS + seen})
    select = ("--select", "+feature_items", *WITHOUT_TESTS)
    stored = "select item_id, price, as_of_date::varchar from features.feature_items order by all"
    files = f"from read_parquet('{warehouse.folder}/features/feature_items/*/*.parquet')"

    warehouse.built(*select, variables={"features_as_of": "2026-03-16"})
    assert warehouse.query(stored) == []

    found = [("lamp", 20.5, "2026-03-17"), ("rug", None, "2026-03-17")]
    for day in ("2026-03-17", "2026-03-16"):
        warehouse.built(*select, variables={"features_as_of": day})
        assert warehouse.query(stored) == found
        assert len(duckdb.sql(files)) == len(found)


def test_attributes_that_are_not_finite_are_missing(warehouse: Warehouse):
    users = "select 'ann' as user_id, cast('nan' as float) as score union all select 'bob', 0.5"
    write_input(warehouse.input_folder, {"events.csv": EVENTS, "users.parquet": users})
    warehouse.built("--select", "+dim_users", *WITHOUT_TESTS)

    attributes = warehouse.query("select attributes from dim_users where attributes is not null order by user_id")
    assert attributes == [('{"score":null}',), ('{"score":0.5}',)]


def test_an_attribute_whose_name_is_taken_twice_is_called_otherwise(warehouse: Warehouse):
    users = "select 'ann' as user_id, 1 as revenue, 2 as attribute_revenue"
    write_input(warehouse.input_folder, {"events.csv": EVENTS, "users.parquet": users})
    warehouse.built("--select", "+int_users_profiled", *WITHOUT_TESTS)

    profiled = warehouse.query(
        "select attribute_attribute_revenue, attribute_revenue from intermediate.int_users_profiled "
        "where experiment_id = 'all' and user_id = 'ann'"
    )
    assert profiled == [(1, 2)]


def test_attributes_may_have_names_of_lifthouse_and_of_sql(make_warehouse):
    """What a model calls a column of its own must not be mixed up with what somebody's data call theirs."""
    late = "recommendation_v2,control,eve,2026-05-01 10:00:00\n"
    given = {"events": EVENTS, "exposures": EXPOSURES + late, "users": USERS, "items": ITEMS}
    plain, crowded = make_warehouse(), make_warehouse()
    write_input(plain.input_folder, {f"{name}.parquet": rows_of(rows) for name, rows in given.items()})
    write_input(
        crowded.input_folder, {f"{name}.parquet": with_columns_named_badly(rows) for name, rows in given.items()}
    )
    plain.built("--full-refresh", *WITHOUT_TESTS)
    crowded.built("--full-refresh", *WITHOUT_UNIT_TESTS, variables={"dimensions": ["device", "region", "User's Plan"]})

    for mart in ("fct_sessions", "fct_user_days", "fct_impressions", "fct_cohort_retention", "fct_experiment_units"):
        rows = f"from {mart} order by all"
        assert crowded.query_published(rows) == plain.query_published(rows)
    [(rejected,)] = crowded.query_published("select raw_row from fct_quarantined_rows")
    assert '"user_id":"eve"' in rejected.replace(" ", "")
    for mart in ("fct_data_quality", "fct_profiles", "fct_profile_correlations"):
        rows = f"select count(*) from {mart}"
        assert crowded.query_published(rows) > plain.query_published(rows)
    assert crowded.query_published(
        "select dimension_value, count_users from fct_funnel_steps "
        "where dimension = 'User''s Plan' and experiment_id = 'all' and step_name = 'impression' order by all"
    ) == [("0", 1), ("1", 2)]


def with_columns_named_badly(rows: str) -> str:
    """SQL of the rows of a text with texts and numbers beside them, under names that collide or need quotes."""
    own = "activity_date is_click count_events days_active copy_number happened_at users units loaded_date revenue"
    others = ["exposures", "experiment_id", "variant_id", "order", "a b", "user's plan", "Größe", "1st"]
    names = [name for name in own.split() + others if name not in rows.splitlines()[0].split(",")]
    values = ("row_number() over () % 2", "cast(row_number() over () % 2 as varchar)")
    columns = ", ".join(f'{values[place % 2]} as "{name}"' for place, name in enumerate(names))
    return f"select *, {columns} from ({rows_of(rows)})"


def test_existing_tables_give_what_files_give(small_shop: Warehouse, make_warehouse, tmp_path: Path):
    tables = make_warehouse()
    names = {
        "events": "raw.web_events",
        "exposures": "Raw.Exposures_View",
        "users": "lifthouse.raw.users",
        "items": "goods",
    }
    with duckdb.connect(str(tables.path)) as connection:
        connection.execute("create schema raw")
        connection.execute(f"create table raw.web_events as {rows_of(EVENTS)}")
        connection.execute(f"create table raw.all_exposures as {rows_of(EXPOSURES)}")
        connection.execute("create view raw.exposures_view as from raw.all_exposures")
        connection.execute(f"create table raw.users as select * replace (age::bigint as age) from ({rows_of(USERS)})")
        connection.execute(f"create table goods as from read_csv('{small_shop.input_folder}/items.csv')")
    variables = {"input_relations": names, "input_folder": str(tmp_path / "nothing")}
    tables.built("--full-refresh", *WITHOUT_UNIT_TESTS, "--exclude", "test_type:generic", variables=variables)

    # The items are input, and stand where marts do.
    assert differences(tables, small_shop) == {"main.goods": 2}


def test_names_that_go_past_each_other_are_said_once_and_what_is_common_is_not(warehouse: Warehouse):
    select = ("--select", "path:models/staging", *WITHOUT_TESTS)
    others = EVENTS.replace("purchase", "buy").replace("add_to_cart", "basket")
    numbered = USERS.replace("ann", "007").replace("bob", "008").replace("cat", "009")
    write_input(warehouse.input_folder, {"events.csv": others, "users.csv": numbered, "items.csv": ITEMS})
    roles = {"impression": ["impression"], "click": [], "cart": ["add_to_cart"], "purchase": ["purchase"]}
    said = warehouse.built(*select, variables={"event_roles": roles}).output

    of_roles = "lifthouse: no event is cart (add_to_cart), or purchase (purchase): what counts that is zero. "
    assert said.count(of_roles) == 1
    assert "Event types without a role: buy, basket, refund. Expected: var event_roles names the event types" in said
    of_funnels = (
        "lifthouse: funnels with steps that no event plays: purchase (click, cart, purchase), usage (session_start"
    )
    assert said.count(of_funnels) == 1
    assert "Expected: var funnels names the steps of your product, each a role or an event type. Set it in" in said
    assert "lifthouse: no user_id of users (such as 007) is in events (such as ann): nothing joins them." in said
    assert "of items" not in said

    # Types of one's own beside known ones; a role that nobody plays, and says so.
    common = {"events.csv": EVENTS.replace("add_to_cart", "page_view"), "users.csv": USERS, "items.csv": ITEMS}
    write_input(warehouse.input_folder, common)
    roles = {"impression": ["impression"], "click": ["click"], "cart": [], "purchase": ["purchase"]}
    funnels = {"purchase": {"steps": ["impression", "page_view", "purchase"], "window_minutes": 60}}
    settled = warehouse.built(*select, "--full-refresh", variables={"event_roles": roles, "funnels": funnels}).output
    assert "lifthouse: " not in settled.replace("lifthouse: not published", "")


def test_an_input_that_is_gone_is_said_once(warehouse: Warehouse):
    select = ("--select", "path:models/staging", *WITHOUT_TESTS)
    warning = "is not there, and was in the build before: "

    def said_with(files: dict[str, str]) -> str:
        write_input(warehouse.input_folder, files)
        return warehouse.built(*select).output

    assert warning not in said_with(GOOD)
    of_exposures = f"lifthouse: {warehouse.input_folder}/exposures.parquet or .csv {warning}"
    said = said_with({"events.csv": EVENTS, "items.csv": ITEMS})
    assert f"{of_exposures}its experiments have no data now. Expected: every input again. Put it back and build" in said
    assert f"/users.parquet or .csv {warning}users have no attributes now." in said
    assert said.count(warning) == 2
    assert warning not in said_with({"events.csv": EVENTS, "items.csv": ITEMS})


def test_a_day_without_quotes_is_a_day(small_shop: Warehouse, tmp_path: Path):
    """YAML makes a date of it where JSON, which is YAML too, has a text."""
    warehouse = small_shop.copy_to(tmp_path / "warehouse")
    command, environment = warehouse.command("run", "--select", "dim_users", "int_experiment_inputs")
    command[-1] = f"{{input_folder: {small_shop.input_folder}, features_as_of: 2026-03-17}}"

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert warehouse.query("select distinct as_of_date from dim_users") == [(date(2026, 3, 17),)]


def test_dbt_may_be_called_in_another_folder(small_shop: Warehouse, tmp_path: Path):
    """What it reads of the project is there all the same: vars, the registry, the code that a fingerprint is of."""
    warehouse = small_shop.copy_to(tmp_path / "warehouse")
    command, environment = warehouse.command("run", "--select", "int_experiment_inputs")

    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    fingerprints = "select experiment_id, fingerprint from intermediate.int_experiment_inputs order by 1"
    assert warehouse.query(fingerprints) == small_shop.query(fingerprints)
