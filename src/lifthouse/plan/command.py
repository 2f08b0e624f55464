"""`lifthouse plan`: how long an experiment would run, from the history of its metrics."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

import duckdb
import pandas as pd

from lifthouse.places import published_marts
from lifthouse.results.planning import EFFECTS_THAT_PLAN, Planned, experiment_plans, history_of_metrics

_SHOWN = {
    "metric_name": "metric",
    "history_experiment_id": "history",
    "count_days": "days",
    "count_units": "units",
    "minimum_detectable_effect": "smallest effect",
    "power": "power",
    "required_units": "required units",
    "required_days": "required days",
}


class PlanError(Exception):
    """A plan that can't be made, with what to do."""


def add_plan(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the command line."""
    parser = subparsers.add_parser(
        "plan",
        help="how long an experiment would run",
        description="Print what an experiment could find, by the last experiment that measured the metric.",
    )
    parser.add_argument(
        "metrics", nargs="*", metavar="METRIC", help="metrics to plan for (default: all with a history)"
    )
    parser.add_argument("--effect", type=float, default=0.05, help="relative effect to be found (default: %(default)s)")
    parser.add_argument(
        "--days", type=int, nargs="+", default=[7, 14, 21, 28, 42], help="lengths (default: 7 14 21 28 42)"
    )
    parser.add_argument("--treatments", type=int, default=1, help="treatments beside control (default: %(default)s)")
    parser.add_argument("--control-share", type=float, help="share of units in control (default: as a treatment)")
    parser.add_argument("--traffic-share", type=float, default=1.0, help="share of the past units a day (default: 1)")
    parser.add_argument("--cluster-size", type=float, default=1.0, help="units assigned together (default: 1)")
    parser.add_argument("--intraclass-correlation", type=float, default=0.0, help="of units of a cluster (default: 0)")
    parser.add_argument("--guardrail", action="store_true", help="rule out harm of the effect's size instead")
    parser.add_argument("--confidence", type=float, default=0.95, help="level of the interval (default: %(default)s)")
    parser.add_argument("--power", type=float, default=0.8, help="power wanted (default: %(default)s)")
    parser.add_argument("--marts", type=Path, help="published marts (default: marts.duckdb beside LIFTHOUSE_WAREHOUSE)")
    parser.add_argument(
        "--write",
        action="store_true",
        help="put it into fct_experiment_plans of the published marts, until the next build",
    )
    parser.set_defaults(run=_plan)


def _plan(options: argparse.Namespace) -> int:
    try:
        marts = published_marts(options.marts)
        planned = Planned(
            effect=options.effect,
            treatments=options.treatments,
            control_share=options.control_share,
            traffic_share=options.traffic_share,
            cluster_size=options.cluster_size,
            intraclass_correlation=options.intraclass_correlation,
            is_guardrail=options.guardrail,
            confidence=options.confidence,
            power=options.power,
        )
        plans = experiment_plans(_history(marts, options.metrics), planned, options.days)
        if options.write:
            _write(marts, plans)
    except (PlanError, ValueError, OSError, duckdb.Error) as error:
        print(f"lifthouse plan: {error}", file=sys.stderr)
        return 2
    print(_table(plans))
    return 0


def _history(marts: Path, metrics: list[str]) -> pd.DataFrame:
    """Read the history of some metrics, or of all that have one."""
    with duckdb.connect(marts, read_only=True) as connection:
        history = history_of_metrics(
            connection.sql(f"select * from fct_experiment_effects where {EFFECTS_THAT_PLAN}").df(),
            dict(
                connection.sql(
                    "select experiment_id, variant_id from dim_experiment_variants where is_control"
                ).fetchall()
            ),
            connection.sql("select * from dim_metrics").df(),
        )
    known = sorted(set(history["metric_name"]))
    unknown = [name for name in metrics if name not in known]
    if unknown or not known:
        raise PlanError(
            f"no experiment has measured {', '.join(unknown) or 'anything'} yet; known are {', '.join(known) or 'none'}"
        )
    return history[history["metric_name"].isin(metrics or known)]


def _write(marts: Path, plans: pd.DataFrame) -> None:
    """Put the plans in place of those of the same metrics: readers see the old file or the new."""
    staged = marts.with_name(f"{marts.name}.plan")
    copied = marts.stat()
    try:
        shutil.copyfile(marts, staged)
        with duckdb.connect(staged) as connection:
            connection.register("plans", plans)
            connection.execute("delete from fct_experiment_plans where metric_name in (select metric_name from plans)")
            connection.execute("insert into fct_experiment_plans by name select * from plans")
        if not os.path.samestat(copied, marts.stat()):
            raise PlanError(f"a build has published {marts} meanwhile, and nothing was written: plan again")
        staged.replace(marts)
    finally:
        for leftover in (staged, staged.with_name(f"{staged.name}.wal")):
            leftover.unlink(missing_ok=True)


def _table(plans: pd.DataFrame) -> str:
    shown = plans[list(_SHOWN)].rename(columns=_SHOWN)
    for name in ("days", "units", "required units", "required days"):
        shown[name] = ["-" if pd.isna(count) else f"{count:,}" for count in shown[name]]
    for name, digits in (("smallest effect", 2), ("power", 0)):
        shown[name] = ["-" if pd.isna(rate) else f"{rate:.{digits}%}" for rate in shown[name]]
    return shown.to_string(index=False)
