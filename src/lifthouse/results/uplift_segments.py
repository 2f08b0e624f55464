"""`fct_uplift_drivers` and `fct_uplift_segments`: what moves the effect, and who is in which part of its range."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from lifthouse.results.uplift_evaluation import Pair, best_learners, pairs_of, seed_of
from lifthouse.results.uplift_held_out import held_out_targets
from lifthouse.results.uplift_models import load_models
from lifthouse.results.uplift_targets import PAIR, Target
from lifthouse.statistics.reasons import Bools, Floats
from lifthouse.uplift.calibration import mean_effect, observed_effect
from lifthouse.uplift.drivers import permutation_importance, shapley_importance
from lifthouse.uplift.encoding import Encoding
from lifthouse.uplift.evaluation import ranks_within
from lifthouse.uplift.policy import TIERS, tier_of

# What drives the scores is measured on at most so many units.
EXPLAINED_UNITS = 2000
DRIVERS = pa.schema(
    [
        *PAIR,
        ("learner", pa.string()),
        ("covariate", pa.string()),
        ("permutation_importance", pa.float64()),
        ("shap_importance", pa.float64()),
        ("importance_rank", pa.int64()),
        ("is_winner", pa.bool_()),
    ]
)
SEGMENTS = pa.schema(
    [
        *PAIR,
        ("learner", pa.string()),
        ("segmentation", pa.string()),
        ("segment", pa.string()),
        ("profile", pa.string()),
        ("segment_order", pa.int64()),
        ("count_control", pa.int64()),
        ("count_treatment", pa.int64()),
        ("share_of_units", pa.float64()),
        ("mean_control", pa.float64()),
        ("predicted_effect", pa.float64()),
        ("observed_effect", pa.float64()),
        ("observed_ci_lower", pa.float64()),
        ("observed_ci_upper", pa.float64()),
        ("is_winner", pa.bool_()),
    ]
)
QUADRANTS = ("sleeping dogs", "lost causes", "sure things", "persuadables")


def uplift_drivers(
    targets: list[Target], models: pd.DataFrame, held_out: pa.Table, evaluation: pd.DataFrame, units: pd.DataFrame
) -> pa.Table:
    """Rank the covariates by how much the best learner's scores depend on them.

    Args:
        targets: What was modelled.
        models: `int_uplift_models`.
        held_out: `int_uplift_held_out`.
        evaluation: `int_uplift_evaluation`.
        units: Fitted units of `int_uplift_units`.

    Returns:
        One row per experiment, metric, treatment and covariate, of the best learner, whether it has won or not.

    """
    best = best_learners(evaluation)
    rows: list[dict[str, object]] = []
    for held in held_out_targets(targets, models, held_out):
        target = held.target
        loaded = list(load_models(target.rows_of(models)).values())
        frame = target.units_of(units, held.unit_ids)
        seed = seed_of(target.experiment_id, target.metric_name)
        frame = frame.iloc[np.random.default_rng(seed).permutation(len(frame))[:EXPLAINED_UNITS]]
        encoding = loaded[0][0]
        x = encoding.encode(frame)
        for at, treatment in enumerate(target.variants[1:]):
            keys = target.keys_of(treatment)
            if keys not in best:
                continue
            learner, has_won = best[keys]
            effects = [models_of.effects[learner][at] for _, models_of in loaded]

            def score(covariates: Floats, effects: list = effects) -> Floats:  # type: ignore[type-arg]
                return np.asarray(np.mean([effect.predict(covariates) for effect in effects], axis=0), float)

            permuted = permutation_importance(score, x, encoding.groups, seed=seed)
            shapley = shapley_importance(score, x, encoding.groups, seed=seed)
            for rank, name in enumerate(sorted(shapley, key=lambda name: (-shapley[name], name)), start=1):
                rows.append(
                    {
                        **keys._asdict(),
                        "learner": learner,
                        "covariate": name,
                        "permutation_importance": permuted[name],
                        "shap_importance": shapley[name],
                        "importance_rank": rank,
                        "is_winner": has_won,
                    }
                )
    return pa.Table.from_pylist(rows, schema=DRIVERS)


def uplift_segments(
    targets: list[Target],
    models: pd.DataFrame,
    held_out: pa.Table,
    evaluation: pd.DataFrame,
    units: pd.DataFrame,
    *,
    confidence: float = 0.95,
) -> pa.Table:
    """Describe units by tier, decile and quadrant of the best learner's held-out scores.

    Args:
        targets: What was modelled.
        models: `int_uplift_models`.
        held_out: `int_uplift_held_out`.
        evaluation: `int_uplift_evaluation`.
        units: Fitted units of `int_uplift_units`.
        confidence: Level of the intervals.

    Returns:
        One row per experiment, metric, treatment, segmentation and segment.

    """
    best = best_learners(evaluation)
    rows: list[dict[str, object]] = []
    for held in held_out_targets(targets, models, held_out):
        frame = held.target.units_of(units, held.unit_ids)
        encoding = Encoding.of(frame[list(held.target.rows_of(models)["covariates"].iloc[0])])
        x = encoding.encode(frame)
        for pair in pairs_of(held):
            if pair.keys not in best:
                continue
            learner, has_won = best[pair.keys]
            score = pair.scores[learner]
            ranks = ranks_within(score, pair.folds)
            decile = np.minimum((ranks * 10).astype(np.int64), 9) + 1
            base = pair.target.sign * held.expected[pair.inside, 0]
            for segmentation, of, names in (
                ("tier", np.array(TIERS)[tier_of(ranks)], TIERS),
                ("decile", decile.astype(str), tuple(str(at) for at in range(1, 11))),
                ("quadrant", quadrants(score, base), QUADRANTS),
            ):
                for order, name in enumerate(names, start=1):
                    row = pair.keys._asdict() | {"learner": learner, "is_winner": has_won, "segmentation": segmentation}
                    row |= {"segment": name, "segment_order": order}
                    rows.append(
                        row | _described(pair, score, of == name, x[pair.inside], encoding, confidence=confidence)
                    )
    return pa.Table.from_pylist(rows, schema=SEGMENTS)


def quadrants(score: Floats, base: Floats) -> npt.NDArray[np.str_]:
    """Name each unit's quadrant by its predicted effect and its expected outcome without treatment.

    Whoever is predicted to lose is a sleeping dog; whoever gains at least half of the average predicted effect is
    persuadable; of the others those with at least the average outcome are sure things, the rest lost causes.

    Args:
        score: Predicted effects, higher is better, shape (n,).
        base: Outcome expected in control, higher is better, shape (n,).

    Example:
        >>> quadrants(np.array([-1.0, 3.0, 0.1, 0.2]), np.array([0.0, 0.0, 1.0, 0.0])).tolist()
        ['sleeping dogs', 'persuadables', 'sure things', 'lost causes']

    """
    threshold = max(float(score.mean()) / 2, 0.0)
    kinds: npt.NDArray[np.str_] = np.where(
        score < 0,
        "sleeping dogs",
        np.where(score >= threshold, "persuadables", np.where(base >= base.mean(), "sure things", "lost causes")),
    )
    return kinds


def _described(
    pair: Pair, score: Floats, inside: Bools, x: Floats, encoding: Encoding, *, confidence: float
) -> dict[str, object]:
    sign = pair.target.sign
    treated = pair.treated[inside]
    described: dict[str, object] = {
        "count_control": int(np.count_nonzero(~treated)),
        "count_treatment": int(np.count_nonzero(treated)),
        "share_of_units": float(inside.mean()),
    }
    if not inside.any():
        return described
    if pair.target.is_randomised:
        effect, lower, upper = observed_effect(pair.outcome[inside], treated, confidence=confidence)
        control = pair.outcome[inside][~treated]
    else:
        effect, lower, upper = mean_effect(pair.effects[inside], confidence=confidence)
        control = pair.controls[inside]
    bounds = sorted((sign * lower, sign * upper)) if np.isfinite(lower) else (None, None)
    return described | {
        "mean_control": sign * float(control.mean()) if len(control) else None,
        "predicted_effect": sign * float(score[inside].mean()),
        "observed_effect": sign * effect if np.isfinite(effect) else None,
        "observed_ci_lower": bounds[0],
        "observed_ci_upper": bounds[1],
        "profile": json.dumps(_profile(x, inside, encoding.columns)),
    }


def _profile(x: Floats, inside: Bools, columns: list[str]) -> dict[str, dict[str, float]]:
    """Mean of each covariate in a segment beside that of all, and the difference in standard deviations."""
    profile = {}
    for at, name in enumerate(columns):
        everyone, segment = x[:, at], x[inside, at]
        if np.isnan(segment).all():
            continue
        mean, of_all, deviation = np.nanmean(segment), np.nanmean(everyone), np.nanstd(everyone)
        difference = (mean - of_all) / deviation if deviation > 0 else 0.0
        profile[name] = {
            "mean": round(float(mean), 6),
            "mean_of_all": round(float(of_all), 6),
            "difference_in_standard_deviations": round(float(difference), 4),
        }
    return profile
