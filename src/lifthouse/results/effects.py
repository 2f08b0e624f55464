"""`fct_experiment_effects`: what each experiment changed, for every day, segment and method, from moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from itertools import combinations

import numpy as np
import pandas as pd

from lifthouse.results.registry import Registry
from lifthouse.results.states import MetricStates, metric_states
from lifthouse.statistics.adjustment import adjusted_comparison, variance_reduction_rate
from lifthouse.statistics.comparison import Comparison, compare, compare_estimates
from lifthouse.statistics.effects import Effect, infer
from lifthouse.statistics.heterogeneity import segment_differences
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.multiplicity import Method, adjusted_p_values
from lifthouse.statistics.non_inferiority import against_margin
from lifthouse.statistics.proportions import compare_proportions
from lifthouse.statistics.quantiles import quantile_estimate
from lifthouse.statistics.reasons import reason_names
from lifthouse.statistics.stratification import stratified_comparison

_FAMILY = ["experiment_id", "role", "dimension", "as_of_date", "variance_reduction"]
_GROUP = [
    "experiment_id",
    "metric_name",
    "control_variant_id",
    "treatment_variant_id",
    "dimension",
    "as_of_date",
    "variance_reduction",
]
_NUMBERS = [
    "mean_control",
    "mean_treatment",
    "absolute_effect",
    "absolute_ci_lower",
    "absolute_ci_upper",
    "relative_effect",
    "relative_ci_lower",
    "relative_ci_upper",
    "standard_error",
    "statistic",
    "degrees_of_freedom",
    "p_value",
    "p_value_adjusted",
    "variance_reduction_rate",
    "score_ci_lower",
    "score_ci_upper",
    "score_p_value",
    "non_inferiority_p_value",
    "heterogeneity_p_value",
]
_COUNTS = ["count_control", "count_treatment"]
COLUMNS = [
    "experiment_id",
    "metric_name",
    "control_variant_id",
    "treatment_variant_id",
    "dimension",
    "segment",
    "variance_reduction",
    "inference",
    "role",
    "reason",
    "relative_reason",
    *_COUNTS,
    *_NUMBERS,
    "is_latest",
    "is_significant",
    "is_non_inferior",
    "as_of_date",
]


def experiment_effects(
    moments: pd.DataFrame,
    quantiles: pd.DataFrame,
    registry: Registry,
    *,
    confidence: float = 0.95,
    multiplicity: Method = "holm",
    strata: str | None = None,
) -> pd.DataFrame:
    """Effects of every experiment and metric at a fixed horizon.

    Every treatment is compared with control on every day and in every segment; the other pairs of arms on the last
    day only. Guardrails are tested against their margin. P-values are adjusted within a family: the metrics of one role,
    treatments and segments of an experiment, dimension and day; guardrails, which are not claims of success, apart.

    Args:
        moments: Rows of `fct_metric_moments`.
        quantiles: Rows of `int_metric_quantiles`.
        registry: Variants, roles, margins and what is withheld.
        confidence: Level of the intervals.
        multiplicity: How p-values are adjusted within a family.
        strata: Dimension by which means and ratios are also post-stratified; None for no such rows.

    Returns:
        `COLUMNS`, one row per experiment, metric, pair of variants, dimension, segment, day and variance reduction. Rows
        of withheld experiments have null numbers and the reason.

    """
    parts = [
        part
        for states in metric_states(moments)
        if (states.experiment_id, states.metric_name) in registry.metrics.index
        for part in _metric_effects(states, registry, confidence, strata)
    ]
    parts += list(_quantile_effects(quantiles, moments, registry, confidence))
    if not parts:
        return _typed(pd.DataFrame(columns=COLUMNS))
    effects = pd.concat(parts, ignore_index=True)
    effects["inference"] = "fixed"
    effects["p_value_adjusted"] = adjusted_p_values(
        effects["p_value"], effects.groupby(_FAMILY, sort=False).ngroup().to_numpy(), method=multiplicity
    )
    groups = effects.groupby(_GROUP, sort=False).ngroup().to_numpy()
    differences = segment_differences(
        effects["absolute_effect"],
        effects["standard_error"],
        effects["degrees_of_freedom"],
        groups,
        int(groups.max()) + 1,
    )
    effects["heterogeneity_p_value"] = differences.p_value[groups]
    return _withheld(_typed(effects), registry)


def _metric_effects(
    states: MetricStates, registry: Registry, confidence: float, strata: str | None
) -> Iterator[pd.DataFrame]:
    control = registry.controls[states.experiment_id]
    treatments = registry.treatments.get(states.experiment_id, [])
    everywhere = np.arange(len(states.segments) * len(states.days))
    pairs = [(control, treatment, everywhere) for treatment in treatments]
    pairs += [(one, other, states.latest) for one, other in combinations(treatments, 2)]
    for reference, treatment, rows in pairs:
        arms = [_arm(states, variant)[rows] for variant in (reference, treatment)]
        keys = _keys(states, rows, reference, treatment)
        plain = compare(*arms, denominator=states.denominator)
        yield _frame(keys, "none", plain, plain, registry, confidence, arms)
        if states.covariates:
            adjusted = adjusted_comparison(*arms, states.covariates, denominator=states.denominator)
            yield _frame(keys, "cuped", adjusted, plain, registry, confidence)
        if strata and any(dimension == strata for dimension, _ in states.segments) and reference == control:
            yield _stratified(states, strata, reference, treatment, registry, confidence)


def _arm(states: MetricStates, variant: str) -> Moments:
    """Moments of a variant; of none if the data have no unit of it."""
    if variant in states.arms:
        return states.arms[variant]
    like = next(iter(states.arms.values()))
    return Moments(np.zeros_like(like.count), np.full_like(like.mean, np.nan), np.full_like(like.covariance, np.nan))


def _stratified(
    states: MetricStates, strata: str, reference: str, treatment: str, registry: Registry, confidence: float
) -> pd.DataFrame:
    """Effects over all units, the strata weighted by their share of both arms."""
    n_days = len(states.days)
    rows = np.concatenate(
        [np.arange(n_days) + at * n_days for at, (dimension, _) in enumerate(states.segments) if dimension == strata]
    )
    groups = np.tile(np.arange(n_days), len(rows) // n_days)
    arms = [_arm(states, variant)[rows] for variant in (reference, treatment)]
    everyone = states.rows_of("all", "all")
    whole = [_arm(states, variant)[everyone] for variant in (reference, treatment)]
    plain = compare(*whole, denominator=states.denominator)
    stratified = stratified_comparison(*arms, groups, n_days, denominator=states.denominator)
    keys = _keys(states, np.arange(everyone.start, everyone.stop), reference, treatment)
    return _frame(keys, "post_stratified", stratified, plain, registry, confidence)


def _keys(states: MetricStates, rows: np.ndarray, reference: str, treatment: str) -> dict[str, object]:
    segment_at, day_at = np.divmod(rows, len(states.days))
    segments = np.array(states.segments, dtype=object).reshape(-1, 2)
    return {
        "experiment_id": states.experiment_id,
        "metric_name": states.metric_name,
        "control_variant_id": reference,
        "treatment_variant_id": treatment,
        "dimension": segments[segment_at, 0],
        "segment": segments[segment_at, 1],
        "as_of_date": states.days[day_at],
        "is_latest": day_at == len(states.days) - 1,
    }


def _frame(
    keys: dict[str, object],
    variance_reduction: str,
    comparison: Comparison,
    plain: Comparison,
    registry: Registry,
    confidence: float,
    proportions: list[Moments] | None = None,
) -> pd.DataFrame:
    metric = registry.metrics.loc[(keys["experiment_id"], keys["metric_name"])]
    columns = keys | {"variance_reduction": variance_reduction, "role": metric["role"]}
    columns |= _effect_columns(infer(comparison, confidence=confidence))
    columns["variance_reduction_rate"] = variance_reduction_rate(comparison, plain)
    margin = metric["non_inferiority_margin"]
    if pd.notna(margin):
        better = "lower" if metric["direction"] == "decrease" else "higher"
        test = against_margin(comparison, float(margin), better=better, confidence=confidence)
        columns |= {"non_inferiority_p_value": test.p_value, "is_non_inferior": test.is_non_inferior}
    if proportions and metric["is_proportion"]:
        counts = [(np.round(np.nan_to_num(arm.mean[:, 0]) * arm.count), arm.count) for arm in proportions]
        score = compare_proportions(*counts[0], *counts[1], confidence=confidence)
        columns |= {
            "score_ci_lower": score.absolute_ci_lower,
            "score_ci_upper": score.absolute_ci_upper,
            "score_p_value": score.p_value,
        }
    return pd.DataFrame(columns)


def _effect_columns(effect: Effect) -> dict[str, object]:
    columns: dict[str, object] = {field.name: getattr(effect, field.name) for field in fields(effect)}
    return columns | {
        "reason": list(reason_names(effect.reason)),
        "relative_reason": list(reason_names(effect.relative_reason)),
    }


def _quantile_effects(
    quantiles: pd.DataFrame, moments: pd.DataFrame, registry: Registry, confidence: float
) -> Iterator[pd.DataFrame]:
    latest = moments.groupby("experiment_id")["activity_date"].max()
    for (experiment, metric), rows in quantiles.groupby(["experiment_id", "metric_name"], sort=True):
        by_arm = {str(variant): arm.set_index(["dimension", "segment"]) for variant, arm in rows.groupby("variant_id")}
        arms = [registry.controls[experiment], *registry.treatments.get(experiment, [])]
        for reference, treatment in combinations([arm for arm in arms if arm in by_arm], 2):
            shared = by_arm[reference].index.intersection(by_arm[treatment].index).sort_values()
            estimates = [_quantile_estimate(by_arm[variant].loc[shared]) for variant in (reference, treatment)]
            comparison = compare_estimates(*estimates)
            keys = {
                "experiment_id": experiment,
                "metric_name": metric,
                "control_variant_id": reference,
                "treatment_variant_id": treatment,
                "dimension": shared.get_level_values(0),
                "segment": shared.get_level_values(1),
                "as_of_date": latest.get(experiment, pd.NaT),
                "is_latest": True,
            }
            yield _frame(keys, "none", comparison, comparison, registry, confidence)


def _quantile_estimate(rows: pd.DataFrame):  # type: ignore[no-untyped-def]
    level = float(rows["quantile"].iloc[0])
    grid = np.stack([np.asarray(values, float) for values in rows["grid_values"]])
    if rows["quantile_over"].iloc[0] == "units":
        return quantile_estimate(level, grid, count=rows["count_units"].to_numpy(float))
    sums = np.stack([np.asarray(values, float) for values in rows["sums"]])
    products = np.stack([np.asarray(values, float) for values in rows["products"]])
    return quantile_estimate(level, grid, units=Moments.from_sums(rows["count_units"].to_numpy(float), sums, products))


def _withheld(effects: pd.DataFrame, registry: Registry) -> pd.DataFrame:
    """Take the numbers out of experiments whose effects must not be read."""
    reasons = effects["experiment_id"].map(dict(registry.withheld))
    withheld = reasons.notna()
    effects.loc[withheld, _NUMBERS] = np.nan
    effects.loc[withheld, ["is_significant", "is_non_inferior"]] = pd.NA
    effects.loc[withheld, "reason"] = reasons[withheld]
    return effects


def _typed(effects: pd.DataFrame) -> pd.DataFrame:
    """Give every column, in order and of one type, whatever the rows."""
    effects = effects.reindex(columns=COLUMNS)
    for name in _NUMBERS:
        effects[name] = effects[name].astype("float64")
    for name in _COUNTS:
        effects[name] = effects[name].fillna(0).astype("int64")
    for name in ("is_latest", "is_significant", "is_non_inferior"):
        effects[name] = effects[name].astype("boolean")
    for name in ("reason", "relative_reason"):
        effects[name] = effects[name].astype("string")
    effects["as_of_date"] = pd.to_datetime(effects["as_of_date"])
    return effects
