"""Estimators that compare units of like propensity: matching with replacement, and stratification."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lifthouse.causal.estimates import CausalEstimate, checked, missing
from lifthouse.causal.propensity import SMALLEST_SCORE, fit_logistic
from lifthouse.statistics.reasons import Bools, Floats, Ints

# Widest distance of a match, in standard deviations of the score's logit (Austin 2011).
CALIPER = 0.2
STRATA = 10
# Covariances given the score are taken within so many strata.
_FINE_STRATA = 20
# A correction that takes more than this share off a variance is noise: covariances of the few units of a stratum.
_MOST_TAKEN = 0.9


@dataclass(frozen=True)
class Matches:
    """For each of some units, the nearest units of the other arm: all that have the same value.

    Attributes:
        outcome: Mean outcome of the matches, shape (n_units,); NaN beyond the caliper.
        uses: How often each donor is used, ties in parts, shape (n_donors,).
        squared_uses: Sum of the squares of those parts, shape (n_donors,).

    """

    outcome: Floats
    uses: Floats
    squared_uses: Floats


def logit_scores(design: Floats, treated: Bools) -> Floats:
    """Logit of the propensity score by logistic regression on the same units, shape (n_units,).

    Rounded, so that like units tie whatever the order of a sum.
    """
    scores = np.clip(fit_logistic(design, treated).predict_proba(design)[:, 1], SMALLEST_SCORE, 1 - SMALLEST_SCORE)
    return np.asarray(np.round(np.log(scores / (1 - scores)), 9))


def nearest(units: Floats, donors: Floats, outcome: Floats, caliper: float) -> Matches:
    """Match each unit to the nearest donors on a number, to those below it where others above it are just as far.

    Args:
        units: Of the units to match, shape (n_units,).
        donors: Of the donors, shape (n_donors,).
        outcome: Outcome of the donors, shape (n_donors,).
        caliper: Widest distance.

    Returns:
        The matches.

    Example:
        >>> nearest(np.array([0.9, 7.0]), np.array([0.0, 1.0, 1.0]), np.array([5.0, 2.0, 4.0]), 0.5).outcome.tolist()
        [3.0, nan]

    """
    values, group = np.unique(donors, return_inverse=True)
    sizes = np.bincount(group)
    means = np.bincount(group, outcome) / sizes
    right = np.clip(np.searchsorted(values, units), 1, max(len(values) - 1, 1)) if len(values) > 1 else None
    if right is None:
        chosen = np.zeros(len(units), dtype=np.int64)
    else:
        chosen = np.where(units - values[right - 1] <= values[right] - units, right - 1, right)
    matched = np.abs(units - values[chosen]) <= caliper
    taken = np.bincount(chosen[matched], minlength=len(values))
    return Matches(
        np.where(matched, means[chosen], np.nan), (taken / sizes)[group], (taken / sizes.astype(float) ** 2)[group]
    )


def matching(
    design: Floats, treated: Bools, outcome: Floats, *, of_treated: bool, caliper: float = CALIPER
) -> CausalEstimate:
    """Match each unit with replacement to the nearest of the other arm on the propensity score's logit.

    Args:
        design: Covariates, shape (n_units, n_columns).
        treated: Whether a unit is treated, shape (n_units,).
        outcome: Values, shape (n_units,).
        of_treated: Match the treated only (ATT) rather than all units (ATE).
        caliper: Widest distance, in standard deviations of the logit; units without a match are left out.

    Returns:
        The estimate with Abadie and Imbens's error, which counts that scores are estimated unless too few units tell
        by how much.

    References:
        Abadie, Imbens (2006), Large sample properties of matching estimators. Econometrica 74. Abadie, Imbens (2016),
        Matching on the estimated propensity score. Econometrica 84. Austin (2011), Optimal caliper widths.
        Pharmaceutical Statistics 10.

    Example:
        >>> random = np.random.default_rng(0)
        >>> age = random.normal(size=(2000, 1))
        >>> treated = random.random(2000) < 1 / (1 + np.exp(-age[:, 0]))
        >>> abs(matching(age, treated, age[:, 0] + 2 * treated, of_treated=True).estimate - 2) < 0.1
        True

    """
    logits = logit_scores(design, treated)
    widest = caliper * float(logits.std())
    gain = np.full(len(outcome), np.nan)
    uses, squared = np.zeros(len(outcome)), np.zeros(len(outcome))
    for arm, sign in ((treated, 1.0), (~treated, -1.0)):
        if sign < 0 and of_treated:
            continue
        found = nearest(logits[arm], logits[~arm], outcome[~arm], widest)
        gain[arm] = sign * (outcome[arm] - found.outcome)
        uses[~arm], squared[~arm] = found.uses, found.squared_uses
    is_matched = ~np.isnan(gain)
    count = int(is_matched.sum())
    if count < 2:
        return missing("no_overlap")
    estimate = float(gain[is_matched].mean())
    # Of a matched unit itself one use is in the spread of the gains; of a donor, all of them are not.
    own = np.where(is_matched, 2 * uses, 0.0)
    spread = float(((gain[is_matched] - estimate) ** 2).sum())
    noise = float(((uses**2 - squared + own) * _conditional_variance(logits, treated, outcome)).sum())
    known = (spread + noise) / count**2
    stratum = score_strata(logits, treated, of_treated=of_treated, strata=_FINE_STRATA)
    if stratum is None:
        return missing("no_overlap")
    error = _error(known, _estimated_scores(design, treated, outcome, logits, stratum, of_treated=of_treated))
    weights = uses + is_matched
    effective = min(
        float(weights[arm].sum() ** 2 / (weights[arm] ** 2).sum()) if weights[arm].any() else 0.0
        for arm in (treated, ~treated)
    )
    return checked(CausalEstimate(estimate, error, effective))


def match_weights(design: Floats, treated: Bools, *, caliper: float = CALIPER) -> Floats:
    """Weigh units as the ATT by matching does: one if treated and matched, its uses if not treated, (n_units,).

    Example:
        >>> match_weights(np.array([[0.0], [1.0], [0.0], [1.0]]), np.array([True, True, False, False])).tolist()
        [1.0, 1.0, 1.0, 1.0]

    """
    logits = logit_scores(design, treated)
    found = nearest(logits[treated], logits[~treated], np.zeros((~treated).sum()), caliper * float(logits.std()))
    weights = np.empty(len(treated))
    weights[treated], weights[~treated] = ~np.isnan(found.outcome), found.uses
    return weights


def stratification(
    design: Floats, treated: Bools, outcome: Floats, *, of_treated: bool, strata: int = STRATA
) -> CausalEstimate:
    """Compare arms within strata of the propensity score; the strata count by all their units, or by the treated.

    Args:
        design: Covariates, shape (n_units, n_columns).
        treated: Whether a unit is treated, shape (n_units,).
        outcome: Values, shape (n_units,).
        of_treated: Strata are quantiles of the treated, and count by them (ATT); otherwise of all units (ATE).
        strata: How many; neighbours are joined until each has two units of either arm.

    Returns:
        The estimate; what differs within a stratum stays in as bias. Its error counts that scores are estimated, as
        that of `matching` does.

    References:
        Rosenbaum, Rubin (1984), Reducing bias in observational studies using subclassification. JASA 79.

    Example:
        >>> random = np.random.default_rng(0)
        >>> age = random.normal(size=(2000, 1))
        >>> treated = random.random(2000) < 1 / (1 + np.exp(-age[:, 0]))
        >>> abs(stratification(age, treated, age[:, 0] + 2 * treated, of_treated=False).estimate - 2) < 0.2
        True

    """
    logits = logit_scores(design, treated)
    stratum = score_strata(logits, treated, of_treated=of_treated, strata=strata)
    if stratum is None:
        return missing("no_overlap")
    of_whom = treated if of_treated else np.ones(len(treated), dtype=bool)
    size = np.bincount(stratum[of_whom], minlength=stratum.max() + 1)
    share = size / size.sum()
    gain = np.zeros(len(share))
    influence, weights = np.zeros(len(outcome)), np.empty(len(outcome))
    for arm, sign in ((treated, 1.0), (~treated, -1.0)):
        count = np.bincount(stratum[arm], minlength=len(share))
        mean = np.bincount(stratum[arm], outcome[arm], minlength=len(share)) / count
        gain += sign * mean
        weights[arm] = (share / count)[stratum[arm]]
        freed = np.sqrt(count / (count - 1))[stratum[arm]]
        influence[arm] += sign * len(outcome) * weights[arm] * freed * (outcome[arm] - mean[stratum[arm]])
    estimate = float(share @ gain)
    influence[of_whom] += (gain[stratum[of_whom]] - estimate) / of_whom.mean()
    known = float((influence**2).mean()) / len(outcome)
    error = _error(known, _estimated_scores(design, treated, outcome, logits, stratum, of_treated=of_treated))
    effective = min(float(weights[arm].sum() ** 2 / (weights[arm] ** 2).sum()) for arm in (treated, ~treated))
    return checked(CausalEstimate(estimate, error, effective))


def score_strata(logits: Floats, treated: Bools, *, of_treated: bool, strata: int) -> Ints | None:
    """Stratum of each unit by quantiles of the score, joined until each has two units of either arm, shape (n_units,).

    None if not even all units together have two of either arm.

    Example:
        >>> score_strata(np.arange(8.0), np.arange(8) % 2 == 0, of_treated=False, strata=2).tolist()
        [0, 0, 0, 0, 1, 1, 1, 1]

    """
    cuts = np.unique(np.quantile(logits[treated] if of_treated else logits, np.arange(1, strata) / strata))
    stratum = np.searchsorted(cuts, logits, side="right")
    per_arm = np.array([np.bincount(stratum[arm], minlength=len(cuts) + 1) for arm in (treated, ~treated)])
    renamed = np.empty(len(cuts) + 1, dtype=np.int64)
    current, running = 0, np.zeros(2, dtype=np.int64)
    for at in range(len(renamed)):
        renamed[at] = current
        running += per_arm[:, at]
        if running.min() >= 2:
            current, running = current + 1, np.zeros(2, dtype=np.int64)
    if current == 0:
        return None
    # What is left at the end joins the last whole stratum.
    return np.minimum(renamed, current - 1)[stratum]


def _estimated_scores(
    design: Floats, treated: Bools, outcome: Floats, logits: Floats, stratum: Ints, *, of_treated: bool
) -> float:
    """Give what estimating the scores adds to the variance of comparing units of like score.

    Abadie and Imbens (2016): - c' I^-1 c, and for the ATT + g' I^-1 g where g is how the treated's effect moves with
    the scores. Covariances given the score are those within strata.
    """
    scores = 1 / (1 + np.exp(-logits))
    columns = np.column_stack([np.ones(len(design)), design])
    information = (columns * (scores * (1 - scores))[:, None]).T @ columns / len(design)
    toward, moves = np.zeros(columns.shape[1]), np.zeros(columns.shape[1])
    average = float(treated.mean())
    gains, parts = [], []
    for at in range(stratum.max() + 1):
        inside = stratum == at
        score = float(scores[inside].mean())
        together, level = [], []
        for arm in (~treated, treated):
            units = inside & arm
            level.append(float(outcome[units].mean()))
            together.append((columns[units] - columns[units].mean(axis=0)).T @ outcome[units] / units.sum())
        gains.append(level[1] - level[0])
        parts.append((float(inside.mean()), score, columns[inside].mean(axis=0), together))
    of_whom = np.array([share * (score if of_treated else 1.0) for share, score, _, _ in parts])
    overall = float(of_whom @ gains / of_whom.sum())
    for gain, (share, score, centre, (untreated, with_treatment)) in zip(gains, parts, strict=True):
        if not of_treated:
            toward += share * ((1 - score) * with_treatment + score * untreated)
            continue
        apart = score * (1 - score) * centre * (gain - overall)
        toward += share / average * (score * (1 - score) * with_treatment + score**2 * untreated + apart)
        moves += share / average * (score * (1 - score) * (with_treatment - untreated) + apart)
    inverse = np.linalg.pinv(information)
    return float(moves @ inverse @ moves - toward @ inverse @ toward) / len(outcome)


def _error(known: float, correction: float) -> float:
    """Give the standard error, without the correction where that is noise: too large then, rather than too small."""
    return float(np.sqrt(known + correction if correction >= -_MOST_TAKEN * known else known))


def _conditional_variance(logits: Floats, treated: Bools, outcome: Floats) -> Floats:
    """Variance of the outcome among units of the same arm and score, from each unit's neighbour, shape (n_units,)."""
    variance = np.empty(len(outcome))
    for arm in (treated, ~treated):
        order = np.flatnonzero(arm)[np.argsort(logits[arm], kind="stable")]
        values, at = outcome[order], logits[order]
        before = np.concatenate([[np.inf], np.diff(at)])
        after = np.concatenate([np.diff(at), [np.inf]])
        neighbour = np.where(
            before < after, np.arange(len(order)) - 1, np.minimum(np.arange(len(order)) + 1, len(order) - 1)
        )
        variance[order] = (values - values[neighbour]) ** 2 / 2
    return variance
