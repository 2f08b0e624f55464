"""`fct_experiment_power`: what each experiment can find by now, what it still needs, and how long that takes.

An effect's standard error tells what one unit's noise is, whatever the kind of metric: of a mean, a ratio, a quantile,
after adjustment, averaged over phases. Everything else follows from it and the number of units.
"""

from __future__ import annotations

from math import comb

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifthouse.results.columns import columns_of, typed
from lifthouse.results.planning import NOT_APART, Planned, design_of_history, history_of_metrics
from lifthouse.results.registry import Registry
from lifthouse.statistics.comparison import ROUNDING
from lifthouse.statistics.power import Design, detectable_effect, detectable_margin, power, required_units
from lifthouse.statistics.reasons import Floats

_KEY = ["experiment_id", "metric_name", "treatment_variant_id"]
COLUMNS = columns_of(
    texts=[*_KEY, "role", "hypothesis", "basis", "variance_reduction", "reason", "plan_reason"],
    counts=["count_units", "planned_units", "required_units", "days_left"],
    numbers=[
        "baseline_mean",
        "alpha",
        "power_target",
        "planned_effect",
        "non_inferiority_margin",
        "minimum_detectable_effect",
        "minimum_detectable_effect_planned",
        "power_now",
        "power_planned",
        "units_per_day",
    ],
    flags=["is_powered"],
    dates=["as_of_date"],
)
_OF_METRIC = [
    "experiment_id",
    "metric_name",
    "role",
    "direction",
    "is_proportion",
    "minimum_detectable_effect",
    "non_inferiority_margin",
]
_OBSERVED = [
    *_KEY,
    "variance_reduction",
    "reason",
    "basis",
    "count_units",
    "baseline_mean",
    "is_apart",
    "unit_variance",
    "share_control",
    "share_treatment",
    "units_per_day",
    "tests",
    "as_of_date",
]
_COMPUTED = [
    "minimum_detectable_effect",
    "minimum_detectable_effect_planned",
    "power_now",
    "power_planned",
    "required_units",
    "days_left",
]


def experiment_power(
    effects: pd.DataFrame,
    shares: pd.DataFrame,
    registry: Registry,
    *,
    confidence: float = 0.95,
    target: float = 0.8,
) -> pd.DataFrame:
    """Power of every experiment and metric, at its units now and as planned.

    Metrics that decide are tested two-sided against no effect; the error is that of the first step of Holm's method
    over the family of `fct_experiment_effects`, so that the true power is no smaller. Guardrails with a margin are
    tested against it, as if the treatment changed nothing. To ship, success and every guardrail must be shown, so that
    the chance to miss is split evenly over them: all succeed together with at least the power wanted.
    Adjusted effects are used where there are any. An experiment without units is planned from the history of its
    metrics.

    Args:
        effects: The rows `EFFECTS_THAT_PLAN` of `fct_experiment_effects`.
        shares: Seed `experiment_variants`.
        registry: Variants, roles, planned effects and what is withheld.
        confidence: Level of the intervals that are planned for.
        target: The power wanted of success and guardrails together.

    Returns:
        `COLUMNS`, one row per experiment, metric and treatment. `reason` says why there is no smallest effect
        that its units find, `plan_reason` why there is no number about the planned effect.

    """
    parts = [_observed(effects, registry), _unlaunched(effects, shares, registry)]
    rows = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    if rows.empty:
        return typed(rows, COLUMNS)
    metrics = registry.metrics.reset_index()[_OF_METRIC].rename(columns={"minimum_detectable_effect": "planned_effect"})
    rows = rows.merge(metrics, on=["experiment_id", "metric_name"], how="inner", validate="many_to_one")
    tests_margin = (rows["role"] == "guardrail") & rows["non_inferiority_margin"].notna()
    rows["hypothesis"] = np.where(tests_margin, "non_inferiority", "superiority")
    rows["planned_effect"] = rows["planned_effect"].where(~tests_margin)
    rows["alpha"] = (1 - confidence) / np.where(rows["role"] == "guardrail", 1.0, rows["tests"])
    rows["planned_units"] = rows["experiment_id"].map(dict(registry.planned_units))
    noise = np.sqrt(rows["unit_variance"].fillna(0.0).clip(lower=0.0))
    is_zero = rows["baseline_mean"].abs() <= ROUNDING * noise
    has_baseline = rows["baseline_mean"].notna() & ~is_zero & rows["is_apart"]
    unrelated = pd.Series(np.where(is_zero, "zero_denominator", NOT_APART)).where(is_zero | ~rows["is_apart"])
    rows["reason"] = rows["reason"].fillna(unrelated)
    aim = np.where(tests_margin, rows["non_inferiority_margin"], rows["planned_effect"]).astype(float)
    rows["plan_reason"] = rows["reason"].where(rows["basis"] == "experiment")
    rows.loc[rows["plan_reason"].isna() & np.isnan(aim), "plan_reason"] = "no_planned_effect"
    rows[_COMPUTED] = np.nan
    guardrails = tests_margin.groupby([rows["experiment_id"], rows["treatment_variant_id"]]).transform("sum")
    decides = tests_margin | (rows["role"] == "primary")
    rows["power_target"] = 1 - (1 - target) / np.where(decides, 1.0 + guardrails, 1.0)
    for wanted in rows["power_target"].unique():
        _add_numbers(rows, np.flatnonzero(has_baseline & (rows["power_target"] == wanted)), float(wanted))
    nothing_found = has_baseline & rows["reason"].isna() & rows["minimum_detectable_effect"].isna()
    rows.loc[nothing_found, "reason"] = "too_few_units"
    unknown = rows["plan_reason"].isna() & ~has_baseline
    rows.loc[unknown, "plan_reason"] = unrelated[unknown].fillna("no_history")
    rows["is_powered"] = (rows["power_now"] >= rows["power_target"]).astype("boolean").where(rows["power_now"].notna())
    withheld = rows["experiment_id"].map(dict(registry.withheld))
    rows.loc[withheld.notna(), ["reason", "plan_reason"]] = withheld[withheld.notna()]
    rows.loc[withheld.notna(), [*_COMPUTED, "baseline_mean", "units_per_day"]] = np.nan
    return typed(rows.sort_values(_KEY, ignore_index=True), COLUMNS)


def _observed(effects: pd.DataFrame, registry: Registry) -> pd.DataFrame:
    """Units, baseline and noise of every treatment on the last day."""
    latest = effects[effects["is_latest"].astype(bool) & (effects["dimension"] == "all")]
    # What nothing adjusts is in the family of the adjusted effects too, so that there is one of every pair and metric.
    tests = latest[latest["p_value"].notna()].drop_duplicates([*_KEY, "control_variant_id"])
    sizes = tests.groupby(["experiment_id", "role"]).size().rename("tests").astype(float)
    controls = latest["experiment_id"].map(dict(registry.controls))
    chosen = latest[latest["control_variant_id"] == controls].join(sizes, on=["experiment_id", "role"])
    # cuped comes before none: an adjusted effect is used unless it could not be computed.
    ranked = chosen.assign(is_missing=chosen["reason"].notna()).sort_values(["is_missing", "variance_reduction"])
    rows = ranked.drop_duplicates(_KEY).drop(columns="is_missing")
    arms = rows.groupby(["experiment_id", "metric_name"])
    # Where a phase lacks an arm, that arm's pair counts only a part of control.
    rows["count_units"] = arms["count_control"].transform("max") + arms["count_treatment"].transform("sum")
    per_pair = 1 / rows["count_control"] + 1 / rows["count_treatment"]
    rows["unit_variance"] = rows["standard_error"] ** 2 / per_pair
    rows["share_control"] = rows["count_control"] / rows["count_units"]
    rows["share_treatment"] = rows["count_treatment"] / rows["count_units"]
    rows["units_per_day"] = rows["experiment_id"].map(_units_per_day(effects, registry))
    rows["is_apart"] = rows["relative_reason"] != NOT_APART
    rows["tests"] = rows["tests"].fillna(1.0)
    rows["basis"] = "experiment"
    return rows.rename(columns={"mean_control": "baseline_mean"})[_OBSERVED]


def _units_per_day(effects: pd.DataFrame, registry: Registry) -> dict[str, float]:
    """Units of all arms that came a day, from the first to the last day on which any came."""
    controls = effects["experiment_id"].map(dict(registry.controls))
    of_all = (effects["control_variant_id"] == controls) & (effects["dimension"] == "all")
    series = effects[of_all & (effects["variance_reduction"] == "none")]
    keys = ["experiment_id", "metric_name", "as_of_date"]
    daily = series.groupby(keys).agg(control=("count_control", "max"), treatments=("count_treatment", "sum"))
    units = daily.sum(axis=1).groupby(["experiment_id", "as_of_date"]).max()
    rates = {}
    for experiment, state in units[units > 0].groupby(level=0):
        days = pd.to_datetime(state.index.get_level_values(1))
        arriving = (days[int(np.argmax(state.to_numpy() >= state.max()))] - days[0]).days + 1
        rates[str(experiment)] = float(state.max()) / arriving
    return rates


def _unlaunched(effects: pd.DataFrame, shares: pd.DataFrame, registry: Registry) -> pd.DataFrame:
    """Plan the metrics that have no effects yet from their history."""
    launched = set(zip(effects["experiment_id"], effects["metric_name"], strict=True))
    metrics = registry.metrics.reset_index().drop_duplicates("metric_name")
    history = history_of_metrics(effects, registry.controls, metrics)
    share = shares.set_index(["experiment_id", "variant_id"])["expected_share"].astype(float)
    rows = []
    for experiment, metric in registry.metrics.index:
        if (experiment, metric) in launched or experiment not in registry.controls:
            continue
        family = registry.metrics.loc[experiment]["role"].eq(registry.metric(experiment, metric)["role"]).sum()
        treatments = registry.treatments.get(experiment, [])
        for treatment in treatments:
            row = {
                "experiment_id": experiment,
                "metric_name": metric,
                "treatment_variant_id": treatment,
                "reason": "no_units",
                "count_units": 0.0,
                "share_control": share.get((experiment, registry.controls[experiment]), np.nan),
                "share_treatment": share.get((experiment, treatment), np.nan),
                # On the last day the family holds every pair of arms.
                "tests": float(family) * comb(1 + len(treatments), 2),
                "basis": "history",
                "is_apart": True,
            }
            past = history[history["metric_name"] == metric]
            if len(past) and row["share_control"] > 0 and row["share_treatment"] > 0:
                last = past.iloc[[-1]]
                design = design_of_history(last, Planned())
                row |= {
                    "variance_reduction": str(last["variance_reduction"].item()),
                    "baseline_mean": float(last["baseline_mean"].item()),
                    "is_apart": bool(last["is_apart"].item()),
                    "unit_variance": design.unit_variance.item(),
                    "units_per_day": float(last["units_per_day"].item()),
                }
            rows.append(row)
    return pd.DataFrame(rows, columns=_OBSERVED)


def _add_numbers(rows: pd.DataFrame, at: npt.NDArray[np.intp], target: float) -> None:
    """Write power, effects and units of the rows that have a baseline."""
    part = rows.iloc[at]
    if part.empty:
        return
    design = Design.of(
        part["baseline_mean"],
        part["unit_variance"],
        share_control=part["share_control"],
        share_treatment=part["share_treatment"],
        is_proportion=part["is_proportion"].astype(bool),
    )
    sign = np.where(part["direction"] == "decrease", -1.0, 1.0)
    alpha, now, later = (part[name].to_numpy(float) for name in ("alpha", "count_units", "planned_units"))
    margin, effect = (part[name].to_numpy(float) for name in ("non_inferiority_margin", "planned_effect"))
    guards = (part["hypothesis"] == "non_inferiority").to_numpy()

    def either(against_none: Floats, against_margin: Floats) -> Floats:
        return np.where(guards, against_margin, against_none)

    for name, units in (("minimum_detectable_effect", now), ("minimum_detectable_effect_planned", later)):
        rows.loc[part.index, name] = either(
            detectable_effect(design, units, target=target, alpha=alpha, direction=sign),
            detectable_margin(design, units, target=target, alpha=alpha, better=sign),
        )
    for name, units in (("power_now", now), ("power_planned", later)):
        rows.loc[part.index, name] = either(
            power(design, units, sign * effect, alpha=alpha),
            power(design, units, 0.0, alpha=alpha, margin=margin, better=sign),
        )
    needed = either(
        required_units(design, sign * effect, target=target, alpha=alpha),
        required_units(design, 0.0, target=target, alpha=alpha, margin=margin, better=sign),
    )
    rows.loc[part.index, "required_units"] = needed
    days = np.ceil(np.maximum(needed - now, 0) / part["units_per_day"].to_numpy(float))
    rows.loc[part.index, "days_left"] = days
    out_of_reach = part.index[np.isnan(needed) & part["plan_reason"].isna()]
    rows.loc[out_of_reach, "plan_reason"] = "out_of_reach"
