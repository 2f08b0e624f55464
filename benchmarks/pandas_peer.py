"""Sessions and stitched impressions by pandas and by lifthouse, from the same files."""

import json
import sys

from benchmarks.demo import CACHE, demo_data
from benchmarks.measure import GIB, Figure, run, say
from benchmarks.warehouse import Warehouse, fresh_warehouse

EVENTS = 20_000_000


def measure(events: int) -> list[Figure]:
    """Run both from files to tables, each in its own process, and compare the results."""
    data = demo_data(events)
    output = CACHE / "pandas"
    command = [sys.executable, "-m", "benchmarks.pandas_sessions", str(data), str(output)]
    peer = run(command, {}, CACHE / "logs" / "pandas.txt")
    by_pandas = json.loads(peer.output.splitlines()[-1])
    say(f"pandas_peer: pandas {peer.seconds:.1f} s, {peer.peak_bytes / GIB:.2f} GiB at most")

    warehouse = fresh_warehouse("pandas-peer", data)
    own = warehouse.dbt("run", "--full-refresh", "--select", "+fct_impressions")
    by_lifthouse = _totals(warehouse)
    warehouse.drop()
    say(f"pandas_peer: lifthouse {own.seconds:.1f} s, {own.peak_bytes / GIB:.2f} GiB at most")
    say(f"  pandas found {by_pandas}, lifthouse {by_lifthouse}")
    return [
        Figure(
            "pandas_peer",
            f"{events:,} events: seconds, lifthouse / pandas",
            f"{own.seconds:.1f} / {peer.seconds:.1f}",
        ),
        Figure("pandas_peer", "lifthouse's seconds, times pandas'", f"{own.seconds / peer.seconds:.2f}", "<= 1"),
        Figure(
            "pandas_peer",
            "peak memory in GiB, lifthouse / pandas",
            f"{own.peak_bytes / GIB:.2f} / {peer.peak_bytes / GIB:.2f}",
        ),
        Figure(
            "pandas_peer",
            "lifthouse's memory, times pandas'",
            f"{own.peak_bytes / peer.peak_bytes:.2f}",
            "<= 1",
        ),
        Figure(
            "pandas_peer",
            "same sessions and last-touch clicks",
            "yes" if by_pandas == by_lifthouse else f"{by_lifthouse} / {by_pandas}",
            "yes",
        ),
    ]


def _totals(warehouse: Warehouse) -> dict[str, int]:
    with warehouse.connect() as connection:
        sessions = connection.execute("select count(*) from fct_sessions").fetchall()[0][0]
        impressions, clicks = connection.execute("select count(*), sum(count_clicks) from fct_impressions").fetchall()[
            0
        ]
    return {"sessions": int(sessions), "impressions": int(impressions), "clicks": int(clicks)}
