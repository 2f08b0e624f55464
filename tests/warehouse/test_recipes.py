"""Real public data through the recipes, held against what was computed from the same files without lifthouse."""

import argparse
import json
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import yaml

from lifthouse.recipes import RecipeError, prepare, recipe_names
from lifthouse.recipes.command import add_prepare
from tests.warehouse.conftest import WITHOUT_UNIT_TESTS


@pytest.fixture(scope="module")
def reference(public_data: Path) -> dict[str, Any]:
    return json.loads((public_data / "reference.json").read_text())["datasets"]


def _built_from(name: str, source: Path, warehouse):
    prepare(name, source, warehouse.input_folder)
    warehouse.built(
        "--full-refresh",
        *WITHOUT_UNIT_TESTS,
        variables=yaml.safe_load((warehouse.input_folder / "vars.yml").read_text()),
    )
    return warehouse


@pytest.fixture(scope="module")
def taobao(public_data: Path, make_warehouse):
    return _built_from("taobao", public_data / "taobao_userbehavior_slice.parquet", make_warehouse())


@pytest.fixture(scope="module")
def online_retail(public_data: Path, make_warehouse):
    return _built_from("online_retail", public_data / "online_retail_uci.parquet", make_warehouse())


def test_taobao_has_the_reference_users_events_and_sessions(taobao, reference):
    expected = reference["taobao_userbehavior_slice"]["computed"]
    by_type = taobao.query("select event_type, count(*) from staging.stg_events group by 1")
    assert dict(by_type) == expected["event_counts"]
    assert taobao.query_published("select count(*), count(distinct user_id), sum(count_events) from fct_sessions") == [
        (expected["sessions_gap_gt_30min"], expected["users"], expected["rows"])
    ]
    assert taobao.query_published("select count(*) from dim_users") == [(expected["users"],)]
    assert taobao.query_published("select count(*) from dim_items") == [(expected["items"],)]
    assert taobao.query_published("select count(*) from fct_quarantined_rows") == [(0,)]


def test_taobao_has_the_reference_funnel(taobao, reference):
    expected = reference["taobao_userbehavior_slice"]["computed"]
    steps = taobao.query_published(
        """
        select step_name, count_users, count_users_in_any_order
        from fct_funnel_steps
        where funnel_name = 'purchase'
        order by step_number
        """
    )
    names = ["pv", "cart", "buy"]
    assert [step[0] for step in steps] == names
    assert [step[1] for step in steps] == expected["ordered_user_funnel_pv_cart_buy"]
    assert [step[2] for step in steps] == [expected["users_with"][name] for name in names]


def test_online_retail_reconciles_to_the_last_row(online_retail, reference):
    expected = reference["online_retail_uci"]["computed"]
    ((staged, revenue, users),) = online_retail.query(
        "select count(*), sum(revenue), count(distinct user_id) from staging.stg_events"
    )
    quarantined = {
        row[0]: row[1:]
        for row in online_retail.query_published(
            """
            select
                reason,
                sum(count_rows)::bigint,
                count(*),
                sum(count_rows * (raw_row ->> 'revenue')::double)
            from fct_quarantined_rows
            group by 1
            """
        )
    }
    assert set(quarantined) == {"user_id is null", "event_id is a duplicate"}
    without_customer, distinct_without_customer, revenue_without_customer = quarantined["user_id is null"]
    copies, _, revenue_of_copies = quarantined["event_id is a duplicate"]

    assert users == expected["customers"]
    assert without_customer == expected["rows_without_customer"]
    assert staged + without_customer + copies == expected["rows"]
    # A line without a customer may also come twice: it is set aside as what it lacks, and counted with its copies.
    assert copies + without_customer - distinct_without_customer == expected["exact_duplicate_rows"]
    assert revenue + revenue_without_customer + revenue_of_copies == pytest.approx(expected["total_amount"], abs=0.001)


def test_online_retail_keeps_cancellations_and_adjustments(online_retail, reference):
    expected = reference["online_retail_uci"]["computed"]
    rows = online_retail.query(
        """
        with every_row as (
            select event_type, revenue, 1 as count_rows from staging.stg_events
            union all
            select raw_row ->> 'event_type', (raw_row ->> 'revenue')::double, count_rows from fct_quarantined_rows
        )

        select event_type, sum(count_rows)::bigint, min(revenue), max(revenue) from every_row group by 1
        """
    )
    ranges = {row[0]: row[1:] for row in rows}
    assert set(ranges) == {"purchase", "cancellation", "adjustment"}
    assert ranges["cancellation"][0] == expected["cancellation_rows"]
    assert ranges["cancellation"][2] < 0
    assert ranges["purchase"][1] > 0
    assert sum(count for count, *_ in ranges.values()) == expected["rows"]


def test_online_retail_retains_customers_as_pandas_says(online_retail, public_data):
    lines = pd.read_parquet(public_data / "online_retail_uci.parquet").dropna(subset="CustomerID")
    month = lines.InvoiceDate.dt.year * 12 + lines.InvoiceDate.dt.month
    cohort = month.groupby(lines.CustomerID).transform("min")
    active = lines.assign(cohort=cohort, offset=month - cohort).groupby(["cohort", "offset"]).CustomerID.nunique()
    # The data end on 9 December 2011, so that month is not over.
    last_month = 2011 * 12 + 12
    expected = {
        (first, offset): (
            active[first, 0],
            active.get((first, offset), 0) if first + offset < last_month else None,
        )
        for first in sorted(set(cohort))
        for offset in range(13)
        if first + offset <= last_month
    }
    rows = online_retail.query_published(
        """
        select
            year(cohort_period) * 12 + month(cohort_period) as cohort,
            period_offset,
            count_users,
            count_active
        from fct_cohort_retention
        where period_kind = 'month' and experiment_id = 'all'
        """
    )
    found = {(row[0], row[1]): row[2:] for row in rows}
    assert len(expected) == 91
    assert {key: found[key] for key in expected} == expected
    # Nothing is said of months that are to come.
    assert {active for key, (_, active) in found.items() if key not in expected} == {None}


def test_recipe_reads_csv_with_a_header(tmp_path):
    source = tmp_path / "it's UserBehavior.csv"
    source.write_text("user_id,item_id,category_id,behavior,ts\n543462,1715,1464116,pv,1511658000\n")
    assert prepare("taobao", source, tmp_path / "out") == 1
    events = duckdb.sql(f"from '{tmp_path}/out/events.parquet'")
    assert [str(value) for value in events.fetchall()[0]] == [
        "1", "543462", "pv", "2017-11-26 01:00:00", "1715", "1464116",
    ]  # fmt: skip
    assert yaml.safe_load((tmp_path / "out" / "vars.yml").read_text())["event_roles"]["purchase"] == ["buy"]


def test_recipe_reads_the_dates_of_excel_and_knows_the_same_lines_by_them(tmp_path):
    lines = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HANGING HEART,6,{first},2.55,17850,United Kingdom
C536379,D,Discount,-1,{second},27.5,14527,United Kingdom
"""
    dates = {
        "iso.csv": ("2010-12-01 08:26:00", "2010-12-13 09:41:00"),
        "excel.CSV": ("12/1/2010 8:26", "12/13/2010 9:41"),
    }
    read = []
    for name, (first, second) in dates.items():
        (tmp_path / name).write_text(lines.format(first=first, second=second))
        assert prepare("online_retail", tmp_path / name, tmp_path / "out") == 2
        read.append(duckdb.sql(f"from '{tmp_path}/out/events.parquet'").fetchall())
    assert read[0] == read[1]
    assert [str(row[3]) for row in read[0]] == ["2010-12-01 08:26:00", "2010-12-13 09:41:00"]
    # With the day first it would be guesswork.
    (tmp_path / "british.csv").write_text(lines.format(first="1/12/2010 8:26", second="13/12/2010 9:41"))
    with pytest.raises(RecipeError, match=r"with values as it reads them\. DuckDB says: .*13/12/2010 9:41.*%m/%d/%Y"):
        prepare("online_retail", tmp_path / "british.csv", tmp_path / "out")


def test_recipe_takes_no_line_for_a_comment(tmp_path):
    source = tmp_path / "clicks.csv"
    source.write_text("user_id,item_id,category_id,behavior,ts\n#1,2,3,pv,1\n#2,2,3,pv,2\n#3,2,3,pv,3\n4,2,3,pv,4\n")
    assert prepare("taobao", source, tmp_path / "out") == 4
    users = duckdb.sql(f"select user_id from '{tmp_path}/out/events.parquet' order by occurred_at").fetchall()
    assert users == [("#1",), ("#2",), ("#3",), ("4",)]


def test_recipe_of_ones_own(tmp_path):
    (tmp_path / "mine.sql").write_text(
        "select id as Event_ID, who as user_id, 'visit' as event_type, day as occurred_at from $source;\n"
    )
    (tmp_path / "mine.vars.yml").write_text("max_quarantined_share: 0.1\n")
    (tmp_path / "visits.csv").write_text("id,who,day\n1,ann,2026-03-01\n2,bob,2026-03-02\n")
    assert prepare(str(tmp_path / "mine.sql"), tmp_path / "visits.csv", tmp_path / "out") == 2
    (tmp_path / "mine.sql").write_text("select 1 as event_id, * from $source")
    with pytest.raises(RecipeError, match=r"yields no column user_id, event_type, occurred_at\. Expected: .*"):
        prepare(str(tmp_path / "mine.sql"), tmp_path / "visits.csv", tmp_path / "out")


def test_recipe_that_fails_leaves_what_was_there(tmp_path):
    out = tmp_path / "out"
    good = tmp_path / "good.csv"
    good.write_text("user_id,item_id,category_id,behavior,ts\n1,2,3,pv,1511658000\n")
    prepare("taobao", good, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    bad = tmp_path / "bad.csv"
    bad.write_text("user_id,item_id\n1,2\n")
    unreadable = tmp_path / "unreadable.parquet"
    unreadable.write_bytes(b"PAR1 not really")
    for name, source, fragment in [
        ("taobao", bad, r"bad\.csv: recipe taobao can't read it\. Expected: the columns .*behavior"),
        ("taobao", unreadable, r"unreadable\.parquet: recipe taobao can't read it"),
        ("taobao", tmp_path / "none.csv", r"none\.csv can't be read\. Expected: a file ending in"),
        ("taobao", tmp_path, "can't be read. Expected: a file ending in"),
        ("no_such", good, "is not there. Expected: one of the recipes online_retail, taobao"),
    ]:
        with pytest.raises(RecipeError, match=fragment):
            prepare(name, source, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_recipe_keeps_to_the_limits_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("LIFTHOUSE_CORES", "1")
    source, recipe = tmp_path / "source.csv", tmp_path / "mine.sql"
    source.write_text("seen\n2026-03-01 10:00:00\n")
    recipe.write_text(
        "select current_setting('threads') as event_id, 'u' as user_id, 'view' as event_type, seen as occurred_at\n"
        "from $source"
    )
    recipe.with_suffix(".vars.yml").write_text("{}\n")
    prepare(str(recipe), source, tmp_path / "out")
    events = duckdb.sql(f"select event_id from '{tmp_path / 'out' / 'events.parquet'}'").fetchall()
    assert events == [(1,)]


def test_prepare_command(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    add_prepare(parser.add_subparsers())
    source = tmp_path / "clicks.csv"
    source.write_text("user_id,item_id,category_id,behavior,ts\n1,2,3,pv,1511658000\n")
    out = tmp_path / "my clicks"

    options = parser.parse_args(["prepare", "taobao", str(source), "--out", str(out)])
    assert options.run(options) == 0
    said = (
        f"1 events in {out}. Next: make build DATA='{out}' LIFTHOUSE_WAREHOUSE='warehouse/my clicks/lifthouse.duckdb'"
    )
    assert said in capsys.readouterr().err

    options = parser.parse_args(["prepare", "taobao", str(tmp_path / "none.csv"), "--out", str(out)])
    assert options.run(options) == 2
    assert "lifthouse prepare: " in capsys.readouterr().err
    assert recipe_names() == ["online_retail", "taobao"]
