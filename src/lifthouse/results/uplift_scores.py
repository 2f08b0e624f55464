"""`fct_uplift_scores`: the effect on each unit, out of fold for fitted units, by the final model for all others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from scipy import special

from lifthouse.results.uplift_evaluation import Best, best_learners
from lifthouse.results.uplift_models import (
    HeldOutTarget,
    PairKeys,
    Target,
    held_out_targets,
    load_models,
)
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
    others: Iterable[pa.RecordBatch],
    *,
    confidence: float = 0.95,
) -> Iterator[pa.RecordBatch]:
    """Score all units of the experiments that have models, in batches.

    Args:
        targets: What was modelled.
        models: `int_uplift_models`.
        held_out: `int_uplift_held_out`.
        evaluation: `int_uplift_evaluation`.
        others: Batches of `int_uplift_units` that were not fitted, each in memory only while it is scored.
        confidence: Level of the intervals of learners that have standard errors.

    Yields:
        Rows per experiment, treatment, metric, unit and learner: fitted units by every learner, out of fold; others by
        the best learner, averaged over the folds' models, none of which has seen them. Tiers are the winner's fifths.

    """
    best = best_learners(evaluation)
    reach = float(-special.ndtri((1 - confidence) / 2))
    modelled = list(held_out_targets(targets, models, held_out))
    for held in modelled:
        yield from _held_out_batches(held, best, reach)
    loaded = {
        (held.target.experiment_id, held.target.metric_name): list(load_models(held.target.rows_of(models)).values())
        for held in modelled
    }
    cuts = _tier_cuts(modelled, best)
    for batch in others:
        frame = batch.to_pandas()
        for held in modelled:
            target = held.target
            units = frame[frame["experiment_id"] == target.experiment_id]
            if units.empty:
                continue
            fitted = loaded[target.experiment_id, target.metric_name]
            x = fitted[0][0].encode(units)
            uplifts, errors = zip(
                *(_final(fitted, best.get(key), at, x) for at, key in enumerate(_keys(target))), strict=True
            )
            chosen = _chosen(target, best, uplifts)
            for at, key in enumerate(_keys(target)):
                if key not in best:
                    continue
                learner, has_won = best[key]
                above = np.searchsorted(cuts[key], target.sign * uplifts[at], side="right")
                tier = np.array(TIERS)[above] if has_won else None
                is_best = chosen == at if has_won else None
                yield _batch(key, learner, units["unit_id"], (uplifts[at], errors[at], reach), (tier, is_best, None))


def _keys(target: Target) -> list[PairKeys]:
    return [target.keys_of(treatment) for treatment in target.variants[1:]]


def _chosen(target: Target, best: Best, uplifts: Sequence[Floats]) -> Ints:
    """Each unit's most profitable treatment among those that have a winner, -1 for none."""
    won = [
        uplift if best.get(key, ("", False))[1] else None for key, uplift in zip(_keys(target), uplifts, strict=True)
    ]
    if all(uplift is None for uplift in won):
        return np.full(len(uplifts[0]), -1)
    return target.best_treatments(won)[0]


def _final(
    fitted: list[tuple[Encoding, FoldModels]], best: tuple[str, bool] | None, at: int, x: Floats
) -> tuple[Floats, Floats]:
    """Uplift by the best learner, averaged over the folds' models, and its standard error."""
    if best is None:
        return np.full(len(x), np.nan), np.full(len(x), np.nan)
    effects = [models.effects[best[0]][at] for _, models in fitted]
    uplift = np.mean([effect.predict(x) for effect in effects], axis=0)
    error = np.full(len(x), np.nan)
    if hasattr(effects[0], "standard_error"):
        error = np.mean([effect.standard_error(x) for effect in effects], axis=0)  # type: ignore[attr-defined]
    return np.asarray(uplift, float), np.asarray(error, float)


def _held_out_batches(held: HeldOutTarget, best: Best, reach: float) -> Iterator[pa.RecordBatch]:
    target = held.target
    winners = [best.get(key, ("", False)) for key in _keys(target)]
    first = next(iter(held.uplifts))
    chosen = _chosen(target, best, [held.uplifts[learner or first][:, at] for at, (learner, _) in enumerate(winners)])
    for at, key in enumerate(_keys(target)):
        winner, has_won = winners[at]
        for learner, uplifts in held.uplifts.items():
            tier = is_best = None
            if has_won and learner == winner:
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
