"""`fct_treatment_effects`: what a treatment changed that people chose themselves, by several estimators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from lifthouse.causal.doubly_robust import Nuisances, aipw, cross_fit_outcomes, double_machine_learning
from lifthouse.causal.estimates import CausalEstimate, missing
from lifthouse.causal.matching import matching, stratification
from lifthouse.causal.propensity import PropensityLearner
from lifthouse.causal.regression import difference_in_means, regression
from lifthouse.causal.weighting import ESTIMANDS, Estimand, ipw
from lifthouse.results.columns import typed
from lifthouse.results.propensities import UNIT_KEYS, Fitted, Pair, arms_reason
from lifthouse.statistics.digits import significant
from lifthouse.statistics.reasons import Bools, Floats, Ints
from lifthouse.threads import linear_algebra_threads

SAMPLE_KEYS = (*UNIT_KEYS, "propensity", "fold", "is_trimmed", "learner", "score_reason")
_WHOLE = {"dimension": "all", "segment": "all"}
COLUMNS = {
    "experiment_id": "string",
    "metric_name": "string",
    "control_variant_id": "string",
    "treatment_variant_id": "string",
    "population": "string",
    "dimension": "string",
    "segment": "string",
    "estimand": "string",
    "estimator": "string",
    "propensity_learner": "string",
    "outcome_learner": "string",
    "reason": "string",
    "count_control": "Int64",
    "count_treatment": "Int64",
    "estimate": "float64",
    "standard_error": "float64",
    "ci_lower": "float64",
    "ci_upper": "float64",
    "p_value": "float64",
    "effective_sample_size": "float64",
}


@dataclass(frozen=True)
class Sample:
    """The units of a pair that an effect on one metric is estimated from; arrays of shape (n_units,).

    Attributes:
        design: Covariates, shape (n_units, n_columns).
        treated: Whether a unit is treated.
        outcome: The metric.
        scores: Cross-fitted propensity scores.
        folds: Folds of the cross-fitting.
        is_trimmed: Whether a unit's score is out of bounds.

    """

    design: Floats
    treated: Bools
    outcome: Floats
    scores: Floats
    folds: Ints
    is_trimmed: Bools

    def of(self, units: Bools) -> Sample:
        """Keep the marked units."""
        return Sample(
            self.design[units],
            self.treated[units],
            self.outcome[units],
            self.scores[units],
            self.folds[units],
            self.is_trimmed[units],
        )

    @property
    def reason(self) -> str | None:
        """Why nothing can be estimated; None where it can."""
        reason = arms_reason(self.treated, self.design.shape[1])
        if reason:
            return reason
        if np.ptp(self.outcome) == 0:
            return "constant_outcome"
        if self.scores[self.treated].min() > self.scores[~self.treated].max():
            return "no_overlap"
        return None


def treatment_effects(
    pairs: Sequence[Pair],
    sampled_units: Callable[[Pair], pa.Table],
    outcomes: Callable[[Pair, pa.Table], pd.DataFrame],
    segments: Callable[[Pair, pa.Table], pd.DataFrame],
    metrics: pd.DataFrame,
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Estimate every metric's effect in every pair.

    Args:
        pairs: The pairs.
        sampled_units: Gives a pair's fitted units: `SAMPLE_KEYS` and the covariates.
        outcomes: Gives metric_name, unit_id and value of a pair's fitted units.
        segments: Gives unit_id of a pair's fitted units and their segment in each dimension.
        metrics: `int_experiment_metrics`.
        confidence: Level of the intervals.

    Returns:
        `COLUMNS`, one row per pair, metric, population, segment, estimand and estimator. Population `trimmed` is there
        where Crump's bound leaves units out; segments have AIPW alone. What can't be estimated has null numbers and a
        reason.

    """
    rows: list[dict[str, object]] = []
    for pair in pairs:
        names = sorted(metrics.loc[metrics["experiment_id"] == pair.experiment_id, "metric_name"])
        table = sampled_units(pair)
        with linear_algebra_threads(len(table)):
            rows += _effects_of(pair, table, outcomes(pair, table), segments(pair, table), names, confidence=confidence)
    return typed(pd.DataFrame(rows), COLUMNS)


def _effects_of(
    pair: Pair,
    table: pa.Table,
    outcomes: pd.DataFrame,
    segments: pd.DataFrame,
    metrics: Sequence[str],
    *,
    confidence: float,
) -> Iterator[dict[str, object]]:
    fitted = Fitted.from_table(table, pair, SAMPLE_KEYS)
    reason = table["score_reason"][0].as_py() if len(table) else pair.withheld or "one_arm"
    units = pd.Index(table["unit_id"].to_numpy(zero_copy_only=False))
    segments = segments.set_index("unit_id").reindex(units)
    for metric in metrics:
        keys = {
            "experiment_id": pair.experiment_id,
            "metric_name": metric,
            "control_variant_id": pair.control,
            "treatment_variant_id": pair.treatment,
        }
        known = outcomes[outcomes["metric_name"] == metric]
        if reason or known.empty:
            yield from _reasons(keys, reason or "no_unit_values")
            continue
        sample, learner = sample_of(fitted, table, units, known)
        if sample.reason:
            yield from _reasons(keys, sample.reason)
            continue
        nuisances = cross_fit_outcomes(
            sample.design,
            sample.treated,
            sample.outcome,
            sample.scores,
            sample.folds,
            seed=pair.seed,
            propensity_learner=learner,
        )
        of_units = segments[units.isin(known.dropna()["unit_id"])]
        for where, inside, estimators in _parts(sample, of_units):
            found = estimates(sample.of(inside), nuisances.of(inside), estimators)
            for estimand, estimator, estimate in found:
                row = _row(estimate, estimator, sample.of(inside), nuisances, confidence)
                yield {**keys, **where, "estimand": estimand, "estimator": estimator, **row}


def _parts(
    sample: Sample, segments: pd.DataFrame
) -> Iterator[tuple[dict[str, str], Bools, dict[Estimand, tuple[str, ...]]]]:
    """Give the parts of a sample: all units, those not trimmed, each segment; with what is estimated there."""
    everything = {estimand: estimators_of(estimand) for estimand in ESTIMANDS}
    inside = np.ones(len(sample.treated), dtype=bool)
    yield {"population": "all", **_WHOLE}, inside, everything
    if sample.is_trimmed.any():
        yield {"population": "trimmed", **_WHOLE}, ~sample.is_trimmed, everything
    robust: dict[Estimand, tuple[str, ...]] = dict.fromkeys(ESTIMANDS, ("aipw",))
    for dimension in segments.columns:
        values = segments[dimension].to_numpy()
        for segment in sorted(segments[dimension].dropna().unique()):
            where = {"population": "all", "dimension": str(dimension), "segment": str(segment)}
            yield where, np.asarray(values == segment, dtype=bool), robust


def sample_of(
    fitted: Fitted, table: pa.Table, units: pd.Index[str], outcomes: pd.DataFrame
) -> tuple[Sample, PropensityLearner]:
    """Bring a metric's values beside the fitted units; the learner of the scores comes along."""
    values = significant(outcomes.set_index("unit_id")["value"].reindex(units).to_numpy(float))
    has_value = ~np.isnan(values)
    sample = Sample(
        fitted.design,
        fitted.treated,
        values,
        table["propensity"].to_numpy(),
        table["fold"].to_numpy(),
        table["is_trimmed"].to_numpy(zero_copy_only=False).astype(bool),
    )
    return sample.of(has_value), table["learner"][0].as_py()


def _row(
    estimate: CausalEstimate, estimator: str, part: Sample, nuisances: Nuisances, confidence: float
) -> dict[str, object]:
    lower, upper = estimate.interval(confidence)
    is_robust = estimator in ("aipw", "dml")
    classical = None if estimator in ("difference_in_means", "regression") else "logistic"
    return {
        "propensity_learner": nuisances.propensity_learner if is_robust else classical,
        "outcome_learner": "/".join(nuisances.learners) if is_robust else None,
        "reason": estimate.reason,
        "count_control": int((~part.treated).sum()),
        "count_treatment": int(part.treated.sum()),
        "estimate": estimate.estimate,
        "standard_error": estimate.standard_error,
        "ci_lower": lower,
        "ci_upper": upper,
        "p_value": estimate.p_value,
        "effective_sample_size": estimate.effective_sample_size,
    }


def estimates(
    sample: Sample, nuisances: Nuisances, estimators: Mapping[Estimand, Sequence[str]]
) -> Iterator[tuple[Estimand, str, CausalEstimate]]:
    """Give every estimand by every estimator named."""
    reason = sample.reason
    for estimand, names in estimators.items():
        for estimator in names:
            yield estimand, estimator, missing(reason) if reason else _estimate(estimator, estimand, sample, nuisances)


def estimators_of(estimand: Estimand) -> tuple[str, ...]:
    """Estimators that have this estimand.

    Example:
        >>> estimators_of("ato")
        ('ipw', 'aipw', 'dml')

    """
    weighted = ("ipw", "aipw", "dml")
    if estimand == "ato":
        return weighted
    return (
        *(("difference_in_means",) if estimand == "ate" else ()),
        "regression",
        "matching",
        "stratification",
        *weighted,
    )


def _estimate(estimator: str, estimand: Estimand, sample: Sample, nuisances: Nuisances) -> CausalEstimate:
    design, treated, outcome = sample.design, sample.treated, sample.outcome
    of_treated = estimand == "att"
    estimators: dict[str, Callable[[], CausalEstimate]] = {
        "difference_in_means": lambda: difference_in_means(treated, outcome),
        "regression": lambda: regression(design, treated, outcome, of_treated=of_treated),
        "matching": lambda: matching(design, treated, outcome, of_treated=of_treated),
        "stratification": lambda: stratification(design, treated, outcome, of_treated=of_treated),
        "ipw": lambda: ipw(design, treated, outcome, estimand),
        "aipw": lambda: aipw(design, treated, outcome, nuisances, estimand),
        "dml": lambda: double_machine_learning(design, treated, outcome, nuisances, estimand),
    }
    return estimators[estimator]()


def _reasons(keys: dict[str, str], reason: str) -> Iterator[dict[str, object]]:
    for estimand in ESTIMANDS:
        for estimator in estimators_of(estimand):
            yield {
                **keys,
                "population": "all",
                **_WHOLE,
                "estimand": estimand,
                "estimator": estimator,
                "reason": reason,
            }
