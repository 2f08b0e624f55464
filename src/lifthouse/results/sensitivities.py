"""Rows of `fct_refutations` that say how strong a hidden confounder must be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lifthouse.causal.estimates import CausalEstimate
from lifthouse.causal.sensitivity import (
    approximate_risk_ratio,
    e_value,
    matched_differences,
    robustness,
    rosenbaum_gamma,
)
from lifthouse.causal.weighting import Estimand, balancing_weights
from lifthouse.results.treatment_effects import Sample

_MOST_PAIRS = 20_000
# Below these an unremarkable confounder would do: VanderWeele and Ding, Rosenbaum speak of such sizes as small.
_SMALL_E_VALUE = 1.25
_SMALL_GAMMA = 1.1


def sensitivity_rows(
    sample: Sample,
    estimate: CausalEstimate,
    names: Sequence[str],
    seed: int,
    *,
    estimand: Estimand,
    is_proportion: bool,
    confidence: float,
) -> Iterator[dict[str, object]]:
    """Give E-value, Rosenbaum's bound and the robustness value of one effect.

    Args:
        sample: Its units.
        estimate: Its estimate.
        names: Names of the design's columns.
        seed: Of what is drawn.
        estimand: Whose effect it is.
        is_proportion: Whether the outcome is 0 or 1.
        confidence: Level of significance.

    Returns:
        A row each; the verdict is warn where a small confounder, or one as strong as the strongest covariate that is
        recorded, would explain the effect away. An effect that is not significant needs none: not_applicable.

    """
    lower, upper = estimate.interval(confidence)
    is_significant = lower > 0 or upper < 0
    treated, outcome = sample.treated, sample.outcome
    # Of those whose effect it is, had none of them been treated.
    weights = balancing_weights(sample.scores, treated, estimand)
    untreated = float(np.average(outcome[~treated], weights=weights[~treated]))
    within_arms = float((outcome - np.where(treated, outcome[treated].mean(), outcome[~treated].mean())).std())
    nearest = lower if lower > 0 else upper if upper < 0 else 0.0
    ratio, closest = (
        approximate_risk_ratio(value, untreated, within_arms, is_proportion=is_proportion)
        for value in (estimate.estimate, nearest)
    )
    # The bound of the interval that is nearer to no effect decides.
    found = e_value(closest) if np.isfinite(closest) and is_significant else np.nan
    of_estimate = e_value(ratio) if np.isfinite(ratio) else np.nan
    yield _row(
        "e_value",
        of_estimate,
        is_significant,
        found < _SMALL_E_VALUE,
        f"a confounder tied to treatment and outcome by a risk ratio of {found:.2f} takes the significance away, "
        f"one of {of_estimate:.2f} the effect",
    )
    gamma = rosenbaum_gamma(
        matched_differences(sample.design, treated, outcome, most_pairs=_MOST_PAIRS, seed=seed),
        sign=estimate.estimate,
        alpha=1 - confidence,
    )
    yield _row(
        "rosenbaum_bound",
        gamma,
        is_significant,
        gamma < _SMALL_GAMMA,
        f"odds of treatment that differ by a factor of {gamma:.2f} between like units explain it away",
    )
    strength = robustness(sample.design, treated, outcome, confidence=confidence)
    strongest = names[strength.strongest] if strength.strongest >= 0 else "no covariate"
    same_side = strength.bounded_estimate * estimate.estimate > 0
    yield {
        **_row(
            "robustness_value",
            strength.robustness_value,
            is_significant,
            not same_side or strength.robustness_value_significance == 0,
            f"a confounder as strong as {strongest} brings it to {strength.bounded_estimate:.4g}",
        ),
        "refuted_estimate": strength.bounded_estimate if np.isfinite(strength.bounded_estimate) else np.nan,
    }


def _row(refuter: str, statistic: float, is_significant: bool, is_fragile: bool, explained: str) -> dict[str, object]:
    if not np.isfinite(statistic):
        return {"refuter": refuter, "verdict": "not_applicable", "reason": "it is not defined for these values"}
    if not is_significant:
        reason = "the effect is not significant: there is nothing to explain away"
        return {"refuter": refuter, "verdict": "not_applicable", "reason": reason, "statistic": statistic}
    return {
        "refuter": refuter,
        "verdict": "warn" if is_fragile else "pass",
        "reason": explained,
        "statistic": statistic,
    }
