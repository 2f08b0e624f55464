"""`fct_uplift_scores`: the effect on each unit, out of fold for fitted units, by the final model for all others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from scipy import special

from lifthouse.results.uplift_evaluation import Best, best_learners
from lifthouse.results.uplift_held_out import HeldOutTarget, held_out_targets
from lifthouse.results.uplift_models import load_models
from lifthouse.results.uplift_profit import (
    Ledger,
    best_treatments,
    expected_earnings,
    held_out_earnings,
    ledger_of,
    positions,
    winner_of,
)
from lifthouse.results.uplift_targets import PairKeys, Target
from lifthouse.statistics.reasons import Bools, Floats, Ints
from lifthouse.uplift.cross_fitting import FoldModels
from lifthouse.uplift.encoding import Encoding
from lifthouse.uplift.evaluation import ranks_within
from lifthouse.uplift.policy import TIERS, tier_of

SCORES = pa.schema(
    [
        ("experiment_id", pa.string()),
        ("treatment_variant_id", pa.string()),
        ("metric_name", pa.string()),
        ("unit_id", pa.string()),
        ("learner", pa.string()),
        ("tier", pa.string()),
        ("fold", pa.int32()),
        ("uplift", pa.float64()),
        ("uplift_ci_lower", pa.float64()),
        ("uplift_ci_upper", pa.float64()),
        ("is_winner", pa.bool_()),
        ("is_best_treatment", pa.bool_()),
    ]
)


def uplift_scores(
    targets: list[Target],
    models: pd.DataFrame,
    held_out: pa.Table,
    evaluation: pd.DataFrame,
    units: Iterable[pa.RecordBatch],
    *,
    confidence: float = 0.95,
) -> Iterator[pa.RecordBatch]:
    """Score all units of the experiments that have models, in batches.

    Args:
        targets: What was modelled.
        models: `int_uplift_models`.
        held_out: `int_uplift_held_out`.
        evaluation: `int_uplift_evaluation`.
        units: Batches of `int_uplift_units`, each in memory only while it is scored.
        confidence: Level of the intervals of learners that have standard errors.

    Yields:
        Rows per experiment, treatment, metric, unit and learner: fitted units by every learner, out of fold; others,
        also those whose outcome is not known yet, by the best learner, averaged over the folds' models, none of which
        has seen them. Tiers are the winner's fifths.

    """
    best = best_learners(evaluation)
    reach = float(-special.ndtri((1 - confidence) / 2))
    modelled = list(held_out_targets(targets, models, held_out))
    experiments = [
        _experiment(name, [held for held in modelled if held.target.experiment_id == name], targets, models)
        for name in dict.fromkeys(held.target.experiment_id for held in modelled)
    ]
    for experiment in experiments:
        for held in experiment.held.values():
            yield from _held_out_batches(held, experiment, best, reach)
    cuts = _tier_cuts(modelled, best)
    for batch in units:
        frame = batch.to_pandas(date_as_object=False)
        for experiment in experiments:
            of_experiment = frame[frame["experiment_id"] == experiment.experiment_id]
            yield from _other_batches(of_experiment, experiment, best, cuts, reach)


@dataclass(frozen=True)
class _Experiment:
    """Targets of one experiment that have models, by metric: held-out scores, the folds' models, what enters profit."""

    experiment_id: str
    held: dict[str, HeldOutTarget]
    models: dict[str, list[tuple[Encoding, FoldModels]]]
    ledgers: dict[str, Ledger]


def _experiment(
    experiment_id: str, modelled: Sequence[HeldOutTarget], targets: Sequence[Target], models: pd.DataFrame
) -> _Experiment:
    held = {of.target.metric_name: of for of in modelled}
    return _Experiment(
        experiment_id,
        held,
        {name: list(load_models(of.target.rows_of(models)).values()) for name, of in held.items()},
        {name: ledger_of(of.target, targets, held) for name, of in held.items()},
    )


def _keys(target: Target) -> list[PairKeys]:
    return [target.keys_of(treatment) for treatment in target.variants[1:]]


def _chosen(ledger: Ledger, earnings: Sequence[Floats | None], size: int) -> Ints:
    """Each unit's most profitable treatment, -1 for none, shape (size,)."""
    if all(earned is None for earned in earnings):
        return np.full(size, -1)
    return best_treatments(ledger, earnings)[0]


def _other_batches(
    units: pd.DataFrame, experiment: _Experiment, best: Best, cuts: dict[PairKeys, Floats], reach: float
) -> Iterator[pa.RecordBatch]:
    places = {name: positions(units["unit_id"], held.unit_ids) for name, held in experiment.held.items()}
    lacking = np.any([place < 0 for place in places.values()], axis=0)
    if not lacking.any():
        return
    units, places = units[lacking], {name: place[lacking] for name, place in places.items()}
    finals: dict[PairKeys, tuple[Floats, Floats]] = {}
    for name, held in experiment.held.items():
        fitted = experiment.models[name]
        x = fitted[0][0].encode(units)
        finals |= {key: _final(fitted, best[key][0], at, x) for at, key in enumerate(_keys(held.target)) if key in best}

    def effect_of(target: Target, at: int, learner: str | None) -> Floats:
        held, place = experiment.held[target.metric_name], places[target.metric_name]
        average = held.average_effects()[:, at]
        held_out = held.uplifts[learner][:, at] if learner else average
        return np.where(place >= 0, held_out[place], finals[_keys(target)[at]][0] if learner else average.mean())

    for name, held in experiment.held.items():
        ledger, left = experiment.ledgers[name], places[name] < 0
        if not left.any():
            continue
        chosen = _chosen(ledger, expected_earnings(ledger, best, effect_of), len(units))[left]
        for at, key in enumerate(_keys(held.target)):
            if key not in best:
                continue
            learner, has_won = best[key]
            uplift, error = (values[left] for values in finals[key])
            above = np.searchsorted(cuts[key], held.target.sign * uplift, side="right")
            tier = np.array(TIERS)[above] if has_won else None
            is_best = chosen == at if has_won else None
            yield _batch(key, learner, units["unit_id"][left], (uplift, error, reach), (tier, is_best, None))


def _final(fitted: list[tuple[Encoding, FoldModels]], learner: str, at: int, x: Floats) -> tuple[Floats, Floats]:
    """Uplift by a learner, averaged over the folds' models, and its standard error."""
    effects = [models.effects[learner][at] for _, models in fitted]
    uplift = np.mean([effect.predict(x) for effect in effects], axis=0)
    error = np.full(len(x), np.nan)
    if hasattr(effects[0], "standard_error"):
        error = np.mean([effect.standard_error(x) for effect in effects], axis=0)  # type: ignore[attr-defined]
    return np.asarray(uplift, float), np.asarray(error, float)


def _held_out_batches(
    held: HeldOutTarget, experiment: _Experiment, best: Best, reach: float
) -> Iterator[pa.RecordBatch]:
    target, ledger = held.target, experiment.ledgers[held.target.metric_name]
    earnings = held_out_earnings(ledger, held.unit_ids, experiment.held, best)
    chosen = _chosen(ledger, earnings, len(held.unit_ids))
    for at, key in enumerate(_keys(target)):
        winner = winner_of(target, at, best)
        for learner, uplifts in held.uplifts.items():
            tier = is_best = None
            if learner == winner:
                tier = np.array(TIERS)[tier_of(ranks_within(target.sign * uplifts[:, at], held.folds))]
                is_best = chosen == at
            numbers = (uplifts[:, at], held.standard_errors[learner][:, at], reach)
            yield _batch(key, learner, held.unit_ids, numbers, (tier, is_best, held.folds))


def _tier_cuts(modelled: list[HeldOutTarget], best: Best) -> dict[PairKeys, Floats]:
    """Bounds of the tiers of each treatment's best learner: fifths of its held-out scores, higher is better."""
    cuts = {}
    for held in modelled:
        for at, key in enumerate(_keys(held.target)):
            if key in best:
                uplift = held.target.sign * held.uplifts[best[key][0]][:, at]
                cuts[key] = np.quantile(uplift, np.arange(1, len(TIERS)) / len(TIERS))
    return cuts


def _batch(
    key: PairKeys,
    learner: str,
    unit_ids: pd.Series,
    numbers: tuple[Floats, Floats, float],
    labels: tuple[npt.NDArray[np.str_] | None, Bools | None, Ints | None],
) -> pa.RecordBatch:
    """Columns of one learner's units: uplift, error and reach of the interval; tier, best treatment and fold."""
    (uplift, error, reach), (tier, is_best, folds), n = numbers, labels, len(unit_ids)
    columns = [
        pa.repeat(key.experiment_id, n),
        pa.repeat(key.treatment_variant_id, n),
        pa.repeat(key.metric_name, n),
        pa.array(unit_ids, pa.string()),
        pa.repeat(learner, n),
        pa.nulls(n, pa.string()) if tier is None else pa.array(tier, pa.string()),
        pa.nulls(n, pa.int32()) if folds is None else pa.array(folds, pa.int32()),
        pa.array(uplift, pa.float64()),
        pa.array(uplift - reach * error, pa.float64(), from_pandas=True),
        pa.array(uplift + reach * error, pa.float64(), from_pandas=True),
        pa.repeat(tier is not None, n),
        pa.nulls(n, pa.bool_()) if is_best is None else pa.array(is_best, pa.bool_()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCORES)
