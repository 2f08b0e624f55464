"""Models of effects unit by unit, and the out-of-fold scores they give: what all uplift results are made from."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from lifthouse.statistics.reasons import Bools, Floats, Ints
from lifthouse.uplift.cross_fitting import FoldModels, fit_arms, of_units
from lifthouse.uplift.encoding import Encoding, post_treatment_columns, significant
from lifthouse.uplift.evaluation import too_few
from lifthouse.uplift.learners import NEED_RANDOMISED, Boosting
from lifthouse.uplift.policy import arm_scores

KEYS = ["experiment_id", "metric_name"]
# Chance that a clean experiment is refused because a covariate differs between its arms.
LEAK_ALPHA = 1e-4
MODELS = pa.schema(
    [
        ("experiment_id", pa.string()),
        ("metric_name", pa.string()),
        ("fold", pa.int32()),
        ("learners", pa.list_(pa.string())),
        ("variants", pa.list_(pa.string())),
        ("covariates", pa.list_(pa.string())),
        ("count_units", pa.int64()),
        ("data_fingerprint", pa.string()),
        ("reason", pa.string()),
        ("model", pa.binary()),
    ]
)
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


class PairKeys(NamedTuple):
    """Columns that say which treatment's effect on which metric it is."""

    experiment_id: str
    metric_name: str
    treatment_variant_id: str


PAIR = [(name, pa.string()) for name in PairKeys._fields]


@dataclass(frozen=True)
class Target:
    """An effect to be modelled.

    Attributes:
        experiment_id: The experiment.
        metric_name: The metric.
        variants: Control first.
        shares: Designed share of each variant; NaN where nobody assigned and the registry has none.
        costs: Money that each treatment costs for a unit; 0 where the registry has none.
        value: Money that one unit of the metric is worth; NaN where the registry has none.
        sign: 1 if more of the metric is better, else -1.
        reason: Why it is not modelled, or None.
        is_randomised: Whether variants were assigned at random; if not, each unit has an estimated propensity.

    """

    experiment_id: str
    metric_name: str
    variants: tuple[str, ...]
    shares: tuple[float, ...]
    costs: tuple[float, ...]
    value: float
    sign: float
    reason: str | None
    is_randomised: bool = True

    @property
    def propensity(self) -> str:
        """Where chances of treatment come from."""
        return "registry" if self.is_randomised else "estimated"

    def rows_of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows of a frame that are this target's."""
        return frame[(frame["experiment_id"] == self.experiment_id) & (frame["metric_name"] == self.metric_name)]

    def units_of(self, units: pd.DataFrame, unit_ids: pd.Series) -> pd.DataFrame:
        """Rows of `int_uplift_units` of these units of the experiment, in their order."""
        return units[units["experiment_id"] == self.experiment_id].set_index("unit_id").loc[unit_ids]

    def keys_of(self, treatment: str) -> PairKeys:
        """Experiment, metric and one of its treatments: what scores are judged by."""
        return PairKeys(self.experiment_id, self.metric_name, treatment)


def targets_of(targets: pd.DataFrame, variants: pd.DataFrame) -> list[Target]:
    """Read what is to be modelled.

    Args:
        targets: `int_uplift_targets`.
        variants: Seed `experiment_variants`.

    Returns:
        Targets by experiment and metric.

    """
    found = []
    for row in targets.sort_values(KEYS).to_dict("records"):
        arms = variants[variants["experiment_id"] == row["experiment_id"]]
        arms = arms.sort_values("is_control", ascending=False, kind="stable")
        reason = None if pd.isna(row["reason"]) else str(row["reason"])
        is_randomised = bool(row["is_randomised"])
        if reason is None and is_randomised and arms["expected_share"].isna().any():
            reason = "no_expected_share"
        found.append(
            Target(
                str(row["experiment_id"]),
                str(row["metric_name"]),
                tuple(arms["variant_id"].astype(str)),
                tuple(arms["expected_share"].astype(float)),
                tuple(arms["cost_per_unit"].astype(float).fillna(0.0)[1:]),
                float(row["value_per_unit"]) if pd.notna(row["value_per_unit"]) else float("nan"),
                -1.0 if row["direction"] == "decrease" else 1.0,
                reason,
                is_randomised,
            )
        )
    return found


def uplift_models(
    targets: list[Target],
    units: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    learners: tuple[str, ...],
    settings: Boosting | None = None,
) -> pa.Table:
    """Fit the learners of every target, each fold left out once.

    Args:
        targets: What to model.
        units: Fitted units of `int_uplift_units`, with a column a covariate.
        outcomes: `int_unit_outcomes` of these units.
        learners: Which to compare.
        settings: Of the gradient boosting.

    Returns:
        One row per experiment, metric and fold, with the models pickled; one row with a reason and no fold where
        there are none. The same data and settings give the same models, and the same fingerprint.

    """
    rows: list[dict[str, object]] = []
    for target in targets:
        row: dict[str, object] = {"experiment_id": target.experiment_id, "metric_name": target.metric_name}
        row |= {"learners": list(learners), "variants": list(target.variants)}
        if target.reason:
            rows.append(row | {"reason": target.reason})
            continue
        joined = _joined(target, units, outcomes)
        arm = _arms(target, joined)
        covariates = joined[_covariates(joined)]
        encoding = Encoding.of(covariates)
        x, y = encoding.encode(covariates), joined["value"].to_numpy(float)
        shares = _shares(target, joined)
        able = _able(target, learners)
        reason = _refusal(target, x, y, arm, encoding) or (None if able else "no_learner_for_arms_that_nobody_assigned")
        row |= {
            "learners": list(able or learners),
            "covariates": list(encoding.groups),
            "count_units": len(joined),
            "data_fingerprint": fingerprint(
                joined[["unit_id", "variant_id", "fold"]],
                np.column_stack([x, y] if target.is_randomised else [x, y, shares]),
                (learners, settings or Boosting()),
            ),
        }
        if reason:
            rows.append(row | {"reason": reason})
            continue
        for fold in np.unique(joined["fold"]):
            rest = joined["fold"].to_numpy() != fold
            models = fit_arms(able, x[rest], y[rest], arm[rest], of_units(shares, rest), settings=settings)
            rows.append(row | {"fold": int(fold), "model": pickle.dumps((encoding, models))})
    return pa.Table.from_pylist(rows, schema=MODELS)


def fingerprint(units: pd.DataFrame, numbers: Floats, choices: object) -> str:
    """Fingerprint of what models are made from: who is in which arm and fold, covariates, outcomes, and choices."""
    digest = hashlib.sha256(pd.util.hash_pandas_object(units, index=False).to_numpy().tobytes())
    digest.update(np.ascontiguousarray(numbers).tobytes())
    digest.update(repr(choices).encode())
    return digest.hexdigest()


def load_models(models: pd.DataFrame) -> dict[int, tuple[Encoding, FoldModels]]:
    """Load the models of one experiment and metric by fold.

    Args:
        models: Rows of `int_uplift_models`. Unpickling runs code: load only what your own builds have saved.

    Returns:
        Encoding of covariates and models, by the fold they have not seen; empty where there is a reason.

    """
    fitted = models[models["fold"].notna()]
    return {int(fold): pickle.loads(model) for fold, model in zip(fitted["fold"], fitted["model"], strict=True)}


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
        joined = _joined(target, units, outcomes)
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
        rows = target.rows_of(frame)
        if rows.empty:
            continue
        learners = [str(name) for name in target.rows_of(models)["learners"].iloc[0]]
        of_target = held_out.select(lists).take(pa.array(rows.index.to_numpy()))
        expected, *by_learner = (from_lists(of_target[name]) for name in lists)
        uplifts, errors = (values.reshape(len(rows), len(learners), -1) for values in by_learner)
        yield HeldOutTarget(
            target,
            rows["unit_id"],
            _arms(target, rows),
            rows["fold"].to_numpy(np.int64),
            rows["outcome"].to_numpy(float),
            _shares(target, rows),
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


def _joined(target: Target, units: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    of_experiment = units[units["experiment_id"] == target.experiment_id]
    values = target.rows_of(outcomes)[["unit_id", "value"]]
    joined = of_experiment.merge(values, on="unit_id", validate="one_to_one").dropna(subset=["value"])
    joined = joined[joined["variant_id"].isin(target.variants)].sort_values("unit_id").reset_index(drop=True)
    return joined.assign(value=significant(joined["value"].to_numpy(float)))


def _shares(target: Target, frame: pd.DataFrame) -> Floats:
    """Chance of each arm, shape (arms,) by design, (n, 2) where they were estimated."""
    if target.is_randomised:
        return np.array(target.shares)
    propensity = frame["treatment_propensity"].to_numpy(float)
    return np.column_stack([1 - propensity, propensity])


def _propensities(target: Target, frame: pd.DataFrame) -> pa.Array:
    if target.is_randomised:
        return pa.nulls(len(frame), pa.float64())
    return pa.array(frame["treatment_propensity"], pa.float64())


def _able(target: Target, learners: tuple[str, ...]) -> tuple[str, ...]:
    """Learners that can tell an effect from a choice, if arms were chosen."""
    return tuple(name for name in learners if target.is_randomised or name not in NEED_RANDOMISED)


def _covariates(frame: pd.DataFrame) -> list[str]:
    others = {"experiment_id", "unit_id", "variant_id", "fold", "is_fitted", "treatment_propensity", "value"}
    return [str(name) for name in frame.columns if name not in others]


def _arms(target: Target, frame: pd.DataFrame) -> Ints:
    positions = {name: at for at, name in enumerate(target.variants)}
    return np.asarray(frame["variant_id"].map(positions), np.int64)


def _refusal(target: Target, x: Floats, y: Floats, arm: Ints, encoding: Encoding) -> str | None:
    """Name the reason why effects can't be learned from these data, or None."""
    n_arms = len(target.variants)
    pairs = [(arm == 0) | (arm == at) for at in range(1, n_arms)]
    for at, pair in enumerate(pairs, start=1):
        reason = "too_few_units" if len(np.unique(arm[pair])) < 2 else too_few(y[pair], arm[pair] == at)
        if reason:
            return reason
    if not encoding.columns:
        return "no_covariates"
    if not target.is_randomised:  # whoever chooses an arm differs before exposure
        return None
    for at, pair in enumerate(pairs, start=1):
        leaks = post_treatment_columns(
            x[pair], arm[pair] == at, groups=encoding.groups, alpha=LEAK_ALPHA / (n_arms - 1)
        )
        if leaks:
            return f"post_treatment_covariates: {', '.join(leaks)}"
    return None
