"""`fct_uplift_evaluation` and `fct_uplift_curves`: is any learner better than random, and which is best."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from lifthouse.results.uplift_held_out import HeldOutTarget, held_out_targets
from lifthouse.results.uplift_targets import PAIR, PairKeys, Target
from lifthouse.statistics.reasons import Bools, Floats, Ints
from lifthouse.uplift.cross_fitting import of_units
from lifthouse.uplift.curves import Curve, Ranking
from lifthouse.uplift.evaluation import AT_NAMES, Measure, evaluate, evaluate_observed, ranks_within
from lifthouse.uplift.policy import arm_scores

# Enough for a standard error that is 7% off, one time in three.
DRAWS = 100
CURVE_SHARES = np.linspace(0, 1, 51)
EVALUATION = pa.schema(
    [
        *PAIR,
        ("learner", pa.string()),
        ("measure", pa.string()),
        ("propensity", pa.string()),
        ("reason", pa.string()),
        ("targeting_reason", pa.string()),
        ("value", pa.float64()),
        ("random_value", pa.float64()),
        ("standard_error", pa.float64()),
        ("ci_lower", pa.float64()),
        ("ci_upper", pa.float64()),
        ("p_value", pa.float64()),
        ("is_best", pa.bool_()),
        ("is_winner", pa.bool_()),
    ]
)
CURVES = pa.schema(
    [
        *PAIR,
        ("learner", pa.string()),
        ("curve", pa.string()),
        ("share_targeted", pa.float64()),
        ("gain", pa.float64()),
        ("random_gain", pa.float64()),
        ("is_winner", pa.bool_()),
    ]
)
# Best learner of each pair, and whether it is better than random.
Best = dict[PairKeys, tuple[str, bool]]


@dataclass(frozen=True)
class Pair:
    """One treatment against control, the units of these two arms only; more of the outcome is better.

    Attributes:
        target: What it belongs to.
        treatment: The treatment's variant.
        at: Position of the treatment among the treatments.
        inside: Which of the target's units these are, shape (all units,).
        outcome: Times the target's sign, shape (n,).
        treated: Shape (n,).
        folds: Shape (n,).
        scores: By learner, uplift times the target's sign, shape (n,).
        controls: Doubly robust score of each unit's outcome in control, shape (n,).
        effects: Doubly robust score of each unit's effect, shape (n,).

    """

    target: Target
    treatment: str
    at: int
    inside: Bools
    outcome: Floats
    treated: Bools
    folds: Ints
    scores: dict[str, Floats]
    controls: Floats
    effects: Floats

    @property
    def keys(self) -> PairKeys:
        """Which pair it is."""
        return self.target.keys_of(self.treatment)


def pairs_of(held_out: HeldOutTarget) -> Iterator[Pair]:
    """Give each treatment of a target against control."""
    target = held_out.target
    for at, treatment in enumerate(target.variants[1:]):
        inside = (held_out.arm == 0) | (held_out.arm == at + 1)
        outcome = target.sign * held_out.outcome[inside]
        treated = held_out.arm[inside] > 0
        shares = of_units(held_out.shares, inside)[..., [0, at + 1]]
        scores = arm_scores(
            outcome,
            treated,
            target.sign * held_out.expected[inside][:, [0, at + 1]],
            shares / shares.sum(axis=-1, keepdims=True),
        )
        yield Pair(
            target,
            treatment,
            at,
            inside,
            outcome,
            treated,
            held_out.folds[inside],
            {name: target.sign * uplift[inside, at] for name, uplift in held_out.uplifts.items()},
            scores[:, 0],
            scores[:, 1] - scores[:, 0],
        )


def uplift_evaluation(
    targets: list[Target], models: pd.DataFrame, held_out: pa.Table, *, confidence: float = 0.95
) -> pa.Table:
    """Measure every learner of every target, and name the winner.

    Args:
        targets: What was modelled.
        models: `int_uplift_models`.
        held_out: `int_uplift_held_out`.
        confidence: Level of the intervals.

    Returns:
        One row per experiment, metric, treatment, learner and measure. Where there are no models, one row a learner
        with a reason and without numbers.

    """
    rows: list[dict[str, object]] = []
    measured = {}
    for held in held_out_targets(targets, models, held_out):
        measured[held.target.experiment_id, held.target.metric_name] = held
    for target in targets:
        held_target = measured.get((target.experiment_id, target.metric_name))
        if held_target is None:
            rows += _withheld(target, target.rows_of(models))
            continue
        for pair in pairs_of(held_target):
            rows += _evaluated(pair, confidence)
    return pa.Table.from_pylist(rows, schema=EVALUATION)


def seed_of(*names: str) -> int:
    """Seed that depends on nothing but names.

    Example:
        >>> seed_of("a", "b") == seed_of("a", "b") != seed_of("ab")
        True

    """
    return int.from_bytes(hashlib.sha256("\n".join(names).encode()).digest()[:4], "big")


def best_learners(evaluation: pd.DataFrame) -> Best:
    """Best learner of each experiment, metric and treatment, and whether it is better than random."""
    best = evaluation[evaluation["is_best"]].drop_duplicates(list(PairKeys._fields))
    keys = best[list(PairKeys._fields)].itertuples(index=False)
    return {
        PairKeys(*key): (str(learner), bool(is_winner))
        for key, learner, is_winner in zip(keys, best["learner"], best["is_winner"], strict=True)
    }


def uplift_curves(
    targets: list[Target], models: pd.DataFrame, held_out: pa.Table, evaluation: pd.DataFrame
) -> pa.Table:
    """Points of the uplift and Qini curves of every learner, in additional outcome per unit of all.

    Args:
        targets: What was modelled.
        models: `int_uplift_models`.
        held_out: `int_uplift_held_out`.
        evaluation: `int_uplift_evaluation`.

    Returns:
        51 points a curve: one per experiment, metric, treatment, learner, curve and share of units. Where nobody
        assigned the arms, the uplift curve alone, of doubly robust scores.

    """
    best = best_learners(evaluation)
    tables = [CURVES.empty_table()]
    for held in held_out_targets(targets, models, held_out):
        for pair in pairs_of(held):
            winner, has_won = best.get(pair.keys, ("", False))
            for learner, score in pair.scores.items():
                ranking = Ranking.of(ranks_within(score, pair.folds))
                for kind, curve, per in _curves(pair, ranking):
                    gain = pair.target.sign * curve.at(CURVE_SHARES) / per
                    rows = {
                        **pair.keys._asdict(),
                        "learner": learner,
                        "curve": kind,
                        "share_targeted": CURVE_SHARES,
                        "gain": gain,
                        "random_gain": CURVE_SHARES * gain[-1],
                        "is_winner": has_won and learner == winner,
                    }
                    tables.append(pa.Table.from_pandas(pd.DataFrame(rows), schema=CURVES, preserve_index=False))
    return pa.concat_tables(tables)


def _curves(pair: Pair, ranking: Ranking) -> Iterator[tuple[str, Curve, int]]:
    """Give the curves of a ranking, and by how many units to divide them."""
    if not pair.target.is_randomised:
        yield "uplift", ranking.added(pair.effects), len(pair.outcome)
        return
    # The Qini curve counts in treated units: both are given per unit of the ranked.
    yield "uplift", ranking.curve(pair.outcome, pair.treated, kind="uplift"), len(pair.outcome)
    yield "qini", ranking.curve(pair.outcome, pair.treated, kind="qini"), int(np.count_nonzero(pair.treated))


def _withheld(target: Target, models: pd.DataFrame) -> list[dict[str, object]]:
    learners = [str(name) for name in models["learners"].iloc[0]]
    return [
        {
            **target.keys_of(treatment)._asdict(),
            "learner": learner,
            "measure": "qini" if target.is_randomised else "uplift_area",
            "propensity": target.propensity,
            "reason": models["reason"].iloc[0],
            "targeting_reason": models["reason"].iloc[0],
            "is_best": False,
            "is_winner": False,
        }
        for treatment in target.variants[1:]
        for learner in learners
    ]


def _evaluated(pair: Pair, confidence: float) -> list[dict[str, object]]:
    seed = seed_of(*pair.keys)
    measured = evaluate if pair.target.is_randomised else evaluate_observed
    result = measured(
        pair.outcome,
        pair.scores,
        pair.treated,
        effects=pair.effects,
        folds=pair.folds,
        seed=seed,
        draws=DRAWS,
        confidence=confidence,
    )
    rows = []
    for learner, measures in result.measures.items():
        behind = result.differences.get(learner)
        for measure in (*measures, *([behind] if behind else [])):
            sign = pair.target.sign if measure.name in AT_NAMES else 1.0
            rows.append(
                pair.keys._asdict()
                | {"learner": learner, "measure": measure.name, "propensity": pair.target.propensity}
                | {"targeting_reason": result.reason}
                | {"is_best": learner == result.best, "is_winner": learner == result.winner}
                | _numbers(measure, sign)
            )
    return rows


def _numbers(measure: Measure, sign: float) -> dict[str, object]:
    if not np.isfinite([measure.value, measure.standard_error]).all():
        return {"reason": "not_defined"}
    bounds = sorted((sign * measure.ci_lower, sign * measure.ci_upper))
    return {
        "value": sign * measure.value,
        "random_value": sign * measure.random_value,
        "standard_error": measure.standard_error,
        "ci_lower": bounds[0],
        "ci_upper": bounds[1],
        "p_value": measure.p_value if np.isfinite(measure.p_value) else None,
    }
