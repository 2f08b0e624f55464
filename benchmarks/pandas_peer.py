"""Sessions and stitched impressions by pandas and by lifthouse, from the same files."""

import json
import sys
from pathlib import Path

from benchmarks.demo import CACHE, demo_data
from benchmarks.measure import GIB, Figure, Run, run, say
from benchmarks.warehouse import Warehouse, fresh_warehouse

EVENTS = 20_000_000


def measure(events: int) -> list[Figure]:
    """Run each from files to tables in its own process, and compare the results."""
    data = demo_data(events)
    same_work, by_pandas = _pandas(data)
    last_touch_only, _ = _pandas(data, "--last-touch-only")
    warehouse = fresh_warehouse("pandas-peer", data)
    # dbt reads the project once for all runs that follow; the first of a warehouse takes seconds longer.
    warehouse.dbt("parse")
    own = warehouse.dbt("run", "--full-refresh", "--select", "+fct_impressions")
    by_lifthouse = _totals(warehouse)
    warehouse.drop()
    say(f"pandas_peer: lifthouse {own.seconds:.1f} s, {own.peak_bytes / GIB:.2f} GiB at most")
    say(f"  pandas found {by_pandas}, lifthouse {by_lifthouse}")
    return [
        *_figures(own, same_work, f"{events:,} events, the same work", "<= 0.5"),
        *_figures(own, last_touch_only, f"{events:,} events, pandas finds last touches only", ""),
        Figure(
            "pandas_peer",
            "same sessions, impressions and clicks, by last touch and by time decay",
            "yes" if by_pandas == by_lifthouse else f"{by_lifthouse} / {by_pandas}",
            "yes",
        ),
    ]


def _pandas(data: Path, *options: str) -> tuple[Run, dict[str, int]]:
    command = [sys.executable, "-m", "benchmarks.pandas_sessions", str(data), str(CACHE / "pandas"), *options]
    done = run(command, {}, CACHE / "logs" / "pandas.txt")
    say(f"pandas_peer: pandas {' '.join(options)} {done.seconds:.1f} s, {done.peak_bytes / GIB:.2f} GiB at most")
    totals: dict[str, int] = json.loads(done.output.splitlines()[-1])
    return done, totals


def _figures(own: Run, peer: Run, what: str, goal: str) -> list[Figure]:
    seconds, memory = (own.seconds, peer.seconds), (own.peak_bytes / GIB, peer.peak_bytes / GIB)
    return [
        Figure("pandas_peer", f"{what}: seconds, lifthouse / pandas", _ratio(*seconds, digits=1), goal),
        Figure("pandas_peer", f"{what}: peak GiB, lifthouse / pandas", _ratio(*memory, digits=2)),
    ]


def _ratio(own: float, peer: float, *, digits: int) -> str:
    return f"{own:.{digits}f} / {peer:.{digits}f} = {own / peer:.2f}"


def _totals(warehouse: Warehouse) -> dict[str, int]:
    names = ("sessions", "impressions", "clicks", "decayed_clicks")
    with warehouse.connect() as connection:
        [counts] = connection.execute("""
            select
                (select count(*) from fct_sessions),
                count(*), sum(count_clicks), round(sum(decayed_clicks))
            from fct_impressions
        """).fetchall()
    return {name: int(count) for name, count in zip(names, counts, strict=True)}
