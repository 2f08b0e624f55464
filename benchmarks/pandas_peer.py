"""Sessions and stitched impressions by pandas and by lifthouse, from the same files."""

import json
import sys
from pathlib import Path
from statistics import median_low

from benchmarks.demo import CACHE, demo_data
from benchmarks.measure import GIB, Figure, Run, run, say
from benchmarks.warehouse import Warehouse, fresh_warehouse

EVENTS = 20_000_000
TURNS = 3


def measure(events: int) -> list[Figure]:
    """Run each from files to tables in processes of its own, in turns, and compare the results."""
    data = demo_data(events)
    # Nothing but the machine bounds the memory of either.
    warehouse = fresh_warehouse("pandas-peer", data, memory="")
    # dbt reads the project once for all runs that follow; the first of a warehouse takes seconds longer.
    warehouse.dbt("parse")
    turns = [(_pandas(data), _lifthouse(warehouse)) for _ in range(TURNS)]
    same_work, own = (median_low(runs) for runs in zip(*turns, strict=True))
    last_touch_only = _pandas(data, "--last-touch-only")
    by_pandas, by_lifthouse = json.loads(same_work.output.splitlines()[-1]), _totals(warehouse)
    warehouse.drop()
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


def _pandas(data: Path, *options: str) -> Run:
    command = [sys.executable, "-m", "benchmarks.pandas_sessions", str(data), str(CACHE / "pandas"), *options]
    return _said(" ".join(["pandas", *options]), run(command, {}, CACHE / "logs" / "pandas.txt"))


def _lifthouse(warehouse: Warehouse) -> Run:
    return _said("lifthouse", warehouse.dbt("run", "--full-refresh", "--select", "+fct_impressions"))


def _said(name: str, done: Run) -> Run:
    say(f"pandas_peer: {name} {done.seconds:.1f} s, {done.peak_bytes / GIB:.2f} GiB at most")
    return done


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
