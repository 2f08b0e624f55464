"""`lifthouse report`: the published marts as a page that opens in any browser."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import duckdb

from lifthouse.places import published_marts
from lifthouse.report.marts import ReportError, read_marts
from lifthouse.report.page import page


def add_report(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the command line."""
    parser = subparsers.add_parser(
        "report",
        help="the published marts as a page",
        description="Write decisions, effects, health and the clickstream as one page of HTML that needs nothing else.",
    )
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help="experiments to show (default: all)")
    parser.add_argument("--marts", type=Path, help="published marts (default: marts.duckdb beside LIFTHOUSE_WAREHOUSE)")
    parser.add_argument("--out", type=Path, help="file to write (default: report.html beside the marts)")
    parser.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    try:
        marts = published_marts(options.marts)
        out = options.out or marts.with_name("report.html")
        with duckdb.connect(marts, read_only=True) as connection:
            written = page(read_marts(connection, options.experiments))
        staged = out.with_name(f"{out.name}.next")
        staged.write_text(written, encoding="utf-8")
        staged.replace(out)
    except (ReportError, OSError, duckdb.Error) as error:
        print(f"lifthouse report: {error}", file=sys.stderr)
        return 2
    print(out)
    return 0
