"""A month built day by day, late and duplicate rows included, is the month built at once."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.warehouse.conftest import WITHOUT_TESTS, WITHOUT_UPLIFT, Warehouse

# Of the latest load only; what became of these rows is in stg_events and in the quarantine, which are compared.
# The log of what moved is what a refresh at once does not have.
# The drift of scores is against the build before: another build, another answer.
NOT_COMPARED = {"stg_suspect_events", "effects_as_published", "fct_effect_restatements", "int_uplift_drifts"}
# A digest of the vars that a build was given; when a build first found what it found.
NOT_COMPARED_COLUMNS = {"settings", "changed_at"}
# Every day adds to what the day before left; the rest is made anew from it, and need not be made every day. Nor need
# experiments be, whose inputs say themselves what a whole build has to make of them.
WHAT_BUILDS_ON_THE_DAY_BEFORE = (
    *("--select", "+int_unit_inputs", "+int_event_loads", "+int_funnel_days", "+fct_impressions", "+fct_user_days"),
)
WHOLE_BUILDS = (1, 2, 11, 12, 25)
# A day without a run: the next has two days to read.
MISSED_DAY = 14
COMPARED_DAYS = (12,)
COMPARED_SCHEMAS = ("main", "intermediate", "staging")


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Demo data of a month: load-day files with late events, duplicates and malformed rows.

    A third of the users live four hours later than the demo lets them, so that their sessions straddle midnight.
    """
    folder = tmp_path_factory.mktemp("month") / "input"
    lifthouse = Path(sys.executable).with_name("lifthouse")
    subprocess.run([lifthouse, "demo", "--out", folder, "--users", "1500", "--days", "32"], check=True)
    with duckdb.connect() as connection:
        connection.execute(f"""
            create table events as
            select * exclude (shift) replace (occurred_at + shift as occurred_at, loaded_at + shift as loaded_at)
            from (
                select *, if(hash(user_id) % 3 = 0, interval 4 hour, interval 0 hour) as shift
                from '{folder}/events/*.parquet'
            )
        """)
        days = connection.execute("select distinct loaded_at::date from events").fetchall()
        shutil.rmtree(folder / "events")
        (folder / "events").mkdir()
        connection.execute(f"""
            copy (from '{folder}/exposures.parquet' where experiment_id != 'adaptive_ai_self_selected')
            to '{folder}/randomised.parquet'
        """)
        (folder / "randomised.parquet").replace(folder / "exposures.parquet")
        for (day,) in days:
            connection.execute(f"copy (from events where loaded_at::date = '{day}') to '{folder}/events/{day}.parquet'")
    return folder


def run(warehouse: Warehouse, *arguments: str, variables: dict[str, Any] | None = None) -> None:
    """`dbt build` without its tests, and without models of uplift, which take longest."""
    warehouse.built(*WITHOUT_TESTS, *arguments, variables={**WITHOUT_UPLIFT, **(variables or {})})


def load_days_until(month: Path, warehouse: Warehouse, count: int) -> None:
    """Make the input what it was after `count` load days: later events and exposures had not come yet."""
    days = sorted((month / "events").glob("*.parquet"))[:count]
    target = warehouse.input_folder / "events"
    target.mkdir(exist_ok=True)
    for day in days:
        if not (target / day.name).exists():
            shutil.copy(day, target)
    for name in ("users", "items", "observations"):
        shutil.copy(month / f"{name}.parquet", warehouse.input_folder)
    exposures = duckdb.sql(f"from '{month}/exposures.parquet' where exposed_at < date '{days[-1].stem}' + 1")
    if len(exposures):
        exposures.write_parquet(str(warehouse.input_folder / "exposures.parquet"))


def differences(warehouse: Warehouse, reference: Warehouse) -> dict[str, int]:
    """Tables whose rows differ, and how many rows; sums count as equal to seven digits, their order is not fixed.

    Of a table that only one of the two has, or that has other columns in one, no row is equal.
    """
    found = {}
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse.path}' as daily (read_only)")
        connection.execute(f"attach '{reference.path}' as at_once (read_only)")
        ours, theirs = compared_columns(connection, "daily"), compared_columns(connection, "at_once")
        assert {table.split(".")[0] for table in theirs} == set(COMPARED_SCHEMAS)
        for table in sorted(ours | theirs):
            if ours.get(table) != theirs.get(table):
                found[table] = sum(
                    connection.execute(f"select count(*) from {database}.{table}").fetchall()[0][0]
                    for database, known in (("daily", ours), ("at_once", theirs))
                    if table in known
                )
                continue
            columns = theirs[table]
            exact = ", ".join(f'"{name}"' for name, kind in columns if not kind.startswith("DOUBLE"))
            sums = [name for name, kind in columns if kind.startswith("DOUBLE")]
            lists = {name for name, kind in columns if kind == "DOUBLE[]"}
            order = ", ".join(f'"{name}"' for name in sums) or "1"
            numbered = (
                f"(select *, md5(to_json(row({exact}))::varchar) as exact, row_number() over (partition by {exact} "
                f"order by {order}) as copy from {{}}.{table})"
            )
            unequal = " or ".join(different_lists(name) if name in lists else different(name) for name in sums)
            count = connection.execute(
                f"select count(*) from {numbered.format('daily')} as a full join {numbered.format('at_once')} as b "
                "on a.exact = b.exact and a.copy = b.copy "
                f"where a.exact is null or b.exact is null or {unequal or 'false'}"
            ).fetchall()[0][0]
            if count:
                found[table] = count
    return found


def compared_columns(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[tuple[str, str]]]:
    """Names and types of the columns to compare, by table, in an order that does not tell when a column came."""
    rows = connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "semi join duckdb_tables() using (database_name, schema_name, table_name) "
        "where database_name = ? and list_contains(?, schema_name) order by all",
        [database, list(COMPARED_SCHEMAS)],
    ).fetchall()
    columns: dict[str, list[tuple[str, str]]] = {}
    for schema, table, column, kind in rows:
        if table not in NOT_COMPARED and column not in NOT_COMPARED_COLUMNS:
            columns.setdefault(f"{schema}.{table}", []).append((column, kind))
    return columns


def different(name: str) -> str:
    """SQL that says whether two numbers differ by more than the order of a sum explains."""
    a, b = f'a."{name}"', f'b."{name}"'
    # Where a bound is a root of nearly nothing, half of the digits are left.
    return f"({a} is distinct from {b} and not coalesce(abs({a} - {b}) <= 1e-7 * (1 + abs({b})), false))"


def different_lists(name: str) -> str:
    """The same for lists of numbers."""
    a, b = f'a."{name}"', f'b."{name}"'
    far = (
        "lambda pair: pair[1] is distinct from pair[2] "
        "and not coalesce(abs(pair[1] - pair[2]) <= 1e-9 * (1 + abs(pair[2])), false)"
    )
    return f"(len({a}) is distinct from len({b}) or len(list_filter(list_zip({a}, {b}), {far})) > 0)"


def unpublished(warehouse: Warehouse) -> set[str]:
    """Marts of which readers see other rows than the warehouse holds."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse.path}' as built (read_only)")
        connection.execute(f"attach '{warehouse.published}' as published (read_only)")
        marts = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'built' and schema_name = 'main'"
        ).fetchall()
        return {
            mart
            for (mart,) in marts
            if connection.execute(f"""
                (from built.main.{mart} except all from published.main.{mart})
                union all (from published.main.{mart} except all from built.main.{mart})
            """).fetchall()
        }


# What a table holds when it was built day by day, and at once; None where it is not there.
EQUAL = {
    "main.numbers": ("select 1 as day, 0.1::double + 0.2 as total", "select 1 as day, 0.3::double as total"),
    "staging.gaps": ("select 1 as day, [1, null]::double[] as sums", "select 1 as day, [1, null]::double[] as sums"),
    "intermediate.rows_in_another_order": ("select unnest([1, 2, 2]) as day", "select unnest([2, 1, 2]) as day"),
    "intermediate.columns_in_another_order": ("select 1 as day, 'a' as arm", "select 'a' as arm, 1 as day"),
}
UNEQUAL = {
    "main.only_daily": ("select 1 as day", None),
    "main.only_at_once": (None, "select 1 as day"),
    "main.another_number": ("select 1 as day, 2.5::double as total", "select 1 as day, 2.6::double as total"),
    "main.no_number": ("select 1 as day, null::double as total", "select 1 as day, 0::double as total"),
    "main.a_row_twice": ("select unnest([1, 1]) as day", "select 1 as day"),
    "staging.another_column": ("select 1 as day, 2 as arm", "select 1 as day"),
    "staging.another_type": ("select 1::bigint as day", "select 1::integer as day"),
    "intermediate.another_sum": (
        "select 1 as day, [2.5]::double[] as sums",
        "select 1 as day, [2.6]::double[] as sums",
    ),
    "intermediate.no_sum": ("select 1 as day, [null]::double[] as sums", "select 1 as day, [1]::double[] as sums"),
    "intermediate.one_more_sum": (
        "select 1 as day, [1, 2]::double[] as sums",
        "select 1 as day, [1]::double[] as sums",
    ),
    "intermediate.no_sums": ("select 1 as day, null::double[] as sums", "select 1 as day, [1]::double[] as sums"),
}


def test_every_difference_is_found(tmp_path: Path) -> None:
    """Were one overlooked, all that compare warehouses would be content with it."""
    warehouses = [Warehouse(tmp_path / name, tmp_path) for name in ("daily", "at_once")]
    for place, warehouse in enumerate(warehouses):
        warehouse.folder.mkdir()
        with duckdb.connect(str(warehouse.path)) as connection:
            connection.execute("create schema staging; create schema intermediate")
            for table, rows in (EQUAL | UNEQUAL).items():
                if rows[place]:
                    connection.execute(f"create table {table} as {rows[place]}")

    assert set(differences(*warehouses)) == set(UNEQUAL)
    assert set(differences(*reversed(warehouses))) == set(UNEQUAL)


def test_a_month_day_by_day_equals_the_month_at_once(month: Path, tmp_path: Path) -> None:
    count_days = len(list((month / "events").glob("*.parquet")))
    assert count_days > 31
    (tmp_path / "input").mkdir()
    daily = Warehouse(tmp_path / "daily", tmp_path / "input")
    at_once = Warehouse(tmp_path / "at_once", tmp_path / "input")

    for count in [*range(1, MISSED_DAY), *range(MISSED_DAY + 1, count_days + 1)]:
        load_days_until(month, daily, count)
        if count not in WHOLE_BUILDS and count < count_days:
            run(daily, *WHAT_BUILDS_ON_THE_DAY_BEFORE)
            continue
        run(daily)
        if count in COMPARED_DAYS or count == count_days:
            run(at_once, "--full-refresh")
            assert differences(daily, at_once) == {}
        assert unpublished(daily) == set()

    # Late rows moved numbers of days that had been published, and the log says so.
    [(moved, ordered)] = daily.query(
        "select count(*), bool_and(published_before_at < restated_at) from fct_effect_restatements"
    )
    assert moved > 0
    assert ordered


def test_changed_settings_rebuild_what_depends_on_them(month: Path, tmp_path: Path) -> None:
    """Also of days whose files are gone: which events are purchases is only said in other words."""
    changed = {"session_timeout_minutes": 1, "event_roles": {"impression": ["impression", "click"]}}
    (tmp_path / "input").mkdir()
    daily = Warehouse(tmp_path / "daily", tmp_path / "input")
    at_once = Warehouse(tmp_path / "at_once", tmp_path / "input")
    select = ("--select", "+fct_impressions", "+fct_user_days")
    load_days_until(month, daily, 5)
    run(daily, *select)
    sessions = "select count(*) from fct_sessions"
    [(by_half_hour,)] = daily.query(sessions)

    load_days_until(month, daily, 6)
    run(at_once, *select, variables=changed)
    for file in sorted((daily.input_folder / "events").iterdir())[:5]:
        file.unlink()
    run(daily, *select, variables=changed)

    [(shortest_gap,)] = daily.query(
        "select min(gap) from ("
        "select started_at - lag(ended_at) over (partition by user_id order by started_at) as gap from fct_sessions)"
    )
    assert daily.query(sessions)[0][0] > 2 * by_half_hour
    assert shortest_gap.total_seconds() > 60
    assert differences(daily, at_once) == {}


def test_a_new_attribute_is_null_in_the_rows_before(warehouse: Warehouse) -> None:
    events = warehouse.input_folder / "events"
    events.mkdir()
    header = "event_id,user_id,event_type,occurred_at,loaded_at"
    (events / "1.csv").write_text(
        f"{header}\ne1,ann,view,2026-03-02 09:00,2026-03-03 12:00\ne2,ann,view,2026-03-03 09:00,2026-03-03 12:00\n"
        "e4,,view,2026-03-03 09:00,2026-03-03 12:00\n"
    )
    marts = ("fct_data_quality", "fct_quarantined_rows")
    settings = {"max_quarantined_share": 0.5}

    run(warehouse, "--select", "+fct_data_quality", variables=settings)
    (events / "2.csv").write_text(f"{header},page\ne3,ann,view,2026-03-02 10:00,2026-03-04 12:00,home\n")
    run(warehouse, "--select", "+fct_data_quality", variables=settings)
    daily = [warehouse.query(f"from {mart} order by all") for mart in marts]
    run(warehouse, "--select", "+fct_data_quality", "--full-refresh", variables=settings)

    assert daily == [warehouse.query(f"from {mart} order by all") for mart in marts]
    assert any("page" in row for row in daily[0])
    assert [row[2] for row in daily[1]] == ["user_id is null"]
