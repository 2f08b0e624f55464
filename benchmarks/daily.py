"""One more day into a month's warehouse, against building the whole month again."""

import os
import shutil
from pathlib import Path

import duckdb

from benchmarks.demo import CACHE, DAYS, demo_data, load_days
from benchmarks.measure import GIB, Figure, say
from benchmarks.warehouse import Warehouse, fresh_warehouse, say_slowest

EVENTS = 30_000_000
_COMPARED = {
    "fct_sessions": "sum(count_events)",
    "fct_impressions": "sum(count_clicks)",
    "fct_user_days": "sum(count_sessions)",
}


# What is built; the second is not the whole project, and so not published.
_SCOPES = {"all models": (), "without experiments": ("--exclude", "int_units_segmented+")}


def measure(events: int) -> list[Figure]:
    """Build all days but the last, then the last day alone, then everything from scratch."""
    return [figure for scope in _SCOPES for figure in _measure(events, scope)]


def _measure(events: int, scope: str) -> list[Figure]:
    data = demo_data(events)
    input_folder = CACHE / "daily-input"
    shutil.rmtree(input_folder, ignore_errors=True)
    warehouse = fresh_warehouse("daily", input_folder)
    say(f"daily, {scope}: {DAYS - 1} days of {events:,} events, built in full")
    _show_load_days(data, input_folder, DAYS - 1)
    warehouse.build("--full-refresh", *_SCOPES[scope])

    _show_load_days(data, input_folder, DAYS)
    day = warehouse.build(*_SCOPES[scope])
    say(f"  day {DAYS}: {day.seconds:.1f} s, {day.peak_bytes / GIB:.2f} GiB at most")
    say_slowest(f"day {DAYS}")
    by_day = _totals(warehouse)
    warehouse.drop()

    warehouse = fresh_warehouse("daily", input_folder)
    month = warehouse.build("--full-refresh", *_SCOPES[scope])
    say(f"  all {DAYS} days: {month.seconds:.1f} s, {month.peak_bytes / GIB:.2f} GiB at most")
    say_slowest(f"all {DAYS} days")
    at_once = _totals(warehouse)
    warehouse.drop()
    return [
        Figure(
            "daily",
            f"{events:,} events, {scope}: seconds of the day / of the month",
            f"{day.seconds:.1f} / {month.seconds:.1f} = {day.seconds / month.seconds:.2f}",
            "<= 0.10",
        ),
        Figure("daily", "same totals either way", "yes" if by_day == at_once else f"{by_day} / {at_once}", "yes"),
    ]


def _show_load_days(data: Path, input_folder: Path, count: int) -> None:
    """Make the input what it was after so many load days: later events and exposures had not come."""
    (input_folder / "events").mkdir(parents=True, exist_ok=True)
    days = load_days(data)[:count]
    for path in [*days, *(data / f"{name}.parquet" for name in ("users", "items", "observations"))]:
        target = input_folder / path.relative_to(data)
        if not target.exists():
            os.link(path, target)
    exposures = duckdb.sql(f"from '{data}/exposures.parquet' where exposed_at < date '{days[-1].stem}' + 1")
    exposures.write_parquet(str(input_folder / "exposures.parquet"))


def _totals(warehouse: Warehouse) -> dict[str, tuple[int, int]]:
    """Rows and a sum of the marts that a day adds to."""
    totals = {}
    with warehouse.connect() as connection:
        for table, total in _COMPARED.items():
            count, summed = connection.execute(f"select count(*), {total} from {table}").fetchall()[0]
            totals[table] = (int(count), int(summed))
    return totals
