"""Models of effects unit by unit: what all uplift results are made from."""

from __future__ import annotations

import hashlib
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa

from lifthouse.results.uplift_targets import Target
from lifthouse.statistics.reasons import Floats, Ints
from lifthouse.uplift.cross_fitting import FoldModels, fit_arms, of_units, propensity_of
from lifthouse.uplift.encoding import Encoding, post_treatment_columns
from lifthouse.uplift.evaluation import too_few
from lifthouse.uplift.learners import NEED_BINARY, NEED_RANDOMISED, Boosting, is_binary, is_too_rare

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
        joined = target.units_with_outcome(units, outcomes)
        arm = target.arms_of(joined)
        covariates = joined[_covariates(joined)]
        encoding = Encoding.of(covariates)
        x, y = encoding.encode(covariates), joined["value"].to_numpy(float)
        shares = target.shares_of(joined)
        able = _able(learners, y, is_randomised=target.is_randomised)
        reason = _refusal(target, x, y, arm, encoding)
        if reason is None and not able:
            lacking = "outcomes_beside_0_and_1" if target.is_randomised else "arms_that_nobody_assigned"
            reason = f"no_learner_for_{lacking}"
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


def _able(learners: tuple[str, ...], y: Floats, *, is_randomised: bool) -> tuple[str, ...]:
    """Learners that can tell an effect from a choice, if arms were chosen, and that take the outcomes, shape (n,)."""
    unable = (() if is_randomised else NEED_RANDOMISED) + (() if is_binary(y) else NEED_BINARY)
    return tuple(name for name in learners if name not in unable)


def _covariates(frame: pd.DataFrame) -> list[str]:
    others = {"experiment_id", "unit_id", "variant_id", "fold", "is_fitted", "treatment_propensity", "value"}
    return [str(name) for name in frame.columns if name not in others]


def _refusal(target: Target, x: Floats, y: Floats, arm: Ints, encoding: Encoding) -> str | None:
    """Name the reason why effects can't be learned from these data, or None."""
    n_arms = len(target.variants)
    pairs = [(arm == 0) | (arm == at) for at in range(1, n_arms)]
    for at, pair in enumerate(pairs, start=1):
        reason = "too_few_units" if len(np.unique(arm[pair])) < 2 else too_few(y[pair], arm[pair] == at)
        if reason:
            return reason
        if target.is_randomised and is_too_rare(float(propensity_of(np.array(target.shares), at))):
            return "arm_too_rare"
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
