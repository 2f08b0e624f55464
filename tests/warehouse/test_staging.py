"""What becomes of the rows of an input: cast, kept once or set aside with a reason. Unit tests can't read its files."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.conftest import WITHOUT_TESTS, Warehouse
from tests.warehouse.small_shop import rows_of

TOMORROW_AND_A_DAY = datetime.now(UTC) + timedelta(days=2)

EVENTS = f"""\
event_id,user_id,event_type,occurred_at,loaded_at,revenue,item_id,Plan
plain,ann,click,2026-03-02 09:00:00,2026-03-02 12:00:00,,,free
offset,ann,click,2026-03-02T09:00:00+02:00,2026-03-02 12:00:00,1.5,lamp,free
zulu,ann,click,2026-03-02T09:00:00Z,2026-03-02 12:00:00,,,pro
unloaded,ann,click,2026-03-02 09:00:00,,,,pro
refund,ann,refund,2026-03-02 09:00:00,2026-03-02 12:00:00,-5,,pro
day_ahead,ann,click,2026-03-03 12:00:00,2026-03-02 12:00:00,,,pro
twice,ann,click,2026-03-02 09:00:00,2026-03-02 12:00:01,,second,pro
twice,ann,click,2026-03-02 10:00:00,2026-03-02 12:00:00,,first,pro
same,ann,click,2026-03-02 09:00:00,2026-03-02 12:00:00,,,pro
same,ann,click,2026-03-02 09:00:00,2026-03-02 12:00:00,,,pro
same,ann,click,2026-03-02 09:00:00,2026-03-02 12:00:00,,,pro
mended,,click,2026-03-02 09:00:00,2026-03-02 11:00:00,,,pro
mended,ann,click,2026-03-02 09:00:00,2026-03-02 12:00:00,,,pro
,ann,click,2026-03-02 09:00:00,2026-03-02 12:00:00,,,pro
no_type,ann,,2026-03-02 09:00:00,2026-03-02 12:00:00,,,pro
no_time,ann,click,,2026-03-02 12:00:00,,,pro
noon,ann,click,noon,2026-03-02 12:00:00,,,pro
dear,ann,click,2026-03-02 09:00:00,2026-03-02 12:00:00,much,,pro
endless,ann,click,2026-03-02 09:00:00,2026-03-02 12:00:00,inf,,pro
negative,ann,purchase,2026-03-02 09:00:00,2026-03-02 12:00:00,-1,,pro
ancient,ann,click,1999-12-31 23:59:59,2026-03-02 12:00:00,,,pro
ahead,ann,click,2026-03-03 12:00:01,2026-03-02 12:00:00,,,pro
future,ann,click,2026-03-02 09:00:00,{TOMORROW_AND_A_DAY:%Y-%m-%d %H:%M:%S},,,pro
"""
USERS = "user_id,country\nann,ES\nann,DE\nben,\n,FR\n"
ITEMS = "item_id,price\nlamp,20\nvase,dear\nrug,\n"
ONE_EVENT = "event_id,user_id,event_type,occurred_at\ne1,ann,click,2026-03-02 09:00:00\n"
NEXT_LOAD = """\
event_id,user_id,event_type,occurred_at,loaded_at,revenue,item_id,Plan
next,ann,click,2026-03-03 09:00:00,2026-03-03 12:00:00,,,pro
late,ann,click,2026-03-01 09:00:00,2026-03-03 12:00:00,,,pro
plain,ann,click,2026-03-02 09:00:00,2026-03-03 12:00:00,,,pro
odd,ann,,2026-03-02 09:00:00,2026-03-03 12:00:00,,,pro
"""

STAGING = ("--select", "path:models/staging", *WITHOUT_TESTS)
SETTINGS = {"max_quarantined_share": 1}
ALL_EVENTS = "from staging.stg_events order by event_id"


@pytest.fixture(scope="module")
def staged(make_warehouse: Callable[[], Warehouse]) -> Warehouse:
    """The staging tables of the rows above; tests only read them."""
    warehouse = make_warehouse()
    (warehouse.input_folder / "events").mkdir()
    for name, content in {"events/1.csv": EVENTS, "users.csv": USERS, "items.csv": ITEMS}.items():
        (warehouse.input_folder / name).write_text(content)
    warehouse.built(*STAGING, variables=SETTINGS)
    return warehouse


def set_aside(warehouse: Warehouse, table: str, *keys: str) -> dict[tuple[str, str], int]:
    """How many rows were set aside, by reason and by the value of their key, which is one of those named."""
    rows = warehouse.query(f"select reason, raw_row, sum(count_rows) from staging.{table} group by all")
    return {
        (reason, next((value for key, value in json.loads(raw_row).items() if key in keys), "")): count
        for reason, raw_row, count in rows
    }


def test_usable_events_are_kept_once(staged: Warehouse) -> None:
    kept = staged.query("select event_id from staging.stg_events order by 1")

    assert [event_id for (event_id,) in kept] == [
        *("day_ahead", "mended", "offset", "plain", "refund", "same", "twice", "unloaded", "zulu")
    ]


def test_of_copies_the_first_to_be_loaded_is_kept(staged: Warehouse) -> None:
    assert staged.query("select item_id from staging.stg_events where event_id = 'twice'") == [("first",)]


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [("plain", "2026-03-02 09:00:00"), ("offset", "2026-03-02 07:00:00"), ("zulu", "2026-03-02 09:00:00")],
)
def test_times_are_utc(staged: Warehouse, event_id: str, expected: str) -> None:
    assert staged.query(f"select occurred_at::varchar from staging.stg_events where event_id = '{event_id}'") == [
        (expected,)
    ]


def test_blank_values_are_null_and_attributes_stay(staged: Warehouse) -> None:
    found = staged.query(
        'select item_id, revenue, device, session_id, loaded_at = occurred_at, "Plan" from staging.stg_events '
        "where event_id in ('offset', 'unloaded') order by event_id"
    )

    assert found == [("lamp", 1.5, None, None, False, "free"), (None, None, None, None, True, "pro")]


def test_ids_of_a_column_of_floats_are_written_as_whole_numbers(warehouse: Warehouse) -> None:
    """So pandas writes whole numbers beside a missing one; elsewhere the same ids are 7 and 12."""
    event = (
        "select i::varchar as event_id, {user} as user_id, 'click' as event_type, timestamp '2026-03-02 09:00:00' as "
        "occurred_at, if(i = 3, null, 12::float) as item_id from range(1, 4) as numbers(i)"
    )
    user = "[7::double, 0.5, 18014398509481984][i]"
    duckdb.sql(event.format(user=user)).write_parquet(str(warehouse.input_folder / "events.parquet"))
    warehouse.built(*STAGING)

    assert warehouse.query("select user_id, item_id from staging.stg_events order by event_id") == [
        ("7", "12"),
        ("0.5", "12"),
        ("1.8014398509481984e+16", None),
    ]


def test_empty_text_is_missing_in_attributes_too(warehouse: Warehouse) -> None:
    """In CSV it is; in Parquet it was a segment of its own beside `unknown`."""
    event = (
        "select '{0}' as event_id, 'ann' as user_id, 'click' as event_type, timestamp '2026-03-0{0} 09:00:00' as "
        "occurred_at, '' as \"Plan\", ' ' as mood"
    )
    for load in (1, 2):
        duckdb.sql(event.format(load)).write_parquet(str(warehouse.input_folder / "events.parquet"))
        warehouse.built(*STAGING)

    assert warehouse.query('select event_id, "Plan", mood from staging.stg_events order by 1') == [
        ("1", None, " "),
        ("2", None, " "),
    ]


def test_unusable_events_are_set_aside_with_their_reason(staged: Warehouse) -> None:
    out_of_time = "occurred_at is before 2000 or more than a day after loaded_at"
    not_money = "revenue is not finite, or negative on a purchase (a refund is an event type of its own)"

    assert set_aside(staged, "stg_events_rejected", "event_id") == {
        ("event_id is a duplicate", "twice"): 1,
        ("event_id is a duplicate", "same"): 2,
        ("event_id is null", ""): 1,
        ("user_id is null", "mended"): 1,
        ("event_type is null", "no_type"): 1,
        ("occurred_at is null", "no_time"): 1,
        ("occurred_at is not a timestamp", "noon"): 1,
        ("revenue is not a double", "dear"): 1,
        (not_money, "endless"): 1,
        (not_money, "negative"): 1,
        (out_of_time, "ancient"): 1,
        (out_of_time, "ahead"): 1,
        ("loaded_at is in the future", "future"): 1,
    }


def test_other_inputs_are_kept_once_by_key(staged: Warehouse) -> None:
    assert staged.query("select user_id, country from staging.stg_users order by 1") == [("ann", "DE"), ("ben", None)]
    assert staged.query("select item_id, price from staging.stg_items order by 1") == [("lamp", 20.0), ("rug", None)]
    assert set_aside(staged, "stg_rows_rejected", "user_id", "item_id") == {
        ("user_id is a duplicate", "ann"): 1,
        ("user_id is null", ""): 1,
        ("price is not a double", "vase"): 1,
    }


def test_absent_inputs_are_empty_tables_with_the_columns_of_the_contract(staged: Warehouse) -> None:
    assert staged.query("select experiment_id, variant_id, user_id, exposed_at from staging.stg_exposures") == []
    assert staged.query("select experiment_id, unit_id, variant_id, exposed_at from staging.stg_observations") == []


def test_attributes_keep_name_and_type_beside_columns_that_are_declared(warehouse: Warehouse) -> None:
    typed = "date '2026-03-02' as \"Signed up\", {'City': 'Berlin'} as place, cast('Pro' as enum('Pro', 'No')) as plan"
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(f"create table web as select *, {typed} from ({rows_of(ONE_EVENT)})")
    warehouse.built(*STAGING, variables={"input_relations": {"events": "main.web"}})

    assert warehouse.query('select "Signed up", place, plan from staging.stg_events') == [
        (date(2026, 3, 2), {"City": "Berlin"}, "Pro")
    ]
    [(declared,)] = warehouse.query("select sql from duckdb_tables() where table_name = 'stg_events'")
    assert "event_id VARCHAR USING COMPRESSION ZSTD" in declared


def test_attributes_of_later_loads_go_to_the_columns_there_are(warehouse: Warehouse) -> None:
    header = ONE_EVENT.splitlines()[0]
    (warehouse.input_folder / "events").mkdir()
    loads = {
        "1": f"{header},Plan,size,mood\ne1,ann,click,2026-03-02 09:00:00,pro,1,calm\n",
        "2": f"{header},plan,size,mood\ne2,ann,click,2026-03-03 09:00:00,free,2.5,7\n",
        "3": f"{header},plan,size,mood\ne3,ann,click,2026-03-04 09:00:00,free,big,8\n",
    }
    for name in ("1", "2"):
        (warehouse.input_folder / "events" / f"{name}.csv").write_text(loads[name])
        warehouse.built(*STAGING)

    rows = [("e1", "pro", 1.0, "calm"), ("e2", "free", 2.5, "7")]
    assert warehouse.query('select event_id, "Plan", size, mood from staging.stg_events order by 1') == rows

    (warehouse.input_folder / "events" / "3.csv").write_text(loads["3"])
    run = warehouse.dbt("build", *STAGING)
    assert run.returncode != 0
    assert (
        "column size holds big, in 1 new rows. Expected: double, as in the events that were read before." in run.output
    )
    assert warehouse.query('select event_id, "Plan", size, mood from staging.stg_events order by 1') == rows
    warehouse.built(*STAGING, "--full-refresh")
    assert ("e3", "big") in warehouse.query("select event_id, size from staging.stg_events")


def test_later_loads_may_bring_fields_and_say_what_a_column_of_nulls_holds(warehouse: Warehouse) -> None:
    """Each load is a file of its own, and the one before is gone."""
    loads = {
        "1": "null as campaign, {'a': 1} as place",
        "2": "'spring' as campaign, {'a': 2, 'b': 'x'} as place",
        "3": "'summer' as campaign, {'c': 0.5::double} as place",
    }
    for load, attributes in loads.items():
        event = (
            f"select 'e{load}' as event_id, 'ann' as user_id, 'click' as event_type, "
            f"timestamp '2026-03-0{load} 09:00:00' as occurred_at, {attributes}"
        )
        duckdb.sql(event).write_parquet(str(warehouse.input_folder / "events.parquet"))
        warehouse.built(*STAGING)

    assert warehouse.query("select campaign, place from staging.stg_events order by event_id") == [
        (None, {"a": 1, "b": None, "c": None}),
        ("spring", {"a": 2, "b": "x", "c": None}),
        ("summer", {"a": None, "b": None, "c": 0.5}),
    ]


def test_files_that_were_read_before_are_not_looked_at_again(warehouse: Warehouse) -> None:
    """One new row without user_id asks which file lacks the column; an old one is not among them."""
    files = warehouse.input_folder / "events"
    files.mkdir()
    event = (
        "select 'e{0}' || i as event_id, if(i = {0}, null, 'ann') as user_id, 'click' as event_type, "
        "timestamp '2026-03-0{0} 09:00:00' as occurred_at from range(300) as numbers(i)"
    )
    duckdb.sql(event.format(1)).write_parquet(str(files / "1.parquet"))
    warehouse.built(*STAGING)
    duckdb.sql(f"select * exclude (user_id) from ({event.format(1)})").write_parquet(str(files / "1.parquet"))
    duckdb.sql(event.format(2)).write_parquet(str(files / "2.parquet"))
    warehouse.built(*STAGING)

    assert warehouse.query("select count(*) from staging.stg_events") == [(598,)]
    duckdb.sql(f"select * exclude (user_id) from ({event.format(3)}) limit 1").write_parquet(str(files / "3.parquet"))
    duckdb.sql(event.format(4)).write_parquet(str(files / "4.parquet"))
    run = warehouse.dbt("build", *STAGING)
    assert run.returncode != 0
    assert "events/3.parquet: column user_id is missing." in run.output, run.output
    assert "events/1.parquet" not in run.output


def test_nested_values_of_later_loads_widen_as_others_do_and_no_further(warehouse: Warehouse) -> None:
    """Each load is a file of its own, and the one before is gone."""

    def loaded(load: int, place: str) -> None:
        event = (
            f"select 'e{load}' as event_id, 'ann' as user_id, 'click' as event_type, "
            f"timestamp '2026-03-0{load} 09:00:00' as occurred_at, {place} as place"
        )
        duckdb.sql(event).write_parquet(str(warehouse.input_folder / "events.parquet"))

    loaded(1, "{'a': 1, 'Stops': [{'n': 1}]}")
    warehouse.built(*STAGING)
    loaded(2, "{'A': 2.5::double, 'stops': [{'N': 2, 'Two\"fold': 'x'}]}")
    warehouse.built(*STAGING)
    stored = [
        {"a": 1.0, "Stops": [{"n": 1, 'Two"fold': None}]},
        {"a": 2.5, "Stops": [{"n": 2, 'Two"fold': "x"}]},
    ]
    assert warehouse.query("select place from staging.stg_events order by event_id") == [(row,) for row in stored]

    for place in ("{'a': 'x'}", "[3]", "{'a': {'b': 3}}", "{'Stops': [{'n': 'x'}]}", "map {'a': 3}"):
        loaded(3, place)
        run = warehouse.dbt("build", *STAGING)
        assert run.returncode != 0, place
        assert "column place holds" in run.output, run.output
    loaded(3, """'{"a": 3}'""")
    warehouse.built(*STAGING)
    stored.append({"a": 3.0, "Stops": None})
    assert warehouse.query("select place from staging.stg_events order by event_id") == [(row,) for row in stored]


def test_a_unit_is_observed_once(warehouse: Warehouse) -> None:
    header = "experiment_id,unit_id,variant_id,outcome\n"
    (warehouse.input_folder / "observations.csv").write_text(
        f"{header}x,1,a,5\nx,1,a,5\nx,2,a,6\nx,2,a,7\nx,3,a,8\nx,3,b,9\n"
    )
    warehouse.built(*STAGING, variables=SETTINGS)

    kept = warehouse.query("select unit_id, variant_id, outcome from staging.stg_observations order by all")
    assert kept == [("1", "a", 5), ("2", "a", 6), ("3", "a", 8), ("3", "b", 9)]
    assert warehouse.query("select reason, sum(count_rows) from staging.stg_rows_rejected group by 1") == [
        ("experiment_id, unit_id, variant_id is a duplicate", 2)
    ]


def test_the_next_load_adds_what_is_new_and_sets_copies_aside(staged: Warehouse, tmp_path: Path) -> None:
    daily = staged.copy_to(tmp_path / "daily")
    next_load = staged.input_folder / "events" / "2.csv"
    next_load.write_text(NEXT_LOAD)
    try:
        daily.built(*STAGING, variables=SETTINGS)
        events, rejected = daily.query(ALL_EVENTS), set_aside(daily, "stg_events_rejected", "event_id")
        daily.built(*STAGING, variables=SETTINGS)
    finally:
        next_load.unlink()

    before, rejected_before = staged.query(ALL_EVENTS), set_aside(staged, "stg_events_rejected", "event_id")
    assert [event[0] for event in events if event not in before] == ["late", "next"]
    assert [event for event in before if event not in events] == []
    assert rejected == {
        **rejected_before,
        ("event_id is a duplicate", "plain"): 1,
        ("event_type is null", "odd"): 1,
    }
    # A run without new files changes nothing.
    assert daily.query(ALL_EVENTS) == events
    assert set_aside(daily, "stg_events_rejected", "event_id") == rejected
