"""`fct_bandit_allocations`: how to split the next units of each experiment by what its primary metric says so far."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal

import numpy as np
import pandas as pd

from lifthouse.bandits.thompson import best_bernoulli, best_normal, top_two, with_floor
from lifthouse.results.columns import columns_of, typed
from lifthouse.results.registry import Registry
from lifthouse.results.states import MetricStates, metric_states
from lifthouse.statistics.comparison import Estimate, estimate
from lifthouse.statistics.reasons import Floats

Method = Literal["thompson", "top_two"]

COLUMNS = columns_of(
    texts=["experiment_id", "variant_id", "metric_name", "reward", "reason"],
    counts=["count_units"],
    numbers=["mean", "standard_error", "probability_best", "current_share", "share"],
    dates=["as_of_date"],
)


def retired_arms(phases: pd.DataFrame) -> set[tuple[str, str]]:
    """Arms that are to get no unit in the last phase of their experiment.

    Args:
        phases: `dim_experiment_variants`: experiment_id, phase_id, variant_id, expected_share and started_at.

    Returns:
        Pairs of experiment and variant.

    """
    is_last = phases["started_at"] == phases.groupby("experiment_id")["started_at"].transform("max")
    going_on = phases[is_last & (phases["expected_share"] != 0)]
    known, with_units = (
        set(rows[["experiment_id", "variant_id"]].itertuples(index=False, name=None)) for rows in (phases, going_on)
    )
    return known - with_units


def bandit_allocations(
    moments: pd.DataFrame,
    registry: Registry,
    *,
    retired: Collection[tuple[str, str]] = (),
    method: Method = "thompson",
    floor: float = 0.05,
) -> pd.DataFrame:
    """Give each arm the probability that it is the best, and no arm less than the floor.

    The reward is the primary metric, of several the first by name. Proportions have a beta posterior from a uniform
    prior, all else a t distribution. Where shares changed between phases an arm's mean is that of the phases in which
    every arm has two units, weighted by all arms' units: the inverse-propensity estimate, which does not mistake a good
    week for a good arm. Retired arms have no share, and the others are compared without them.

    Args:
        moments: Rows of `fct_metric_moments` over all units and by phase.
        registry: Variants, primary metrics and what is withheld.
        retired: Experiment and variant of arms that are to get no more units; never all arms of an experiment.
        method: "thompson", or "top_two", which explores the runner-up more.
        floor: Least share of an arm; of many arms at most an even share.

    Returns:
        `COLUMNS`, one row per experiment and variant.

    """
    primary = registry.metrics[registry.metrics["role"] == "primary"].reset_index().drop_duplicates("experiment_id")
    chosen = dict(zip(primary["experiment_id"], primary["metric_name"], strict=True))
    is_reward = moments["experiment_id"].map(chosen) == moments["metric_name"]
    known = {states.experiment_id: states for states in metric_states(moments[is_reward])}
    parts = [
        _allocation(str(experiment), chosen, known.get(str(experiment)), registry, retired, method=method, floor=floor)
        for experiment in sorted(registry.controls)
    ]
    return typed(pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(), COLUMNS)


def _allocation(
    experiment: str,
    chosen: dict[str, str],
    states: MetricStates | None,
    registry: Registry,
    retired: Collection[tuple[str, str]],
    *,
    method: Method,
    floor: float,
) -> pd.DataFrame:
    """Rows of one experiment's arms."""
    arms = [registry.controls[experiment], *registry.treatments.get(experiment, [])]
    rows = pd.DataFrame({"experiment_id": experiment, "variant_id": arms, "metric_name": chosen.get(experiment)})
    reason = registry.withheld.get(experiment)
    if reason is None and experiment not in chosen:
        reason = "no_primary_metric"
    if reason is None and states is None:
        is_quantile = registry.metric(experiment, chosen[experiment])["kind"] == "quantile"
        reason = "no_reward_of_a_unit" if is_quantile else "no_units"
    if reason is not None or states is None:
        return rows.assign(reason=reason)
    in_phases = [list(_estimates(states, variant)) for variant in arms]
    counts = np.array([[float(part.count[0]) for part in parts] for parts in in_phases])
    rows = rows.assign(
        count_units=counts.sum(axis=1), current_share=counts.sum(axis=1) / counts.sum(), as_of_date=states.days[-1]
    )
    stays = np.array([(experiment, variant) not in retired for variant in arms])
    metric = registry.metric(experiment, chosen[experiment])
    compared = _shares(
        rows[stays],
        [parts for parts, counted in zip(in_phases, stays, strict=True) if counted],
        counts[stays],
        sign=-1.0 if metric["direction"] == "decrease" else 1.0,
        is_proportion=metric["is_proportion"],
        method=method,
        floor=floor,
    )
    return pd.concat([compared, rows[~stays].assign(reason="retired")])


def _shares(
    rows: pd.DataFrame,
    in_phases: list[list[Estimate]],
    counts: Floats,
    *,
    sign: float,
    is_proportion: bool,
    method: Method,
    floor: float,
) -> pd.DataFrame:
    """Add to the rows of arms that go on their means and shares; counts have shape (k, phases)."""
    means, errors, degrees = _combined(in_phases, counts)
    is_bernoulli = is_proportion and counts.shape[1] == 1
    rows = rows.assign(mean=means, standard_error=errors, reward="bernoulli" if is_bernoulli else "normal")
    if len(rows) == 1:
        best = np.ones(1)
    elif is_bernoulli:
        won = np.round(np.nan_to_num(means) * counts[:, 0])
        best = best_bernoulli(won, counts[:, 0] - won) if sign > 0 else best_bernoulli(counts[:, 0] - won, won)
    elif (errors > 0).all():
        best = best_normal(sign * means, errors, degrees_of_freedom=degrees)
    elif np.isfinite(errors).all():
        return rows.assign(reason="zero_variance")
    else:
        return rows.assign(reason="too_few_units" if counts.shape[1] == 1 else "no_phase_with_all_arms")
    shares = top_two(best) if method == "top_two" else best
    return rows.assign(probability_best=best, share=with_floor(shares, min(floor, 1 / len(rows))))


def _estimates(states: MetricStates, variant: str) -> Iterator[Estimate]:
    """One arm's estimate on the last day: over all units, or in each phase if there are several."""
    phases = [key for key in states.segments if key[0] == "phase"]
    for dimension, segment in phases if len(phases) > 1 else [("all", "all")]:
        last = np.array([states.rows_of(dimension, segment).stop - 1])
        if variant in states.arms:
            yield estimate(states.arms[variant][last], denominator=states.denominator)
        else:
            nothing = np.full(1, np.nan)
            yield Estimate(np.zeros(1), nothing, nothing, nothing, np.zeros(1, np.int8))


def _combined(in_phases: list[list[Estimate]], counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Means, their errors and degrees of freedom, of shape (k,), over the phases that know of every arm, if any does.

    A phase weighs as much as the units that all arms have in it; counts have shape (k, phases).
    """
    values, variances, degrees = (
        np.array([[float(getattr(part, name)[0]) for part in parts] for parts in in_phases])
        for name in ("value", "variance", "degrees_of_freedom")
    )
    knows_all = ((counts >= 2) & np.isfinite(variances)).all(axis=0)
    chosen = np.flatnonzero(knows_all) if knows_all.any() else np.arange(len(knows_all))
    values, variances, degrees = values[:, chosen], variances[:, chosen], degrees[:, chosen]
    weights = counts[:, chosen].sum(axis=0) / counts[:, chosen].sum()
    parts = weights**2 * variances
    with np.errstate(divide="ignore", invalid="ignore"):
        together = parts.sum(axis=1) ** 2 / (parts**2 / degrees).sum(axis=1)
    return (values * weights).sum(axis=1), np.sqrt(parts.sum(axis=1)), together
