"""Rows of `fct_refutations` that are of the propensity scores: `overlap` and `calibration`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from scipy import special

from lifthouse.causal.propensity import CALIBRATED_SLOPE, diagnose
from lifthouse.causal.weighting import Estimand, balancing_weights, effective_sample_size, share_without_counterpart
from lifthouse.results.propensities import Fitted

# Of every refuter: a false alarm in a hundred.
ALPHA = 0.01
# Logits of a smaller standard deviation are noise around the same chance for all, and no weight hangs on them.
_LEAST_SPREAD = 0.2


def score_refutations(
    fitted: Fitted, table: pa.Table, estimand: Estimand, overlap_fails_below: float
) -> Iterator[dict[str, object]]:
    """Ask whether arms overlap, and whether scores come true.

    Args:
        fitted: Design and arms of the units.
        table: Their propensity and is_trimmed.
        estimand: Whose effect.
        overlap_fails_below: Overlap fails where the effective sample size of an arm is a smaller share of the units of
            the smaller arm than this, or where a larger share of those whose effect it is has no counterpart.

    Yields:
        Refuter, verdict, reason and statistic.

    """
    # The scores that the estimate rests on: those that have seen the units are milder, the more so the fewer units.
    treated, scores = fitted.treated, table["propensity"].to_numpy()
    weights = balancing_weights(scores, treated, estimand)
    sizes = [effective_sample_size(weights[arm]) for arm in (~treated, treated)]
    smaller = min(int(treated.sum()), int((~treated).sum()))
    share = min(sizes) / smaller
    alone = share_without_counterpart(scores, treated, estimand)
    left_out = float(np.mean(table["is_trimmed"].to_numpy(zero_copy_only=False).astype(bool)))
    counted = (
        f"effective sample sizes {sizes[0]:,.1f} of {(~treated).sum():,} in control and {sizes[1]:,.1f} of "
        f"{treated.sum():,} in treatment; trimming leaves out {left_out:.1%} of units, and {alone:.1%} of those whose "
        "effect it is are like nobody in the other arm"
    )
    lacking = f"too few units could have been in either arm: {counted}"
    fails = share < overlap_fails_below or alone > overlap_fails_below
    warns = share < 2.5 * overlap_fails_below or alone > overlap_fails_below / 2.5
    yield {
        "refuter": "overlap",
        "verdict": "fail" if fails else "warn" if warns else "pass",
        "statistic": share,
        "reason": lacking if warns else counted,
    }
    if float(np.log(scores / (1 - scores)).std()) < _LEAST_SPREAD:
        yield {
            "refuter": "calibration",
            "verdict": "not_applicable",
            "reason": "scores hardly differ between units",
        }
        return
    found = diagnose(scores, treated)
    slope, reach = found.calibration_slope, float(special.ndtri(1 - ALPHA / 2)) * found.calibration_error
    is_calibrated = CALIBRATED_SLOPE[0] - reach <= slope <= CALIBRATED_SLOPE[1] + reach
    yield {
        "refuter": "calibration",
        "verdict": "pass" if is_calibrated else "warn",
        "statistic": slope,
        "reason": None if is_calibrated else "scores are too bold" if slope < 1 else "scores are too timid",
    }
