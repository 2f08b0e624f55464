"""Lays the rows of the marts out as one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

from jinja2 import Environment, PackageLoader, StrictUndefined

from lifthouse.report import numbers
from lifthouse.report.charts import Lines, Scale, interval_scale, lines
from lifthouse.report.marts import Marts, Row

_INTERVAL_WIDTH = 140
_FUNNEL_WIDTH = 320
# Columns of an interval: lower end, estimate, upper end.
_RELATIVE = ("relative_ci_lower", "relative_effect", "relative_ci_upper")
_ADJUSTED = ("ci_lower", "estimate", "ci_upper")
_OBSERVED = ("observed_ci_lower", "observed_effect", "observed_ci_upper")


def page(marts: Marts) -> str:
    """Write the page as HTML, with nothing to be fetched. The same marts give the same page."""
    environment = Environment(
        loader=PackageLoader("lifthouse.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(numbers, name) for name in ("amount", "change", "share", "p_value", "words")}
    everything = marts.of_everything
    return environment.get_template("page.html").render(
        experiments=[_experiment(row, marts.of_experiments[str(row["experiment_id"])]) for row in marts.experiments],
        activity=_activity(everything["days"]),
        funnels=_funnels(everything["funnels"]),
        retention=_retention(everything["retention"]),
        quarantined=everything["quarantined"],
        warnings=everything["warnings"],
        as_of=max((row["activity_date"] for row in everything["days"]), default=None),
    )


def _experiment(decision: Row, rows: dict[str, list[Row]]) -> Row:
    arms = rows.get("arms", [])
    checks = rows.get("checks", [])
    count_units = sum(arm["count_units"] for arm in arms)
    return {
        **decision,
        "arms": [arm | {"share": arm["count_units"] / count_units if count_units else None} for arm in arms],
        "findings": [check for check in checks if check["status"] in ("fail", "warn")],
        "count_checks": Counter(check["status"] for check in checks),
        "verdicts": _beside_intervals(rows.get("verdicts", []), _RELATIVE),
        "trends": _trends(rows.get("days", [])),
        "segments": _tables_of_intervals(rows.get("segments", []), _RELATIVE),
        # Metrics have units of their own: each has its own scale.
        "causal": [drawn for row in rows.get("causal", []) for drawn in _beside_intervals([row], _ADJUSTED)],
        "refuted": rows.get("refuted", []),
        "tiers": _tables_of_intervals(rows.get("tiers", []), _OBSERVED),
    }


def _by_comparison(rows: Iterable[Row]) -> list[tuple[Row, list[Row]]]:
    """Group rows that lie side by side by metric and treatment."""
    names = ("metric_name", "treatment_variant_id")
    groups = groupby(rows, lambda row: tuple(row[name] for name in names))
    return [(dict(zip(names, key, strict=True)), list(found)) for key, found in groups]


def _tables_of_intervals(rows: Iterable[Row], ends: tuple[str, str, str]) -> list[Row]:
    return [{**comparison, "rows": _beside_intervals(found, ends)} for comparison, found in _by_comparison(rows)]


def _beside_intervals(rows: Sequence[Row], ends: tuple[str, str, str]) -> list[Row]:
    """Give each row its interval as a drawing, all on one scale."""
    intervals = [(row[ends[0]], row[ends[1]], row[ends[2]]) for row in rows]
    scale = interval_scale(intervals, _INTERVAL_WIDTH)
    return [row | {"interval": _interval(drawn, scale)} for row, drawn in zip(rows, intervals, strict=True)]


def _interval(ends: tuple[float | None, float | None, float | None], scale: Scale) -> Row | None:
    lower, at, upper = ends
    if lower is None or at is None or upper is None:
        return None
    return {
        "width": _INTERVAL_WIDTH,
        "lower": scale.at(lower),
        "at": scale.at(at),
        "upper": scale.at(upper),
        "zero": scale.at(0),
        "goes_below": not scale.holds(lower),
        "goes_above": not scale.holds(upper),
        "excludes_zero": lower > 0 or upper < 0,
    }


def _trends(days: Sequence[Row]) -> list[Row]:
    found = []
    for comparison, rows in _by_comparison(days):
        lower, at, upper = ([row[name] for row in rows] for name in _RELATIVE)
        chart = lines([row["as_of_date"] for row in rows], at, lower, upper)
        if chart:
            found.append({**comparison, "chart": chart})
    return found


def _activity(days: Sequence[Row]) -> list[tuple[str, Lines]]:
    names = {"users": "count_users", "sessions": "count_sessions", "purchases": "count_purchases", "revenue": "revenue"}
    dates = [row["activity_date"] for row in days]
    charts = {title: lines(dates, [float(row[name]) for row in days]) for title, name in names.items() if days}
    return [(title, chart) for title, chart in charts.items() if chart]


def _funnels(steps: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Give each step the width of its bar; a funnel that nobody entered is left out."""
    funnels = []
    for name, found in groupby(steps, itemgetter("funnel_name")):
        rows = list(found)
        entered = rows[0]["count_users"]
        if entered:
            scale = Scale(0, entered, 0, _FUNNEL_WIDTH)
            funnels.append((str(name), [row | {"width": scale.at(row["count_users"])} for row in rows]))
    return funnels


def _retention(rows: Sequence[Row]) -> list[Row]:
    """Give a row a cohort, with its weeks beside each other."""
    cohorts = [list(weeks) for _, weeks in groupby(rows, itemgetter("cohort_period"))]
    return [weeks[0] | {"weeks": weeks} for weeks in cohorts]
