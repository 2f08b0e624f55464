"""`lifthouse prepare`: public data as input."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from lifthouse.reading import LimitError
from lifthouse.recipes import RecipeError, prepare, recipe_names


def add_prepare(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the command line."""
    parser = subparsers.add_parser(
        "prepare",
        help="turn a public data set into input",
        description="Write OUT/events.parquet and OUT/vars.yml; `make build DATA=OUT` builds them.",
    )
    parser.add_argument("recipe", help=f"{', '.join(recipe_names())}, or a .sql file of your own")
    parser.add_argument("file", type=Path, help="the public file: Parquet, or CSV with a header")
    parser.add_argument("--out", type=Path, help="folder to write (default: data/RECIPE)")
    parser.set_defaults(run=_prepare)


def _prepare(options: argparse.Namespace) -> int:
    out = options.out or Path("data") / Path(options.recipe).stem
    try:
        count = prepare(options.recipe, options.file, out)
    except (RecipeError, LimitError, OSError) as error:
        print(f"lifthouse prepare: {error}", file=sys.stderr)
        return 2
    # A warehouse of its own: built into the demo's, these events would take the place of the demo.
    warehouse = Path("warehouse") / out.name / "lifthouse.duckdb"
    build = f"make build DATA={shlex.quote(str(out))} LIFTHOUSE_WAREHOUSE={shlex.quote(str(warehouse))}"
    print(f"lifthouse prepare: {count:,} events in {out}. Next: {build}", file=sys.stderr)
    return 0
