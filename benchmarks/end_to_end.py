"""From files to published marts at two sizes: how the time grows, and whether memory stays bounded."""

import math

from benchmarks.demo import count_events, demo_data
from benchmarks.measure import GB, GIB, Figure, Run, disk_bytes, say
from benchmarks.warehouse import MEMORY, fresh_warehouse, say_slowest

EVENTS = 100_000_000


def measure(events: int) -> list[Figure]:
    """Build `events` and a tenth of them from scratch."""
    sizes = [events // 10, events]
    runs, counts, figures = [], [], []
    for size in sizes:
        data = demo_data(size)
        built, on_disk = _build(size)
        runs.append(built)
        counts.append(count_events(data))
        figures += [
            Figure("end_to_end", f"{counts[-1]:,} events: seconds", f"{built.seconds:.0f}"),
            Figure(
                "end_to_end",
                f"{counts[-1]:,} events: peak memory, GiB (LIFTHOUSE_MEMORY={MEMORY})",
                f"{built.peak_bytes / GIB:.2f}",
                "<= 8",
            ),
            Figure(
                "end_to_end",
                f"{counts[-1]:,} events: disk, GB of warehouse / input",
                f"{on_disk / GB:.2f} / {disk_bytes(data) / GB:.2f}",
            ),
        ]
    exponent = math.log(runs[1].seconds / runs[0].seconds) / math.log(counts[1] / counts[0])
    return [*figures, Figure("end_to_end", "growth exponent of seconds", f"{exponent:.2f}", "about 1")]


def _build(events: int) -> tuple[Run, int]:
    say(f"end_to_end: dbt build --full-refresh of {events:,} events")
    warehouse = fresh_warehouse(f"end-to-end-{events}", demo_data(events))
    built = warehouse.build("--full-refresh")
    say(f"  {built.seconds:.0f} s, {built.peak_bytes / GIB:.2f} GiB at most")
    say_slowest(f"{events:,} events")
    on_disk = disk_bytes(warehouse.folder)
    if not warehouse.published.exists():
        raise SystemExit("end_to_end: nothing was published")
    warehouse.drop()
    return built, on_disk
