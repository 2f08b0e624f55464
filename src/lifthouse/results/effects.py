"""`fct_experiment_effects`: what each experiment changed, for every day, segment and method, from moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from lifthouse.results.columns import columns_of, typed
from lifthouse.results.comparisons import Compared, metric_comparisons, rows_at
from lifthouse.results.registry import Registry
from lifthouse.results.states import metric_states
from lifthouse.statistics.adjustment import variance_reduction_rate
from lifthouse.statistics.comparison import Estimate, compare_estimates
from lifthouse.statistics.effects import Effect, infer
from lifthouse.statistics.group_sequential import Spending, infer_group_sequential
from lifthouse.statistics.heterogeneity import segment_differences
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.multiplicity import Method, adjusted_p_values
from lifthouse.statistics.non_inferiority import against_margin
from lifthouse.statistics.proportions import compare_proportions
from lifthouse.statistics.quantiles import quantile_estimate
from lifthouse.statistics.reasons import Floats, Reason, reason_names
from lifthouse.statistics.sequential import infer_always_valid

_FAMILY = ["experiment_id", "role", "dimension", "as_of_date"]
_COMPARISON = ["experiment_id", "metric_name", "control_variant_id", "treatment_variant_id", "dimension"]
_TEST = [*_COMPARISON, "segment", "as_of_date"]
# What a test lacks is read from what is further to the left.
_REDUCTIONS = ["none", "cuped", "post_stratified"]
_INFERENCES = ["fixed", "always_valid", "group_sequential"]
_GROUP = [*_COMPARISON, "as_of_date", "variance_reduction", "inference"]
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
_FLAGS = ["is_latest", "is_significant", "is_non_inferior"]
COLUMNS = columns_of(
    texts=[*_COMPARISON, "segment", "variance_reduction", "inference", "role", "reason", "relative_reason"],
    counts=["count_control", "count_treatment"],
    numbers=_NUMBERS,
    flags=_FLAGS,
    dates=["as_of_date"],
)
# What stands for a column that some rows lack, and how it is held until all rows are there.
_HELD = {"float64": (np.nan, "f8"), "Int64": (0, "i8"), COLUMNS["as_of_date"]: (None, "M8[D]")}


def experiment_effects(
    moments: pd.DataFrame,
    quantiles: pd.DataFrame,
    registry: Registry,
    *,
    confidence: float = 0.95,
    multiplicity: Method = "holm",
    strata: str | None = None,
    spending: Spending = "obrien_fleming",
) -> pd.DataFrame:
    """Effects of every experiment and metric: at a fixed horizon, however often one looks, and at planned looks.

    Every treatment is compared with control on every day and in every segment; the other pairs of arms on the last
    day only. Guardrails are tested against their margin. P-values are adjusted within a family: the metrics of one
    role, treatments and segments of an experiment, dimension and day; guardrails, which claim no success, apart. The
    latest rows are one family, whatever day each metric ends on: they are read together. So is what has no adjusted or
    no sequential effect: in such families it stands as it is.

    Args:
        moments: Rows of `fct_metric_moments`.
        quantiles: Rows of `int_metric_quantiles`.
        registry: Variants, roles, margins and what is withheld.
        confidence: Level of the intervals.
        multiplicity: How p-values are adjusted within a family.
        strata: Dimension by which means and ratios are also post-stratified; None for no such rows.
        spending: How group-sequential looks, one a day, spend the error; only over all units of experiments that plan
            how many.

    Returns:
        `COLUMNS`, one row per experiment, metric, pair of variants, dimension, segment, day and variance reduction.
        Rows of withheld experiments have null numbers and the reason.

    """
    compared = [
        pair
        for states in metric_states(moments)
        if (states.experiment_id, states.metric_name) in registry.metrics.index
        for pair in metric_comparisons(states, registry, strata=strata)
    ]
    compared += _quantile_comparisons(quantiles, moments, registry)
    parts = [_columns(pair, registry, confidence) for pair in compared]
    parts += [
        _columns(pair, registry, confidence, always_valid=True)
        for pair in compared
        if not pair.is_quantile and pair.variance_reduction in ("none", "cuped")
    ]
    parts += [
        _group_sequential_columns(pair, registry, confidence, spending)
        for pair in compared
        if not pair.is_quantile
        and pair.variance_reduction in ("none", "cuped")
        and pair.keys["experiment_id"] in registry.planned_units
        and pair.keys["control_variant_id"] == registry.controls[str(pair.keys["experiment_id"])]
    ]
    if not parts:
        return typed(pd.DataFrame(), COLUMNS)
    effects = _gathered(parts)
    effects["p_value_adjusted"] = _adjusted_within_families(effects, registry, multiplicity)
    groups = effects.groupby(_GROUP, sort=False).ngroup().to_numpy()
    differences = segment_differences(
        effects["absolute_effect"],
        effects["standard_error"],
        effects["degrees_of_freedom"],
        groups,
        int(groups.max()) + 1,
    )
    # It is a test at one look, which the other rows do not keep to.
    effects["heterogeneity_p_value"] = np.where(effects["inference"] == "fixed", differences.p_value[groups], np.nan)
    effects = registry.withhold(typed(effects, COLUMNS), [*_NUMBERS, *_FLAGS[1:]])
    return effects.assign(relative_reason=effects["reason"].fillna(effects["relative_reason"]))


def _columns(
    compared: Compared, registry: Registry, confidence: float, *, always_valid: bool = False
) -> dict[str, object]:
    keys, comparison = compared.keys, compared.comparison
    metric = registry.metric(keys["experiment_id"], keys["metric_name"])
    columns = keys | {"variance_reduction": compared.variance_reduction, "role": metric["role"]}
    if always_valid:
        pair = (str(keys["control_variant_id"]), str(keys["treatment_variant_id"]))
        expected = registry.expected_units(str(keys["experiment_id"]), pair)
        columns |= {"inference": "always_valid"}
        columns |= _effect_columns(infer_always_valid(comparison, expected, confidence=confidence))
    else:
        columns |= {"inference": "fixed"}
        columns |= _effect_columns(infer(comparison, confidence=confidence))
    columns["variance_reduction_rate"] = variance_reduction_rate(comparison, compared.plain)
    margin = metric["non_inferiority_margin"]
    if pd.notna(margin) and not always_valid:
        better: Literal["higher", "lower"] = "lower" if metric["direction"] == "decrease" else "higher"
        test = against_margin(comparison, float(margin), better=better, confidence=confidence)
        columns |= {"non_inferiority_p_value": test.p_value, "is_non_inferior": test.is_non_inferior}
    if compared.arms and not always_valid and metric["is_proportion"]:
        counts = [(np.round(np.nan_to_num(arm.mean[:, 0]) * arm.count), arm.count) for arm in compared.arms]
        score = compare_proportions(*counts[0], *counts[1], confidence=confidence)
        columns |= {
            "score_ci_lower": score.absolute_ci_lower,
            "score_ci_upper": score.absolute_ci_upper,
            "score_p_value": score.p_value,
        }
    return columns


def _group_sequential_columns(
    compared: Compared, registry: Registry, confidence: float, spending: Spending
) -> dict[str, object]:
    keys = compared.keys
    everyone = np.flatnonzero(np.asarray(keys["dimension"]) == "all")
    looks, plain = rows_at(compared.comparison, everyone), rows_at(compared.plain, everyone)
    information = np.asarray(compared.count_all)[everyone] / registry.planned_units[str(keys["experiment_id"])]
    columns = {name: value[everyone] if isinstance(value, np.ndarray) else value for name, value in keys.items()}
    metric = registry.metric(keys["experiment_id"], keys["metric_name"])
    columns |= {
        "variance_reduction": compared.variance_reduction,
        "role": metric["role"],
        "inference": "group_sequential",
        "variance_reduction_rate": variance_reduction_rate(looks, plain),
    }
    columns |= _effect_columns(infer_group_sequential(looks, information, confidence=confidence, spending=spending))
    return columns


def _gathered(parts: list[dict[str, object]]) -> pd.DataFrame:
    """Put columns of arrays and scalars one under the other; thousands of small frames would take most of the time."""
    ends = np.cumsum([np.asarray(part["count_control"]).size for part in parts])
    columns = {}
    for name, of_type in COLUMNS.items():
        missing, kind = _HELD.get(of_type, (None, "O"))
        columns[name] = np.full(ends[-1], missing, dtype=kind)
        for part, start, end in zip(parts, [0, *ends[:-1]], ends, strict=True):
            if name in part:
                columns[name][start:end] = part[name]
    return pd.DataFrame(columns)


def _adjusted_within_families(effects: pd.DataFrame, registry: Registry, method: Method) -> Floats:
    """Adjust p-values within families that hold what is read together, each by the effect that counts.

    The effect that counts is adjusted or sequential where there is such a one, so that the family of those effects also
    holds the tests without, with the p-value that is read in their place. An unadjusted effect that is in two families,
    because nothing adjusts it, has the larger result of both: else more than the error of one family would be read as
    sure. A fixed effect keeps that of its own family: sequential p-values are larger, so that what is sure with them is
    sure there.
    """
    # Metrics end on different days, so that the latest rows are one family whatever their day.
    keyed = effects.assign(as_of_date=effects["as_of_date"].mask(effects["is_latest"].astype(bool)))
    test, family = (keyed.groupby(keys, sort=False, dropna=False).ngroup().to_numpy() for keys in (_TEST, _FAMILY))
    inference = pd.Categorical(effects["inference"], _INFERENCES).codes
    reduction = pd.Categorical(effects["variance_reduction"], _REDUCTIONS).codes
    own = np.full((test.max() + 1, len(_INFERENCES), len(_REDUCTIONS)), np.nan)
    own[test, inference, reduction] = effects["p_value"]
    is_with_control = np.empty(len(own), bool)
    is_with_control[test] = effects["control_variant_id"] == effects["experiment_id"].map(dict(registry.controls))
    family_of = np.empty(len(own), int)
    family_of[test] = family
    standing = own.copy()
    for at, name in enumerate(_INFERENCES):
        standing[:, at] = np.where(np.isnan(standing[:, at]), standing[:, at, :1], standing[:, at])
        if at > 0:
            # Only effects against control are planned.
            takes_part = is_with_control | (name != "group_sequential")
            is_missing = np.isnan(standing[:, at]) & takes_part[:, None]
            standing[:, at] = np.where(is_missing, standing[:, at - 1], standing[:, at])
    ways = np.arange(own[0].size).reshape(own[0].shape)
    adjusted = adjusted_p_values(
        standing.ravel(), (family_of[:, None, None] * ways.size + ways).ravel(), method=method
    ).reshape(own.shape)
    plain, cuped = (adjusted[:, :, _REDUCTIONS.index(name)] for name in ("none", "cuped"))
    has_no_cuped = np.isnan(own[:, :, _REDUCTIONS.index("cuped")])
    plain[has_no_cuped] = np.fmax(plain, cuped)[has_no_cuped]
    return np.where(effects["p_value"].isna(), np.nan, adjusted[test, inference, reduction])


def _effect_columns(effect: Effect) -> dict[str, object]:
    columns: dict[str, object] = {field.name: getattr(effect, field.name) for field in fields(effect)}
    return columns | {
        "reason": list(reason_names(effect.reason)),
        "relative_reason": list(reason_names(effect.relative_reason)),
    }


def _quantile_comparisons(quantiles: pd.DataFrame, moments: pd.DataFrame, registry: Registry) -> Iterator[Compared]:
    """Compare quantiles, which are known as of the last day only and not by phase.

    It is the last day of the experiment's moments; of the quantiles' own events where it has no others.
    """
    latest = quantiles.groupby("experiment_id")["as_of_date"].max().to_dict()
    latest |= moments.groupby("experiment_id")["activity_date"].max().to_dict()
    for (experiment, metric), rows in quantiles.groupby(["experiment_id", "metric_name"], sort=True):
        by_arm = {str(variant): arm.set_index(["dimension", "segment"]) for variant, arm in rows.groupby("variant_id")}
        arms = [registry.controls[str(experiment)], *registry.treatments.get(str(experiment), [])]
        for reference, treatment in combinations([arm for arm in arms if arm in by_arm], 2):
            shared = by_arm[reference].index.intersection(by_arm[treatment].index).sort_values()
            estimates = [_quantile_estimate(by_arm[variant].loc[shared]) for variant in (reference, treatment)]
            comparison = compare_estimates(*estimates)
            if rows["count_phases"].max() > 1:
                comparison = replace(comparison, reason=np.full(len(shared), Reason.ALLOCATION_CHANGED, np.int8))
            keys: dict[str, object] = {
                "experiment_id": experiment,
                "metric_name": metric,
                "control_variant_id": reference,
                "treatment_variant_id": treatment,
                "dimension": shared.get_level_values(0),
                "segment": shared.get_level_values(1),
                "as_of_date": latest[experiment],
                "is_latest": True,
            }
            yield Compared(keys, "none", comparison, comparison, is_quantile=True)


def _quantile_estimate(rows: pd.DataFrame) -> Estimate:
    level = float(rows["quantile"].iloc[0])
    grid = np.stack([np.asarray(values, float) for values in rows["grid_values"]])
    if rows["quantile_over"].iloc[0] == "units":
        return quantile_estimate(level, grid, count=rows["count_units"].to_numpy(float))
    sums = np.stack([np.asarray(values, float) for values in rows["sums"]])
    products = np.stack([np.asarray(values, float) for values in rows["products"]])
    return quantile_estimate(level, grid, units=Moments.from_sums(rows["count_units"].to_numpy(float), sums, products))
