"""`fct_experiment_posteriors`: what is believed of each effect after the data, for every day and segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from lifthouse.results.columns import columns_of, typed
from lifthouse.results.comparisons import Compared, Rows, metric_comparisons, rows_at
from lifthouse.results.registry import Registry
from lifthouse.results.states import metric_states
from lifthouse.statistics.beta_binomial import beta_binomial_posterior
from lifthouse.statistics.comparison import Comparison
from lifthouse.statistics.posterior import Posterior, normal_posterior
from lifthouse.statistics.reasons import Codes, Floats, Reason, first_reason, nulled, reason_names

# Of a proportion's relative effect where its arms' own posteriors can't be used; other metrics come with the same.
_PRIOR_STANDARD_DEVIATION = 0.3
_KEYS = ["experiment_id", "metric_name", "control_variant_id", "treatment_variant_id", "dimension", "segment"]
_NUMBERS = [
    "effect",
    "ci_lower",
    "ci_upper",
    "standard_deviation",
    "probability_beats_control",
    "probability_best",
    "probability_equivalent",
    "expected_loss",
    "expected_loss_of_control",
]
COLUMNS = columns_of(
    texts=[*_KEYS, "variance_reduction", "posterior", "scale", "role", "reason"],
    numbers=_NUMBERS,
    flags=["is_latest", "is_loss_acceptable"],
    dates=["as_of_date"],
)


def experiment_posteriors(
    moments: pd.DataFrame, registry: Registry, *, confidence: float = 0.95, acceptable_loss: float = 0.001
) -> pd.DataFrame:
    """Posteriors of every treatment's effect against control.

    Proportions without a declared prior of their effect have a beta posterior for each arm, from a uniform prior; all
    else a normal one, on the scale of its prior. Proportions that are adjusted or averaged over phases are no counts of
    one beta, and have the normal prior of other metrics. Several treatments are judged together: which is best, and
    what choosing another forgoes; those without an estimate are left out of it.

    Args:
        moments: Rows of `fct_metric_moments`.
        registry: Variants, roles, priors, directions and what is withheld.
        confidence: Level of the credible intervals.
        acceptable_loss: Expected loss, as a share of control's mean, at which a treatment may be chosen.

    Returns:
        `COLUMNS`, one row per experiment, metric, treatment, dimension, segment, day and variance reduction. Effects
        and intervals have the metric's own sign; beating control is being better, whichever way that is.

    """
    parts = []
    for states in metric_states(moments):
        if (states.experiment_id, states.metric_name) not in registry.metrics.index:
            continue
        metric = registry.metric(states.experiment_id, states.metric_name)
        control = registry.controls[states.experiment_id]
        against_control: dict[str, list[Compared]] = {}
        for pair in metric_comparisons(states, registry, strata=None):
            if pair.keys["control_variant_id"] == control:
                against_control.setdefault(pair.variance_reduction, []).append(pair)
        for pairs in against_control.values():
            parts += list(_frames(pairs, metric, confidence, acceptable_loss))
    posteriors = typed(pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(), COLUMNS)
    return registry.withhold(posteriors, [*_NUMBERS, "is_loss_acceptable"])


def _frames(
    pairs: list[Compared], metric: dict[str, Any], confidence: float, acceptable_loss: float
) -> Iterator[pd.DataFrame]:
    """Rows of all treatments of one metric, compared in one way."""
    sign = -1.0 if metric["direction"] == "decrease" else 1.0
    has_prior = pd.notna(metric["prior_standard_deviation"])
    if metric["is_proportion"] and not has_prior and all(pair.arms for pair in pairs):
        name, scale = "beta_binomial", "relative"
        reasons = [_beta_reason(pair) for pair in pairs]
        successes, counts = _counts(pairs)

        def posterior_of(rows: Rows, treatments: Rows) -> Posterior:
            arms = np.ix_(rows, np.append(0, 1 + treatments))
            return beta_binomial_posterior(
                successes[arms],
                counts[arms],
                equivalence=float(metric["minimum_detectable_effect"]),
                confidence=confidence,
                larger_is_better=sign > 0,
            )
    else:
        name, scale = "normal", str(metric["prior_scale"])
        estimates = [_estimates(pair, scale) for pair in pairs]
        reasons = [reason for _, reason in estimates]
        effect, variance, shared = (
            np.stack(part, axis=1) for part in zip(*(estimate for estimate, _ in estimates), strict=True)
        )

        def posterior_of(rows: Rows, treatments: Rows) -> Posterior:
            chosen = np.ix_(rows, treatments)
            comparison = rows_at(pairs[treatments[0]].comparison, rows)
            return normal_posterior(
                sign * effect[chosen],
                variance[chosen],
                sign * shared[chosen],
                prior_mean=sign * float(metric["prior_mean"]),
                prior_standard_deviation=metric["prior_standard_deviation"] if has_prior else _PRIOR_STANDARD_DEVIATION,
                equivalence=_equivalence(metric, comparison, scale),
                confidence=confidence,
            )

    posterior = _of_known(np.stack(reasons, axis=1) == Reason.NONE, posterior_of)
    for at, (pair, reason) in enumerate(zip(pairs, reasons, strict=True)):
        bounds = sign * posterior.ci_lower[:, at], sign * posterior.ci_upper[:, at]
        columns = pair.keys | {
            "variance_reduction": pair.variance_reduction,
            "posterior": name,
            "scale": scale,
            "role": metric["role"],
            "reason": list(reason_names(reason)),
            "effect": sign * posterior.mean[:, at],
            "ci_lower": np.minimum(*bounds),
            "ci_upper": np.maximum(*bounds),
            "standard_deviation": posterior.standard_deviation[:, at],
            "probability_beats_control": posterior.probability_beats_control[:, at],
            "probability_best": posterior.probability_best[:, at],
            "probability_equivalent": posterior.probability_equivalent[:, at],
            "expected_loss": posterior.expected_loss[:, at],
            "expected_loss_of_control": posterior.expected_loss_of_control,
        }
        columns |= {name: nulled(np.asarray(columns[name], float), reason) for name in _NUMBERS}
        frame = pd.DataFrame(columns)
        unit = np.abs(pair.comparison.baseline) if scale == "absolute" else 1.0
        acceptable = posterior.expected_loss[:, at] <= acceptable_loss * unit
        frame["is_loss_acceptable"] = pd.Series(acceptable).astype("boolean")
        frame.loc[frame["expected_loss"].isna(), "is_loss_acceptable"] = pd.NA
        yield frame


def _of_known(is_known: npt.NDArray[np.bool_], posterior_of: Callable[[Rows, Rows], Posterior]) -> Posterior:
    """Judge the treatments that each row has an estimate of, as if there were no others.

    An arm without units, because it comes later or not at all, is no rival to the others.

    Args:
        is_known: Whether a treatment has an estimate, shape (n, k).
        posterior_of: Gives the posterior of some rows and treatments.

    Returns:
        The posterior of all of them; NaN where nothing is known.

    """
    numbers: dict[str, Floats] = {field.name: np.full(is_known.shape, np.nan) for field in fields(Posterior)}
    numbers["expected_loss_of_control"] = np.full(len(is_known), np.nan)
    patterns, pattern_of = np.unique(is_known, axis=0, return_inverse=True)
    for at, pattern in enumerate(patterns):
        rows, treatments = np.flatnonzero(pattern_of == at), np.flatnonzero(pattern)
        if len(treatments):
            part = posterior_of(rows, treatments)
            for name, values in numbers.items():
                values[np.ix_(rows, treatments) if values.ndim == 2 else rows] = getattr(part, name)
    return Posterior(**numbers)


def _equivalence(metric: dict[str, Any], comparison: Comparison, scale: str) -> Floats | float:
    """Half the width of the region of practical equivalence: effects smaller than the one worth detecting."""
    smallest = float(metric["minimum_detectable_effect"])
    return smallest * np.abs(comparison.baseline) if scale == "absolute" else smallest


def _counts(pairs: list[Compared]) -> tuple[Floats, Floats]:
    """Successes and units of all arms, control first."""
    arms = [pair.arms for pair in pairs if pair.arms]
    every = [arms[0][0], *(treatment for _, treatment in arms)]
    counts = np.stack([arm.count for arm in every], axis=1)
    shares = np.stack([np.nan_to_num(arm.mean[:, 0]) for arm in every], axis=1)
    return np.clip(np.round(shares * counts), 0, counts), counts


def _beta_reason(pair: Compared) -> Codes:
    """Say where counts are too few: the spread of a ratio needs two successes of control."""
    control, treatment = pair.arms or (None, None)
    if control is None or treatment is None:
        raise ValueError("a beta posterior needs the arms' own counts")
    return first_reason(
        len(control),
        (np.minimum(control.count, treatment.count) < 1, Reason.TOO_FEW_UNITS),
        (np.nan_to_num(control.mean[:, 0]) * control.count < 1.5, Reason.TOO_FEW_UNITS),
    )


def _estimates(pair: Compared, scale: str) -> tuple[tuple[Floats, Floats, Floats], Codes]:
    """Effects on a scale, their variance, the part of the standard error that control brings, and reasons."""
    if scale == "absolute":
        shared = _shared_error(pair)
        return (pair.comparison.effect, pair.comparison.variance, shared), pair.comparison.reason
    comparison = pair.comparison
    with np.errstate(divide="ignore", invalid="ignore"):
        size, sign = np.abs(comparison.baseline), np.sign(comparison.baseline)
        effect = comparison.effect / size
        variance = (
            comparison.variance - 2 * effect * sign * comparison.covariance + effect**2 * comparison.baseline_variance
        ) / size**2
        shared = (1 + effect * sign) * _shared_error(pair) / size
        # As in Fieller's interval at 95%: an effect relative to something near zero means nothing.
        unclear = size <= special.ndtri(0.975) * np.sqrt(np.maximum(comparison.baseline_variance, 0.0))
    own = first_reason(
        len(effect),
        (comparison.has_no_baseline, Reason.ZERO_DENOMINATOR),
        (unclear, Reason.CONTROL_NOT_DISTINCT_FROM_ZERO),
    )
    reason = np.where(comparison.reason != Reason.NONE, comparison.reason, own).astype(np.int8)
    return (effect, variance, shared), reason


def _shared_error(pair: Compared) -> Floats:
    """Give control's part of the standard error; adjustment is taken to leave both arms the same share of variance."""
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.nan_to_num(pair.comparison.variance / pair.plain.variance, nan=1.0, posinf=1.0)
    # Rounding may put the variance of an arm that does not vary below zero.
    return np.asarray(np.sqrt(np.maximum(pair.plain.baseline_variance, 0.0) * left))
