"""`fct_refutations`: what should be no effect is none, what should change nothing does not, and what hides could do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import special

from lifthouse.causal.doubly_robust import OutcomeLearner, aipw, cross_fit_outcomes
from lifthouse.causal.estimates import CausalEstimate
from lifthouse.causal.propensity import PropensityLearner, assign_folds, cross_fit
from lifthouse.causal.weighting import Estimand, balancing_weights, effective_sample_size
from lifthouse.results.columns import typed
from lifthouse.results.propensities import Fitted, Pair
from lifthouse.results.score_refutations import ALPHA, score_refutations
from lifthouse.results.sensitivities import sensitivity_rows
from lifthouse.results.treatment_effects import SAMPLE_KEYS, Sample, sample_of
from lifthouse.statistics.reasons import Floats
from lifthouse.threads import linear_algebra_threads

COLUMNS = {
    "experiment_id": "string",
    "metric_name": "string",
    "treatment_variant_id": "string",
    "estimand": "string",
    "estimator": "string",
    "refuter": "string",
    "verdict": "string",
    "reason": "string",
    "estimate": "float64",
    "refuted_estimate": "float64",
    "standard_error": "float64",
    "p_value": "float64",
    "statistic": "float64",
}
_REPEATS = 4
_SUBSET_SHARE = 0.8


@dataclass(frozen=True)
class _Setting:
    """How estimates are repeated: with the learners that were chosen for the estimate itself."""

    estimand: Estimand
    propensity_learner: PropensityLearner
    outcome_learners: tuple[OutcomeLearner, OutcomeLearner]
    seed: int

    def estimate(self, sample: Sample, *, keep_scores: bool = False) -> CausalEstimate:
        scores = sample.scores
        folds = sample.folds
        if not keep_scores:
            folds = assign_folds(sample.treated, seed=self.seed)
            learners = (self.propensity_learner,)
            scores = cross_fit(sample.design, sample.treated, folds, seed=self.seed, learners=learners).scores
        nuisances = cross_fit_outcomes(
            sample.design,
            sample.treated,
            sample.outcome,
            scores,
            folds,
            seed=self.seed,
            propensity_learner=self.propensity_learner,
            learners=((self.outcome_learners[0],), (self.outcome_learners[1],)),
        )
        return aipw(sample.design, sample.treated, sample.outcome, nuisances, self.estimand)


def refutations(
    pairs: Sequence[Pair],
    sampled_units: Callable[[Pair], pa.Table],
    outcomes: Callable[[Pair, pa.Table], pd.DataFrame],
    effects: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    estimand: Estimand = "ate",
    overlap_fails_below: float = 0.1,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Try to refute each pair's AIPW estimate.

    Args:
        pairs: The pairs.
        sampled_units: Gives a pair's fitted units: `SAMPLE_KEYS` and the covariates.
        outcomes: Gives metric_name, unit_id, value and days_followed of a pair's fitted units.
        effects: `fct_treatment_effects`.
        metrics: `int_experiment_metrics`.
        estimand: Whose effect.
        overlap_fails_below: Overlap fails where the effective sample size of an arm is a smaller share of the units of
            the smaller arm than this, or where a larger share of those whose effect it is has no counterpart.
        confidence: Level of significance in the sensitivity analyses.

    Returns:
        `COLUMNS`, one row per pair, metric and refuter. Verdicts are pass, warn, fail and not_applicable; `overlap` and
        `calibration` are of the scores, with metric `all`.

    """
    rows: list[dict[str, object]] = []
    proportions = metrics.set_index(["experiment_id", "metric_name"])["is_proportion"]
    for pair in pairs:
        table = sampled_units(pair)
        keys = {"experiment_id": pair.experiment_id, "treatment_variant_id": pair.treatment, "estimand": estimand}
        fitted = Fitted.from_table(table, pair, SAMPLE_KEYS)
        # These units may be fewer than those that scores and effects are from.
        reason = (table["score_reason"][0].as_py() if len(table) else pair.withheld) or fitted.reason
        if reason:
            rows.append({**keys, "metric_name": "all", "refuter": "overlap", **_not_applicable(reason)})
            continue
        units = pd.Index(table["unit_id"].to_numpy(zero_copy_only=False))
        values = outcomes(pair, table)
        with linear_algebra_threads(len(table)):
            for row in score_refutations(fitted, table, estimand, overlap_fails_below):
                rows.append({**keys, "metric_name": "all", **row})
            published = _published(effects, pair, estimand)
            for effect in published[published["dimension"] == "all"].to_dict("records"):
                metric = str(effect["metric_name"])
                of_metric = values[values["metric_name"] == metric].dropna(subset="value").set_index("unit_id")
                sample, _ = sample_of(fitted, table, units, of_metric.reset_index())
                found = _of_metric(
                    fitted,
                    sample,
                    of_metric["days_followed"].reindex(units[units.isin(of_metric.index)]).to_numpy(float),
                    effect,
                    seed=pair.seed,
                    is_proportion=bool(proportions[pair.experiment_id, metric]),
                    confidence=confidence,
                )
                found.append(_heterogeneity(published[published["metric_name"] == metric]))
                rows += [{**keys, "metric_name": metric, "estimator": "aipw", **row} for row in found]
    return typed(pd.DataFrame(rows), COLUMNS)


def _published(effects: pd.DataFrame, pair: Pair, estimand: Estimand) -> pd.DataFrame:
    """Rows of the estimates to refute, of all units and by segment."""
    return effects[
        (effects["experiment_id"] == pair.experiment_id)
        & (effects["treatment_variant_id"] == pair.treatment)
        & (effects["estimand"] == estimand)
        & (effects["estimator"] == "aipw")
        & (effects["population"] == "all")
    ]


def _of_metric(
    fitted: Fitted,
    sample: Sample,
    days_followed: Floats,
    effect: dict[Any, Any],
    *,
    seed: int,
    is_proportion: bool,
    confidence: float,
) -> list[dict[str, object]]:
    reason = effect["reason"] if isinstance(effect["reason"], str) else sample.reason
    if reason:
        return [{"refuter": "placebo_treatment", **_not_applicable(reason)}]
    setting = _Setting(
        cast(Estimand, effect["estimand"]),
        cast(PropensityLearner, effect["propensity_learner"]),
        cast(tuple[OutcomeLearner, OutcomeLearner], tuple(str(effect["outcome_learner"]).split("/"))),
        seed,
    )
    # The published estimate, or its like on fewer units.
    base = setting.estimate(sample, keep_scores=True)
    if base.reason:
        return [{"refuter": "placebo_treatment", **_not_applicable(base.reason)}]
    found = [
        *_refuted(sample, base, setting),
        _negative_control(fitted, sample, str(effect["metric_name"]), setting),
        _follow_up(sample, days_followed, base, setting),
        *sensitivity_rows(
            sample,
            base,
            fitted.encoder.names,
            seed,
            estimand=setting.estimand,
            is_proportion=is_proportion,
            confidence=confidence,
        ),
    ]
    return [{"estimate": base.estimate, **row} for row in found]


def _refuted(sample: Sample, base: CausalEstimate, setting: _Setting) -> Iterator[dict[str, object]]:
    random = np.random.default_rng(setting.seed)
    size = len(sample.treated)
    arms = (~sample.treated, sample.treated)
    placebos = [setting.estimate(replace(sample, treated=random.permutation(sample.treated))) for _ in range(_REPEATS)]
    known = np.column_stack([np.ones(size), sample.design])
    unexplained = sample.outcome - known @ np.linalg.lstsq(known, sample.outcome)[0]
    least = _pooled_error(unexplained, [int(arm.sum()) for arm in arms])
    yield _should_be_zero("placebo_treatment", placebos, "a treatment dealt at random shows an effect", "fail", least)
    dummies = [
        setting.estimate(replace(sample, outcome=random.permutation(sample.outcome)), keep_scores=True)
        for _ in range(_REPEATS)
    ]
    weights = balancing_weights(sample.scores, sample.treated, setting.estimand)
    least = _pooled_error(sample.outcome, [effective_sample_size(weights[arm]) for arm in arms])
    yield _should_be_zero("dummy_outcome", dummies, "an outcome dealt at random shows an effect", "fail", least)
    noisy = replace(sample, design=np.column_stack([sample.design, random.normal(size=size)]))
    yield _should_be_same("random_common_cause", base, setting.estimate(noisy), base.standard_error)
    # So many of each arm, with their scores: drawn or fitted anew, those of a rare arm would move it by more than that.
    inside = np.zeros(size, dtype=bool)
    for arm in arms:
        units = random.permutation(np.flatnonzero(arm))
        inside[units[: round(_SUBSET_SHARE * len(units))]] = True
    # A subset's estimate differs from the whole's by as much as the variances do.
    expected = base.standard_error * float(np.sqrt(1 / _SUBSET_SHARE - 1))
    yield _should_be_same("data_subset", base, setting.estimate(sample.of(inside), keep_scores=True), 2.576 * expected)


def _pooled_error(outcome: Floats, sizes: Sequence[float]) -> float:
    """Error of a difference between arms that nothing tells apart, by the spread of all their units.

    The units of a rare arm have their own spread by chance, small where none of the few high values is among them.
    """
    return float(outcome.std() * np.sqrt(sum(1 / size for size in sizes)))


def _should_be_zero(
    refuter: str, repeats: Sequence[CausalEstimate], otherwise: str, verdict: str, least_error: float = 0.0
) -> dict[str, object]:
    usable = [repeat for repeat in repeats if repeat.reason is None]
    if not usable:
        return {"refuter": refuter, **_not_applicable(repeats[0].reason or "")}
    mean = float(np.mean([repeat.estimate for repeat in usable]))
    of_one = max(float(np.mean([repeat.standard_error**2 for repeat in usable])), least_error**2)
    error = float(np.sqrt(of_one / len(usable)))
    p_value = 2 * float(special.ndtr(-abs(mean / error)))
    return {
        "refuter": refuter,
        "verdict": verdict if p_value < ALPHA else "pass",
        "reason": otherwise if p_value < ALPHA else None,
        "refuted_estimate": mean,
        "standard_error": error,
        "p_value": p_value,
        "statistic": mean / error,
    }


def _should_be_same(refuter: str, base: CausalEstimate, again: CausalEstimate, bound: float) -> dict[str, object]:
    if again.reason:
        return {"refuter": refuter, **_not_applicable(again.reason)}
    moved = abs(again.estimate - base.estimate) / bound
    return {
        "refuter": refuter,
        "verdict": "pass" if moved <= 1 else "fail",
        "reason": None if moved <= 1 else "the estimate moves further than chance would move it",
        "refuted_estimate": again.estimate,
        "standard_error": again.standard_error,
        "statistic": moved,
    }


def _negative_control(fitted: Fitted, sample: Sample, metric: str, setting: _Setting) -> dict[str, object]:
    """Estimate the effect on the metric's own past, which nothing can have changed, adjusted for all else."""
    names = [column.covariate for column in fitted.encoder.columns]
    past = f"pre_{metric}"
    others = [other for other, name in enumerate(names) if name != past]
    if past not in names or not others:
        return {"refuter": "negative_control", **_not_applicable("the metric has no past among the covariates")}
    at = names.index(past)
    column = fitted.encoder.columns[at]
    control = replace(
        sample, design=sample.design[:, others], outcome=column.centre + column.scale * sample.design[:, at]
    )
    if control.reason:
        return {"refuter": "negative_control", **_not_applicable(control.reason)}
    estimate = setting.estimate(control)
    return _should_be_zero(
        "negative_control", [estimate], "the arms differ in the metric's past beyond what covariates explain", "warn"
    )


def _follow_up(sample: Sample, days: Floats, base: CausalEstimate, setting: _Setting) -> dict[str, object]:
    """Compare units that were followed for as long: what is counted since exposure grows with the days since then."""
    if np.isnan(days).all() or np.ptp(days) == 0:
        return {"refuter": "follow_up", **_not_applicable("all units were followed for as long")}
    of_control, of_treatment = days[~sample.treated], days[sample.treated]
    counted = f"units were followed for {of_control.mean():.1f} days in control, {of_treatment.mean():.1f} in treatment"
    if of_control.max() < of_treatment.min() or of_treatment.max() < of_control.min():
        return {"refuter": "follow_up", "verdict": "fail", "reason": f"{counted}, and none as long as in the other arm"}
    scaled = (days - days.mean()) / days.std()
    again = setting.estimate(replace(sample, design=np.column_stack([sample.design, scaled])))
    # A covariate also moves the estimate by chance: one that explains the outcome by what it takes from the variance,
    # one that explains the choice by what it adds.
    explained = abs(base.standard_error**2 - again.standard_error**2)
    row = _should_be_same("follow_up", base, again, max(base.standard_error, 2.576 * float(np.sqrt(explained))))
    if row["verdict"] == "fail":
        row["reason"] = f"{counted}; of those followed for as long the estimate is {again.estimate:.4g}"
    return row


def _heterogeneity(effects: pd.DataFrame) -> dict[str, object]:
    """Whether one number tells the story: Cochran's test of segments' effects, the dimension that differs most."""
    by_segment = effects[(effects["dimension"] != "all") & effects["reason"].isna()]
    found = []
    for dimension, rows in by_segment.groupby("dimension"):
        if len(rows) < 2:
            continue
        precision = 1 / rows["standard_error"] ** 2
        mean = (precision * rows["estimate"]).sum() / precision.sum()
        statistic = float((precision * (rows["estimate"] - mean) ** 2).sum())
        ordered = rows.sort_values("estimate")
        least, most = ordered.iloc[0], ordered.iloc[-1]
        found.append(
            (
                float(special.chdtrc(len(rows) - 1, statistic)),
                statistic,
                f"the effect differs by {dimension}: {least['estimate']:.4g} in {least['segment']}, "
                f"{most['estimate']:.4g} in {most['segment']}",
            )
        )
    if not found:
        return {"refuter": "heterogeneity", **_not_applicable("no dimension has two segments with an effect")}
    p_value, statistic, differs = min(found)
    p_value = min(1.0, p_value * len(found))
    return {
        "refuter": "heterogeneity",
        "verdict": "warn" if p_value < ALPHA else "pass",
        "reason": differs if p_value < ALPHA else None,
        "p_value": p_value,
        "statistic": statistic,
    }


def _not_applicable(reason: str) -> dict[str, object]:
    return {"verdict": "not_applicable", "reason": reason}
