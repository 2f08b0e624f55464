"""Lays the rows of the marts out as one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from lifthouse.report import numbers
from lifthouse.report.charts import Lines, Scale, interval_scale, lines
from lifthouse.report.marts import Marts, Row

_INTERVAL_WIDTH = 140
_FUNNEL_WIDTH = 320


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
    verdicts = rows.get("verdicts", [])
    checks = rows.get("checks", [])
    arms = rows.get("arms", [])
    count_units = sum(arm["count_units"] for arm in arms)
    return {
        **decision,
        "arms": [arm | {"share": arm["count_units"] / count_units if count_units else None} for arm in arms],
        "verdicts": _beside_intervals(verdicts, "relative_ci_lower", "relative_effect", "relative_ci_upper"),
        "trends": _trends(rows.get("days", [])),
        "segments": [
            {"metric_name": metric, "treatment_variant_id": treatment, "rows": _beside_intervals(found, *_RELATIVE)}
            for (treatment, metric), found in _grouped(rows.get("segments", []), "treatment_variant_id", "metric_name")
        ],
        "findings": [check for check in checks if check["status"] in ("fail", "warn")],
        "count_checks": Counter(check["status"] for check in checks),
        "causal": _beside_intervals(rows.get("causal", []), "ci_lower", "estimate", "ci_upper", each=True),
        "refuted": rows.get("refuted", []),
        "tiers": [
            {
                "metric_name": metric,
                "treatment_variant_id": treatment,
                "rows": _beside_intervals(found, "observed_ci_lower", "observed_effect", "observed_ci_upper"),
            }
            for (metric, treatment), found in _grouped(rows.get("tiers", []), "metric_name", "treatment_variant_id")
        ],
    }


_RELATIVE = ("relative_ci_lower", "relative_effect", "relative_ci_upper")


def _grouped(rows: Iterable[Row], *names: str) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Group rows that lie side by side."""
    return [(key, list(found)) for key, found in groupby(rows, lambda row: tuple(row[name] for name in names))]


def _beside_intervals(rows: Sequence[Row], lower: str, at: str, upper: str, *, each: bool = False) -> list[Row]:
    """Give each row its interval as a drawing, on one scale or, of rows with units of their own, on one `each`."""
    scale = interval_scale([(row[lower], row[at], row[upper]) for row in rows], _INTERVAL_WIDTH)
    drawn = []
    for row in rows:
        ends = (row[lower], row[at], row[upper])
        drawn.append({**row, "interval": _interval(ends, interval_scale([ends], _INTERVAL_WIDTH) if each else scale)})
    return drawn


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
    for (treatment, metric), rows in _grouped(days, "treatment_variant_id", "metric_name"):
        chart = lines(
            [row["as_of_date"] for row in rows],
            *([row[name] for row in rows] for name in ("relative_effect", "relative_ci_lower", "relative_ci_upper")),
        )
        if chart:
            found.append({"treatment_variant_id": treatment, "metric_name": metric, "chart": chart})
    return found


def _activity(days: Sequence[Row]) -> list[tuple[str, Lines]]:
    names = {"users": "count_users", "sessions": "count_sessions", "purchases": "count_purchases", "revenue": "revenue"}
    dates = [row["activity_date"] for row in days]
    charts = {title: lines(dates, [float(row[name]) for row in days]) for title, name in names.items() if days}
    return [(title, chart) for title, chart in charts.items() if chart]


def _funnels(steps: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Give each step the width of its bar; a funnel that nobody entered is left out."""
    funnels = []
    for (name,), rows in _grouped(steps, "funnel_name"):
        entered = rows[0]["count_users"]
        if entered:
            scale = Scale(0, entered, 0, _FUNNEL_WIDTH)
            funnels.append((name, [row | {"width": scale.at(row["count_users"])} for row in rows]))
    return funnels


def _retention(rows: Sequence[Row]) -> list[Row]:
    """Give a row a cohort, with its weeks beside each other."""
    return [
        {"cohort_period": period, "count_users": weeks[0]["count_users"], "weeks": weeks}
        for (period,), weeks in _grouped(rows, "cohort_period")
    ]
