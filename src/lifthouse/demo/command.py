"""`lifthouse demo`: data with a known truth as input."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_demo(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="write demo data with a known truth",
        description="Write the events, exposures, users, items and observations of a made-up shop and SaaS "
        "product, with seven experiments whose true effects are in OUT/truth. "
        "The same users, days and seed give the same tables.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("data/demo"), help="folder to write, or to replace")
    parser.add_argument("--users", type=int, default=40_000, help="number of users, at least 1000")
    parser.add_argument("--days", type=int, default=44, help="days of events before 2026-04-01, at least 30")
    parser.add_argument("--seed", type=int, default=42, help="seed of the random numbers, 0 or more")
    parser.set_defaults(run=_demo)


def _demo(options: argparse.Namespace) -> int:
    from lifthouse.demo.generate import generate_demo  # noqa: PLC0415 - slow, and only this command needs it
    from lifthouse.demo.write import DemoError  # noqa: PLC0415

    try:
        generate_demo(options.out, options.users, options.days, options.seed, _to_stderr)
    except (DemoError, OSError) as error:
        _to_stderr(f"lifthouse demo: {error}")
        return 2
    return 0


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
