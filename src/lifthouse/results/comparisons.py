"""Which arms are compared on which rows, and how: unadjusted, by CUPED, post-stratified, within phases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from lifthouse.results.registry import Registry
from lifthouse.results.states import MetricStates
from lifthouse.statistics.adjustment import adjusted_comparison
from lifthouse.statistics.comparison import Comparison, compare
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.reasons import Floats, Reason
from lifthouse.statistics.stratification import combined_comparison, stratified_comparison

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Compared:
    """Two arms of a metric, compared in one way on n rows.

    Attributes:
        keys: Columns that say which rows these are: scalars, or arrays of shape (n,).
        variance_reduction: none, cuped or post_stratified.
        comparison: The comparison.
        plain: The same without variance reduction.
        count_all: Units of all arms of the experiment, shape (n,); None for quantiles.
        arms: Moments of both arms, control first, where nothing was adjusted or weighted; else None.
        is_quantile: Whether quantiles are compared.

    """

    keys: dict[str, object]
    variance_reduction: str
    comparison: Comparison
    plain: Comparison
    count_all: Floats | None = None
    arms: tuple[Moments, Moments] | None = None
    is_quantile: bool = False


def metric_comparisons(states: MetricStates, registry: Registry, *, strata: str | None) -> Iterator[Compared]:
    """Compare the arms of one experiment's metric.

    Every treatment is compared with control on every day and in every segment; the other pairs on the last day only.
    Where allocation changed between phases, arms are compared within phases: the whole is the phases' average weighted
    by their units, and segments of other dimensions, which are not split by phase, have the reason allocation_changed.

    Args:
        states: The metric's states.
        registry: Who is control.
        strata: Dimension by which effects are post-stratified too; None for no such rows.

    Yields:
        The comparisons.

    """
    control = registry.controls[states.experiment_id]
    treatments = registry.treatments.get(states.experiment_id, [])
    everywhere = np.arange(len(states.segments) * len(states.days))
    pairs = [(control, treatment, everywhere) for treatment in treatments]
    pairs += [(one, other, states.latest) for one, other in combinations(treatments, 2)]
    count_all = sum((arm.count for arm in states.arms.values()), np.zeros(len(everywhere)))
    for reference, treatment, rows in pairs:
        arms = (_arm(states, reference), _arm(states, treatment))
        keys = _keys(states, rows, reference, treatment)
        whole = compare(*arms, denominator=states.denominator)
        plain = within_phases(states, whole)
        unadjusted = (arms[0][rows], arms[1][rows]) if plain is whole else None
        yield Compared(keys, "none", rows_at(plain, rows), rows_at(plain, rows), count_all[rows], unadjusted)
        if states.covariates:
            adjusted = within_phases(
                states, adjusted_comparison(*arms, states.covariates, denominator=states.denominator)
            )
            yield Compared(keys, "cuped", rows_at(adjusted, rows), rows_at(plain, rows), count_all[rows])
        if reference == control and plain is whole and any(dimension == strata for dimension, _ in states.segments):
            yield _post_stratified(states, str(strata), (reference, treatment))


def _arm(states: MetricStates, variant: str) -> Moments:
    """Moments of a variant; of no units if the data have none of it."""
    if variant in states.arms:
        return states.arms[variant]
    like = next(iter(states.arms.values()))
    return Moments(np.zeros_like(like.count), np.full_like(like.mean, np.nan), np.full_like(like.covariance, np.nan))


def within_phases(states: MetricStates, comparison: Comparison) -> Comparison:
    """Give the whole as the average of the phases, if there are several; the comparison itself if not.

    Args:
        states: The metric's states.
        comparison: Of two arms of it, on all rows.

    """
    phases = [at for at, (dimension, _) in enumerate(states.segments) if dimension == "phase"]
    if len(phases) < 2:
        return comparison
    n_days = len(states.days)
    rows = np.concatenate([np.arange(n_days) + at * n_days for at in phases])
    combined = combined_comparison(rows_at(comparison, rows), np.tile(np.arange(n_days), len(phases)), n_days)
    everyone = states.rows_of("all", "all")
    changed = {field.name: getattr(comparison, field.name).copy() for field in fields(comparison)}
    changed["reason"][:] = Reason.ALLOCATION_CHANGED
    changed["reason"][rows] = comparison.reason[rows]
    for name, values in changed.items():
        values[everyone] = getattr(combined, name)
    return replace(comparison, **changed)


def _post_stratified(states: MetricStates, strata: str, variants: tuple[str, str]) -> Compared:
    """Compare all units, the strata weighted by their share of both arms."""
    n_days = len(states.days)
    of_strata = [at for at, (dimension, _) in enumerate(states.segments) if dimension == strata]
    rows = np.concatenate([np.arange(n_days) + at * n_days for at in of_strata])
    groups = np.tile(np.arange(n_days), len(of_strata))
    arms = [_arm(states, variant) for variant in variants]
    stratified = stratified_comparison(arms[0][rows], arms[1][rows], groups, n_days, denominator=states.denominator)
    everyone = np.arange(len(states.segments) * n_days)[states.rows_of("all", "all")]
    plain = compare(arms[0][everyone], arms[1][everyone], denominator=states.denominator)
    return Compared(_keys(states, everyone, *variants), "post_stratified", stratified, plain)


def rows_at(comparison: Comparison, rows: Rows) -> Comparison:
    """Take some rows of a comparison."""
    return Comparison(**{field.name: getattr(comparison, field.name)[rows] for field in fields(comparison)})


def _keys(states: MetricStates, rows: Rows, reference: str, treatment: str) -> dict[str, object]:
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
