"""`lifthouse lineage`: what a column is made of, back to the input, or what is made of it."""

from __future__ import annotations

import argparse
import difflib
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

from lifthouse.lineage.graph import Lineage, Reached
from lifthouse.lineage.origins import Column, normalised
from lifthouse.lineage.project import LineageError, read_lineage
from lifthouse.places import warehouse

_WIDTH = 120


def add_lineage(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the command line."""
    parser = subparsers.add_parser(
        "lineage",
        help="what a column is made of, back to the input",
        description="Print the columns that a column of the last build is made of, table by table, back to the input.",
    )
    parser.add_argument("column", metavar="TABLE.COLUMN", help="such as fct_experiment_effects.p_value")
    parser.add_argument("--downstream", action="store_true", help="print what is made of the column instead")
    parser.add_argument(
        "--target", type=Path, default=Path("target"), help="dbt's target folder (default: %(default)s)"
    )
    parser.set_defaults(run=_lineage)


def _lineage(options: argparse.Namespace) -> int:
    try:
        lineage = read_lineage(options.target, warehouse())
        column = _column(options.column, lineage)
    except LineageError as error:
        print(f"lifthouse lineage: {error}", file=sys.stderr)
        return 2
    found = lineage.downstream(column) if options.downstream else lineage.upstream(column)
    print("\n".join(_lines(found)))
    return 0


def _column(text: str, lineage: Lineage) -> Column:
    """Find the column that is meant.

    Raises:
        LineageError: If there is no such column.

    """
    table_name, _, name = text.partition(".")
    name = normalised(name)
    table = lineage.tables.get(table_name)
    if not table:
        raise LineageError(f"{table_name} is no table.{_did_you_mean(table_name, lineage.tables)}")
    if name not in table.columns:
        known = ", ".join(table.columns)
        raise LineageError(f"{table_name} has no column {name or 'named'}. Expected: one of {known}")
    return Column(table_name, name)


def _did_you_mean(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, names)
    return f" Did you mean {' or '.join(close)}?" if close else ""


def _lines(found: list[Reached]) -> list[str]:
    """Print a table a paragraph, and explain the marks that occur."""
    margin = max(len(reached.table.name) for reached in found) + 2
    lines = [
        line
        for reached in found
        for line in textwrap.wrap(
            _columns(reached),
            _WIDTH,
            initial_indent=reached.table.name.ljust(margin),
            subsequent_indent=" " * margin,
            break_on_hyphens=False,
        )
    ]
    read_whole = "which column goes into which can't be told: all that the model reads"
    legend = {
        "(column)  only decides which rows there are: by a join, a filter or a group": any(r.rows for r in found),
        **{f"{kind:10}{read_whole}": any(r.table.kind == kind for r in found) for kind in ("Python", "unread")},
    }
    return [*lines, *(["", *explained] if (explained := [text for text, occurs in legend.items() if occurs]) else [])]


def _columns(reached: Reached) -> str:
    table = reached.table
    count = len(table.columns)
    values = [f"all {count} columns"] if len(reached.values) == count > 1 else list(reached.values)
    return f"{table.kind:10}" + ", ".join(values + [f"({name})" for name in reached.rows])
