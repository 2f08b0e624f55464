"""Out-of-fold scores: what models say of the units that they have not seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from lifthouse.results.uplift_models import load_models
from lifthouse.results.uplift_targets import Target
from lifthouse.statistics.reasons import Bools, Floats, Ints
from lifthouse.uplift.cross_fitting import of_units
from lifthouse.uplift.policy import arm_scores

HELD_OUT = pa.schema(
    [
        ("experiment_id", pa.string()),
        ("metric_name", pa.string()),
        ("unit_id", pa.string()),
        ("variant_id", pa.string()),
        ("fold", pa.int32()),
        ("outcome", pa.float64()),
        ("expected_outcomes", pa.list_(pa.float64())),
        ("uplifts", pa.list_(pa.float64())),
        ("standard_errors", pa.list_(pa.float64())),
        ("treatment_propensity", pa.float64()),
    ]
)


def held_out_scores(
    targets: list[Target], models: pd.DataFrame, units: pd.DataFrame, outcomes: pd.DataFrame
) -> pa.Table:
    """Score every fitted unit by the models that have not seen its fold.

    Args:
        targets: What was modelled.
        models: `int_uplift_models`.
        units: Fitted units of `int_uplift_units`.
        outcomes: `int_unit_outcomes` of these units.

    Returns:
        One row per experiment, metric and unit: expected outcomes by variant, control first, and uplifts by learner
        and treatment, learner by learner, with their standard errors, NaN where the learner has none; the estimated
        propensity, null where the registry gives it.

    """
    tables = [HELD_OUT.empty_table()]
    for target in targets:
        loaded = load_models(target.rows_of(models))
        if not loaded:
            continue
        joined = target.units_with_outcome(units, outcomes)
        folds = joined["fold"].to_numpy()
        width = (len(target.variants) - 1) * len(next(iter(loaded.values()))[1].effects)
        expected = np.empty((len(joined), len(target.variants)))
        uplifts, errors = np.empty((2, len(joined), width))
        for fold, (encoding, fitted) in loaded.items():
            inside = folds == fold
            x = encoding.encode(joined[inside])
            expected[inside] = fitted.expected(x)
            uplifts[inside] = np.hstack([fitted.effect(learner, x) for learner in fitted.effects])
            errors[inside] = np.hstack([fitted.standard_error(learner, x) for learner in fitted.effects])
        tables.append(
            pa.table(
                [
                    pa.array([target.experiment_id] * len(joined)),
                    pa.array([target.metric_name] * len(joined)),
                    pa.array(joined["unit_id"], pa.string()),
                    pa.array(joined["variant_id"], pa.string()),
                    pa.array(folds, pa.int32()),
                    pa.array(joined["value"], pa.float64()),
                    as_lists(expected),
                    as_lists(uplifts),
                    as_lists(errors),
                    _propensities(target, joined),
                ],
                schema=HELD_OUT,
            )
        )
    return pa.concat_tables(tables)


@dataclass(frozen=True)
class HeldOutTarget:
    """One target's held-out scores as arrays.

    Attributes:
        target: The target.
        unit_ids: Shape (n,).
        arm: 0 for control, shape (n,).
        folds: Shape (n,).
        outcome: Shape (n,).
        shares: Chance of each arm by design, shape (arms,), or of each unit's, estimated, shape (n, arms).
        expected: Outcome expected in each arm, shape (n, arms).
        uplifts: By learner, shape (n, arms - 1).
        standard_errors: Of these, NaN where the learner has none.

    """

    target: Target
    unit_ids: pd.Series
    arm: Ints
    folds: Ints
    outcome: Floats
    shares: Floats
    expected: Floats
    uplifts: dict[str, Floats]
    standard_errors: dict[str, Floats]

    def only(self, inside: Bools) -> HeldOutTarget:
        """Give some of the units; inside has shape (n,)."""
        return replace(
            self,
            unit_ids=self.unit_ids[inside],
            arm=self.arm[inside],
            folds=self.folds[inside],
            outcome=self.outcome[inside],
            shares=of_units(self.shares, inside),
            expected=self.expected[inside],
            uplifts={learner: uplifts[inside] for learner, uplifts in self.uplifts.items()},
            standard_errors={learner: errors[inside] for learner, errors in self.standard_errors.items()},
        )

    def arm_scores(self) -> Floats:
        """Doubly robust score of each unit's outcome in each arm, shape (n, arms)."""
        return arm_scores(self.outcome, self.arm, self.expected, self.shares)

    def average_effects(self) -> Floats:
        """Average effect of each treatment by the doubly robust scores of the other folds, shape (n, arms - 1)."""
        scores = self.arm_scores()
        effects = scores[:, 1:] - scores[:, :1]
        averages = np.empty_like(effects)
        for fold in np.unique(self.folds):
            averages[self.folds == fold] = effects[self.folds != fold].mean(axis=0)
        return averages


def held_out_targets(targets: list[Target], models: pd.DataFrame, held_out: pa.Table) -> Iterator[HeldOutTarget]:
    """Give the held-out scores of each target that has models."""
    lists = ["expected_outcomes", "uplifts", "standard_errors"]
    frame = held_out.drop_columns(lists).to_pandas()
    for target in targets:
        # A table has no order, and the bootstrap's draws fall on units by theirs.
        rows = target.rows_of(frame).sort_values("unit_id")
        if rows.empty:
            continue
        learners = [str(name) for name in target.rows_of(models)["learners"].iloc[0]]
        of_target = held_out.select(lists).take(pa.array(rows.index.to_numpy()))
        expected, *by_learner = (from_lists(of_target[name]) for name in lists)
        uplifts, errors = (values.reshape(len(rows), len(learners), -1) for values in by_learner)
        yield HeldOutTarget(
            target,
            rows["unit_id"],
            target.arms_of(rows),
            rows["fold"].to_numpy(np.int64),
            rows["outcome"].to_numpy(float),
            target.shares_of(rows),
            expected,
            {learner: uplifts[:, at] for at, learner in enumerate(learners)},
            {learner: errors[:, at] for at, learner in enumerate(learners)},
        )


def as_lists(values: Floats) -> pa.ListArray:
    """Rows of a two-dimensional array as lists."""
    offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(offsets, pa.array(values.ravel()))


def from_lists(lists: pa.ChunkedArray) -> Floats:
    """Give lists of one length as a two-dimensional array."""
    flat = lists.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, float).reshape(len(lists), -1)


def _propensities(target: Target, frame: pd.DataFrame) -> pa.Array:
    if target.is_randomised:
        return pa.nulls(len(frame), pa.float64())
    return pa.array(frame["treatment_propensity"], pa.float64())
