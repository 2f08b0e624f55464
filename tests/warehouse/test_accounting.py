"""Every row of the input is counted once, run after run, and a build that can't say so says what to do."""

from tests.warehouse.conftest import Warehouse
from tests.warehouse.small_shop import GOOD, write_input

ACCOUNTS = ("--select", "+assert_every_input_row_is_accounted_for", "--indirect-selection", "cautious")
LENIENT = {"max_quarantined_share": 1}


def test_a_row_that_was_repaired_leaves_the_quarantine(warehouse: Warehouse) -> None:
    timeless = "e11,bob,click,,,lamp,,desktop\n"
    write_input(warehouse.input_folder, GOOD | {"events.csv": GOOD["events.csv"] + timeless})
    warehouse.built(*ACCOUNTS, variables=LENIENT)
    assert warehouse.query("select reason, count_rows from staging.stg_events_rejected") == [("occurred_at is null", 1)]

    repaired = "e11,bob,click,2026-03-18 09:00:00,2026-03-18 12:00:00,lamp,,desktop\n"
    write_input(warehouse.input_folder, {"events.csv": GOOD["events.csv"] + repaired})
    warehouse.built(*ACCOUNTS, variables=LENIENT)

    assert warehouse.query("select * from staging.stg_events_rejected") == []
    assert warehouse.query("select count(*) from staging.stg_events") == [(11,)]


def test_a_row_with_an_old_load_time_is_missed_and_the_build_says_so(warehouse: Warehouse) -> None:
    write_input(warehouse.input_folder, GOOD)
    warehouse.built(*ACCOUNTS)

    old = "e12,bob,click,2026-03-16 11:50:00,2026-03-16 12:00:00,lamp,,desktop\n"
    write_input(warehouse.input_folder, {"events.csv": GOOD["events.csv"] + old})
    run = warehouse.dbt("build", *ACCOUNTS)

    assert run.returncode != 0
    assert "Failure in test assert_every_input_row_is_accounted_for" in run.output
    warehouse.built(*ACCOUNTS, "--full-refresh")
    assert warehouse.query("select count(*) from staging.stg_events") == [(11,)]


def test_files_that_were_read_may_go(warehouse: Warehouse) -> None:
    header, *lines = GOOD["events.csv"].splitlines(keepends=True)
    days = {f"events/{day}.csv": header + "".join(line for line in lines if f"{day} 12:00" in line) for day in (
        "2026-03-16", "2026-03-17",
    )}  # fmt: skip
    write_input(warehouse.input_folder, {"events/2026-03-16.csv": days["events/2026-03-16.csv"]})
    warehouse.built(*ACCOUNTS)
    write_input(warehouse.input_folder, {})
    tested = warehouse.dbt("test", "--select", "assert_every_input_row_is_accounted_for")
    assert tested.returncode == 0, tested.output

    write_input(warehouse.input_folder, {"events/2026-03-17.csv": days["events/2026-03-17.csv"]})
    warehouse.built(*ACCOUNTS)
    warehouse.built(*ACCOUNTS)

    assert warehouse.query("select count(*) from staging.stg_events") == [(10,)]
    # One that was not there then does not hide behind those that went.
    old = "e12,bob,click,2026-03-17 09:50:00,2026-03-17 11:00:00,lamp,,desktop\n"
    write_input(warehouse.input_folder, {"events/2026-03-17.csv": days["events/2026-03-17.csv"] + old})
    run = warehouse.dbt("build", *ACCOUNTS)
    assert run.returncode != 0
    assert "Failure in test assert_every_input_row_is_accounted_for" in run.output


def test_rows_that_were_set_aside_before_are_no_news(warehouse: Warehouse) -> None:
    ahead = "e11,bob,click,2026-03-18 09:00:00,2099-01-01 00:00:00,lamp,,desktop\n"
    timeless = "e12,bob,click,,,lamp,,desktop\n"
    unreadable = "e13,bob,click,2026-03-16 09:00:00,n/a,lamp,,desktop\n"
    write_input(warehouse.input_folder, GOOD | {"events.csv": GOOD["events.csv"] + ahead + timeless + unreadable})
    share = {"max_quarantined_share": 0.25}
    warehouse.built(*ACCOUNTS, variables=share)
    before = warehouse.query("select reason, count_rows from staging.stg_events_rejected order by all")
    assert before == [
        ("loaded_at is in the future", 1),
        ("loaded_at is not a timestamp", 1),
        ("occurred_at is null", 1),
    ]

    warehouse.built(*ACCOUNTS, variables=share)

    assert warehouse.query("select reason, count_rows from staging.stg_events_rejected order by all") == before
    # More of them is news.
    more = "".join(f"x{number}{timeless}" for number in range(3))
    write_input(
        warehouse.input_folder, GOOD | {"events.csv": GOOD["events.csv"] + ahead + timeless + unreadable + more}
    )
    run = warehouse.dbt("build", *ACCOUNTS, variables=share)
    assert run.returncode != 0
    assert "occurred_at is null in 3 of 3 rows (100.00%)" in run.output


def test_no_line_is_taken_for_a_comment(warehouse: Warehouse) -> None:
    numbered = GOOD["events.csv"].replace("event_id,", "", 1)
    for line in numbered.splitlines()[1:]:
        numbered = numbered.replace(f"{line}\n", f"{line.partition(',')[2]},{line.partition(',')[0][1:]}\n")
    numbered = numbered.replace("device\n", "device,event_id\n", 1).replace("bob,", "#7,").replace("ann,", "5,")
    write_input(warehouse.input_folder, {"events.csv": numbered.replace("cat,", "6,")})

    warehouse.built(*ACCOUNTS)

    assert warehouse.query("select user_id, count(*) from staging.stg_events group by 1 order by 1") == [
        ("#7", 2),
        ("5", 5),
        ("6", 3),
    ]


def test_suspects_of_one_load_are_not_used_for_another(warehouse: Warehouse) -> None:
    write_input(warehouse.input_folder, {"events/1.csv": GOOD["events.csv"]})
    warehouse.built(*ACCOUNTS)
    header, *lines = GOOD["events.csv"].splitlines(keepends=True)
    load = [line.replace("2026-03-1", "2026-04-1") for line in lines]
    added = [f"a{line}" for line in load]
    (warehouse.input_folder / "events" / "2.csv").write_text(header + "".join(added))
    before = warehouse.query("from staging.stg_events order by all")

    # The table is of the first load.
    for model in ("stg_events_rejected", "stg_events"):
        run = warehouse.dbt("run", "--select", model)
        assert run.returncode != 0
        assert f"stg_suspect_events is of another load than {model} is to read; nothing was changed." in run.output
        assert "Build both: dbt run --select +stg_events" in run.output

    # A file comes while the run goes on, and has a row of the second once more.
    assert warehouse.dbt("run", "--select", "stg_suspect_events", "stg_events_rejected").returncode == 0
    (warehouse.input_folder / "events" / "3.csv").write_text(header + added[0])
    run = warehouse.dbt("run", "--select", "stg_events")
    assert run.returncode != 0
    assert "stg_suspect_events is of another load than stg_events is to read; nothing was changed." in run.output
    assert warehouse.query("from staging.stg_events order by all") == before

    # The remedy, and a run that failed after it had found the suspects: the same load.
    assert warehouse.dbt("run", "--select", "stg_suspect_events").returncode == 0
    assert warehouse.dbt("run", "--select", "stg_events_rejected", "stg_events").returncode == 0
    assert warehouse.query("select count(*), count(distinct event_id) from staging.stg_events") == [(20, 20)]
    assert warehouse.query("select reason, count_rows from staging.stg_events_rejected") == [
        ("event_id is a duplicate", 1)
    ]


def test_a_refresh_that_was_cut_off_is_completed_by_the_next_run(warehouse: Warehouse) -> None:
    sessions = ("--select", "+fct_user_days", "--indirect-selection", "cautious")
    write_input(warehouse.input_folder, GOOD)
    warehouse.built(*sessions)
    corrected = GOOD["events.csv"].replace("e6,bob,click", "e6,bob,purchase")
    write_input(warehouse.input_folder, GOOD | {"events.csv": corrected})
    assert warehouse.dbt("run", "--full-refresh", "--select", "+stg_events").returncode == 0

    warehouse.built(*sessions)

    for mart in ("fct_sessions", "fct_user_days"):
        assert warehouse.query(f"select sum(count_clicks), sum(count_purchases) from {mart}") == [(1, 3)]


def test_a_refresh_that_was_cut_off_before_the_events_is_begun_again_by_the_next_run(warehouse: Warehouse) -> None:
    write_input(warehouse.input_folder, GOOD)
    warehouse.built(*ACCOUNTS)
    write_input(warehouse.input_folder, GOOD | {"events.csv": GOOD["events.csv"].replace("20.5,phone", "25.5,phone")})
    refreshed = warehouse.dbt("run", "--full-refresh", "--select", "stg_suspect_events")
    assert refreshed.returncode == 0, refreshed.output

    warehouse.built(*ACCOUNTS)

    assert warehouse.query("select max(revenue) from staging.stg_events") == [(25.5,)]


def test_what_a_run_built_of_a_table_left_out_is_built_again(warehouse: Warehouse) -> None:
    chosen = ("--select", "+fct_impressions", "--indirect-selection", "cautious")
    impressions = "from fct_impressions order by impression_id"
    header, *lines = GOOD["events.csv"].splitlines(keepends=True)
    first = header + "".join(line for line in lines if "2026-03-16 12:00" in line)
    write_input(warehouse.input_folder, GOOD | {"events.csv": first})
    warehouse.built(*chosen)

    # The impressions of the second load come without its purchase.
    write_input(warehouse.input_folder, GOOD)
    run = warehouse.dbt("run", *chosen, "--exclude", "int_conversions_credited")
    assert run.returncode == 0, run.output
    assert len(warehouse.query(impressions)) == 4

    warehouse.built(*chosen)
    caught_up = warehouse.query(impressions)
    warehouse.built(*chosen, "--full-refresh")
    assert caught_up == warehouse.query(impressions)
