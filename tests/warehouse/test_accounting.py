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
    assert "assert_every_input_row_is_accounted_for" in run.output
    warehouse.built(*ACCOUNTS, "--full-refresh")
    assert warehouse.query("select count(*) from staging.stg_events") == [(11,)]
