"""`fct_covariate_balance`: how alike the arms are before and after each weighting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from lifthouse.causal.balance import ArmBalance, weighted_balance
from lifthouse.causal.matching import match_weights
from lifthouse.causal.propensity import SMALLEST_SCORE, fit_logistic
from lifthouse.causal.weighting import ESTIMANDS, balancing_weights, effective_units
from lifthouse.results.columns import typed
from lifthouse.results.propensities import Fitted, Pair
from lifthouse.results.treatment_effects import SAMPLE_KEYS
from lifthouse.statistics.reasons import Bools, Floats

COLUMNS = {
    "experiment_id": "string",
    "treatment_variant_id": "string",
    "population": "string",
    "weighting": "string",
    "covariate": "string",
    "reason": "string",
    "mean_control": "float64",
    "mean_treatment": "float64",
    "standardised_difference": "float64",
    "variance_ratio": "float64",
    "effective_sample_size": "float64",
    "is_balanced": "boolean",
}


def covariate_balance(
    pairs: Sequence[Pair], sampled_units: Callable[[Pair], pa.Table], *, largest_difference: float = 0.1
) -> pd.DataFrame:
    """Compare the arms of every pair, column by column of the design matrix.

    Args:
        pairs: The pairs.
        sampled_units: Gives a pair's fitted units: `SAMPLE_KEYS` and the covariates.
        largest_difference: A larger standardised difference, up or down, is imbalance.

    Returns:
        `COLUMNS`, one row per pair, population, weighting and column. Weightings: none; ate, att, ato by logistic
        regression on these units, as IPW has them; matched_att.

    """
    rows: list[dict[str, object]] = []
    for pair in pairs:
        table = sampled_units(pair)
        keys = {"experiment_id": pair.experiment_id, "treatment_variant_id": pair.treatment}
        reason = table["score_reason"][0].as_py() if len(table) else pair.withheld or "one_arm"
        if reason:
            rows.append({**keys, "population": "all", "weighting": "none", "covariate": "all", "reason": reason})
            continue
        fitted = Fitted.from_table(table, pair, SAMPLE_KEYS)
        is_trimmed = table["is_trimmed"].to_numpy(zero_copy_only=False).astype(bool)
        for population, inside in (("all", np.ones(len(is_trimmed), dtype=bool)), ("trimmed", ~is_trimmed)):
            design, treated = fitted.design[inside], fitted.treated[inside]
            if (population == "trimmed" and inside.all()) or min(treated.sum(), (~treated).sum()) < 2:
                continue
            for weighting, weights in weightings(design, treated):
                found = weighted_balance(design, treated, weights)
                rows += [
                    {
                        **keys,
                        "population": population,
                        "weighting": weighting,
                        "covariate": column.name,
                        "reason": None if np.isfinite(found.standardised_difference[at]) else "zero_variance",
                        "mean_control": column.centre + column.scale * found.mean_control[at],
                        "mean_treatment": column.centre + column.scale * found.mean_treatment[at],
                        "standardised_difference": found.standardised_difference[at],
                        "variance_ratio": found.variance_ratio[at],
                        "effective_sample_size": effective_units(weights, treated),
                        "is_balanced": _is_balanced(found, at, largest_difference),
                    }
                    for at, column in enumerate(fitted.encoder.columns)
                ]
    return typed(pd.DataFrame(rows), COLUMNS)


def _is_balanced(found: ArmBalance, at: int, largest_difference: float) -> object:
    if np.isfinite(found.standardised_difference[at]):
        return bool(abs(found.standardised_difference[at]) <= largest_difference)
    # The arm alone decides it: no spread to measure the difference by, and no weight takes it away.
    return False if found.mean_control[at] != found.mean_treatment[at] else pd.NA


def weightings(design: Floats, treated: Bools) -> Iterator[tuple[str, Floats]]:
    """Give each weighting by name, with its weights of shape (n_units,)."""
    yield "none", np.ones(len(treated))
    scores = np.clip(fit_logistic(design, treated).predict_proba(design)[:, 1], SMALLEST_SCORE, 1 - SMALLEST_SCORE)
    for estimand in ESTIMANDS:
        yield estimand, balancing_weights(scores, treated, estimand)
    matched = match_weights(design, treated)
    if all(matched[arm].any() for arm in (treated, ~treated)):
        yield "matched_att", matched
