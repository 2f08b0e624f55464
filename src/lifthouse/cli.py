"""The `lifthouse` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lifthouse.demo.command import add_demo
from lifthouse.lineage.command import add_lineage
from lifthouse.plan.command import add_plan
from lifthouse.recipes.command import add_prepare
from lifthouse.report.command import add_report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the result is the exit code."""
    parser = argparse.ArgumentParser(prog="lifthouse", description="An experimentation platform that is a dbt project.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_demo(commands)
    add_prepare(commands)
    add_plan(commands)
    add_lineage(commands)
    add_report(commands)
    options = parser.parse_args(arguments)
    return int(options.run(options))


if __name__ == "__main__":
    sys.exit(main())
