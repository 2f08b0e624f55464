"""Checks of health beside the sample ratio: gaps of exposure, missing covariates, interactions, novelty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from lifthouse.statistics.balance import interaction, novelty_trend
from lifthouse.statistics.effects import Effect
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.multiplicity import adjusted_p_values

# With fewer units a day than this nobody can tell a gap from a quiet day.
_FEWEST_A_DAY = 5

# A chi-square needs as many units expected in each cell.
_FEWEST_EXPECTED = 5


@dataclass(frozen=True)
class Finding:
    """What one check says of one part of an experiment.

    Attributes:
        experiment_id: The experiment.
        check_name: The check.
        segment: Pair of what the part is called and which it is.
        statistic: In the check's own unit.
        p_value: Adjusted within the experiment; NaN where the check has none.
        reason: What to say if the p-value is small.

    """

    experiment_id: str
    check_name: str
    segment: tuple[str, str]
    statistic: float
    p_value: float
    reason: str


def exposure_gaps(counts: pd.DataFrame, last_dates: Mapping[str, np.datetime64]) -> Iterator[Finding]:
    """Look for days without a new unit, between the first and the last day on which units could come.

    Args:
        counts: `int_experiment_unit_counts`.
        last_dates: Last day on which units of an experiment could come; experiments that aren't in it are left out.

    Yields:
        One finding an experiment: days without a unit, and the chance of the least likely silence, of one day or of
        several on end, at the pace of the quieter day beside it (Poisson), times the number of days.

    """
    for experiment, units in counts[counts["dimension"] == "all"].groupby("experiment_id", sort=True):
        by_day = units.groupby("exposure_date")["count_units"].sum()
        first, last = by_day.index.min(), pd.Timestamp(last_dates.get(str(experiment), by_day.index.max()))
        days = by_day.reindex(pd.date_range(first, max(last, by_day.index.max())), fill_value=0).to_numpy(float)
        if len(days) < 2:
            continue
        seen = np.flatnonzero(days)
        before = days[seen[np.maximum(np.searchsorted(seen, np.arange(len(days)), side="right") - 1, 0)]]
        after = days[seen[np.minimum(np.searchsorted(seen, np.arange(len(days))), len(seen) - 1)]]
        silent = (days == 0) & (np.minimum(before, after) >= _FEWEST_A_DAY)
        # Silent days on end have as many days with units before them.
        missed = np.bincount(np.cumsum(~silent), np.where(silent, np.minimum(before, after), 0.0))
        chance = min(1.0, len(days) * float(np.exp(-missed.max())))
        first_silent = pd.date_range(first, periods=len(days))[silent.argmax()].date() if silent.any() else None
        yield Finding(
            str(experiment),
            "exposure_gaps",
            ("all", "all"),
            float(silent.sum()),
            chance,
            f"no unit was exposed on {int(silent.sum())} days, the first {first_silent}; is logging complete?",
        )


def missing_covariates(gaps: pd.DataFrame) -> Iterator[Finding]:
    """Test whether a covariate is missing as often in every arm; Holm over covariates.

    Args:
        gaps: `int_covariate_gaps`.

    Yields:
        One finding an experiment and covariate: the share of units without it.

    """
    found = []
    for (experiment, covariate), arms in gaps.groupby(["experiment_id", "covariate"], sort=True):
        table = np.stack([arms["count_missing"], arms["count_units"] - arms["count_missing"]])
        share = float(table[0].sum() / table.sum())
        p_value = _independence(table)
        reason = f"{covariate} is missing more often in one arm than in another; {share:.1%} of units lack it"
        part = ("covariate", str(covariate))
        found.append(Finding(str(experiment), "covariates_missing", part, share, p_value, reason))
    yield from _adjusted(found)


def _independence(table: npt.NDArray[np.int64]) -> float:
    """P-value of two rows having the same shares: chi-square, or exact by column where few are expected (Fisher)."""
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        return 1.0
    if stats.contingency.expected_freq(table).min() >= _FEWEST_EXPECTED:
        return float(stats.chi2_contingency(table, correction=False).pvalue)
    drawn = stats.hypergeom(table.sum(), table[0].sum(), table.sum(axis=0))
    tails = np.minimum(drawn.cdf(table[0]), drawn.sf(table[0] - 1))
    # Both tails; of two columns, each says the same.
    return float(min(1.0, 2 * tails.min() * (1 if len(tails) == 2 else len(tails))))


def interactions(overlaps: pd.DataFrame, controls: Mapping[str, str]) -> Iterator[Finding]:
    """Test whether effects on primary metrics depend on another experiment's variant; Holm over all of an experiment.

    Args:
        overlaps: `int_overlap_moments`.
        controls: Control variant of each experiment.

    Yields:
        One finding an experiment, other experiment, metric and treatment: the difference of effects.

    """
    found = []
    keys = ["experiment_id", "other_experiment_id", "metric_name"]
    for (experiment, other, metric), rows in overlaps.groupby(keys, sort=True):
        cells = _cells(rows, ["variant_id", "is_other_treated"])
        denominator = 1 if rows["is_ratio"].iloc[0] else None
        control = controls[str(experiment)]
        for treatment in sorted(set(rows["variant_id"]) - {control}):
            wanted = [(arm, treated) for treated in (False, True) for arm in (control, treatment)]
            if not all(cell in cells for cell in wanted):
                continue
            neither, first, second, both = (cells[cell] for cell in wanted)
            effect = interaction(neither, first, second, both, denominator=denominator)
            if np.isfinite(effect.p_value[0]):
                part = f"{metric}: {treatment} with {other}"
                reason = f"the effect depends on the variant of the other experiment ({part}): read them together"
                found.append(_finding(str(experiment), "interaction", ("pair", part), effect, reason))
    yield from _adjusted(found)


def novelty(stretches: pd.DataFrame, controls: Mapping[str, str]) -> Iterator[Finding]:
    """Test whether effects on primary metrics change with the days since exposure; Holm over all of an experiment.

    Args:
        stretches: `int_novelty_moments`.
        controls: Control variant of each experiment.

    Yields:
        One finding an experiment, metric and treatment: change of the effect from the early stretch to the late one.

    """
    found = []
    for (experiment, metric), rows in stretches.groupby(["experiment_id", "metric_name"], sort=True):
        arms, control = _cells(rows, ["variant_id"]), (controls[str(experiment)],)
        for arm in sorted(set(arms) - {control}) if control in arms else ():
            treatment = arm[0]
            trend = novelty_trend(arms[control], arms[arm], [0, 1])
            if np.isfinite(trend.p_value[0]):
                part = f"{metric}: {treatment}"
                reason = f"the effect is not the same early and late after exposure ({part}): it may not last"
                found.append(_finding(str(experiment), "novelty", ("metric", part), trend, reason))
    yield from _adjusted(found)


def _cells(rows: pd.DataFrame, keys: list[str]) -> dict[tuple[object, ...], Moments]:
    """Moments of each row, by its keys."""
    cells: dict[tuple[object, ...], Moments] = {}
    for row in rows.to_dict("records"):
        sums, products = (np.asarray(row[name], float)[None, :] for name in ("sums", "products"))
        pivot = np.asarray(row.get("pivots", np.zeros(sums.shape[1])), float)
        cells[tuple(row[key] for key in keys)] = Moments.from_sums([row["count_units"]], sums, products, pivot=pivot)
    return cells


def _finding(experiment: str, check: str, segment: tuple[str, str], effect: Effect, reason: str) -> Finding:
    return Finding(experiment, check, segment, effect.absolute_effect.item(), effect.p_value.item(), reason)


def _adjusted(found: list[Finding]) -> Iterator[Finding]:
    """Adjust p-values within each experiment by Holm's method."""
    if found:
        groups = pd.factorize(np.array([finding.experiment_id for finding in found], dtype=object))[0]
        adjusted = adjusted_p_values(np.array([finding.p_value for finding in found]), groups, method="holm")
        for finding, p_value in zip(found, adjusted.tolist(), strict=True):
            yield replace(finding, p_value=p_value)
