"""`python -m benchmarks [name ...] [--events N]`: without a name, all of them."""

import argparse
import os
import time
from importlib import import_module

from benchmarks.measure import Figure, say

NAMES = ("sessionize", "pandas_peer", "daily", "end_to_end", "inference", "moments", "causal", "uplift")


def main() -> None:
    """Run the benchmarks named and print their figures in one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed and memory against references.")
    parser.add_argument(
        "names", nargs="*", metavar="name", choices=[*NAMES, "all"], default="all", help=", ".join(NAMES)
    )
    parser.add_argument("--events", type=int, help="about so many events in place of each benchmark's own number")
    options = parser.parse_args()
    chosen = NAMES if "all" in options.names else [name for name in NAMES if name in options.names]

    figures: list[Figure] = []
    started = time.perf_counter()
    for name in chosen:
        benchmark = import_module(f"benchmarks.{name}")
        figures += benchmark.measure(options.events or benchmark.EVENTS)
    minutes = (time.perf_counter() - started) / 60
    say(f"\n{os.cpu_count()} cores, {minutes:.0f} minutes, data generation included\n")
    say_table(figures)


def say_table(figures: list[Figure]) -> None:
    """Print the figures as a Markdown table."""
    rows = [
        ("benchmark", "figure", "value", "goal"),
        *((f.benchmark, f.name, f.value, f.goal) for f in figures),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for number, row in enumerate(rows):
        say("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
        if number == 0:
            say("|" + "|".join("-" * (width + 2) for width in widths) + "|")


if __name__ == "__main__":
    main()
