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
    assert warehouse.dbt("run", "--select", "stg_events").returncode != 0
    assert warehouse.query("from staging.stg_events order by all") == before

    # The remedy, and a run that failed after it had found the suspects: the same load.
    assert warehouse.dbt("run", "--select", "stg_suspect_events").returncode == 0
    assert warehouse.dbt("run", "--select", "stg_events_rejected", "stg_events").returncode == 0
    assert warehouse.query("select count(*), count(distinct event_id) from staging.stg_events") == [(20, 20)]
    assert warehouse.query("select reason, count_rows from staging.stg_events_rejected") == [
        ("event_id is a duplicate", 1)
    ]
