"""`fct_experiment_health`: whether an experiment can be trusted, one row a check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from lifthouse.results.columns import columns_of, typed
from lifthouse.results.comparisons import within_phases
from lifthouse.results.health_checks import Finding, exposure_gaps, interactions, missing_covariates, novelty
from lifthouse.results.states import metric_states
from lifthouse.statistics.comparison import compare
from lifthouse.statistics.effects import infer
from lifthouse.statistics.multiplicity import adjusted_p_values
from lifthouse.statistics.reasons import Floats, Reason, reason_names
from lifthouse.statistics.sample_ratio import (
    anytime_p_values,
    log_e_value,
    sample_ratio_over_phases,
    search_sample_ratio,
)

COLUMNS = columns_of(
    texts=["experiment_id", "check_name", "dimension", "segment", "status", "reason"],
    numbers=["statistic", "p_value"],
    flags=["is_blocking"],
)
_NO_PHASE = "all"
_BLOCKING = ("sample_ratio", "sample_ratio_by_segment")
# Units of another phase came at another time: what differs between times would seem to differ between arms.
_OF_ONE_PHASE = ("covariates_missing", "novelty")


def experiment_health(
    experiments: pd.DataFrame,
    shares: pd.DataFrame,
    counts: pd.DataFrame,
    exclusions: pd.DataFrame,
    moments: pd.DataFrame,
    *,
    metrics: pd.DataFrame,
    unavailable: pd.DataFrame,
    covariate_gaps: pd.DataFrame,
    overlaps: pd.DataFrame,
    stretches: pd.DataFrame,
    controls: Mapping[str, str],
    fail_below: float = 0.001,
    warn_below: float = 0.01,
    largest_exclusion_rate: float = 0.01,
) -> pd.DataFrame:
    """Check every experiment that has units.

    Checks: `sample_ratio` over phases, together and apart, and `sample_ratio_by_segment` (Holm over segments), which
    names the culprit: both block the experiment where they fail; `sample_ratio_by_day`, whose p-value holds however
    often one looks; `multiple_exposure`; `balance_before_exposure` of every metric with a lookback (Holm over metrics);
    `metric_available` for metrics that the data lack columns of; `exposure_gaps`, `covariates_missing`, `interaction`
    with overlapping experiments and `novelty`, which warn. In a ramp `covariates_missing` and `novelty` are
    not_applicable, and so two ramps have no `interaction`: units of another phase came at another time.

    Args:
        experiments: Seed `experiments`.
        shares: `dim_experiment_variants`: experiment_id, phase_id, variant_id, expected_share.
        counts: `int_experiment_unit_counts`.
        exclusions: `int_experiment_exclusions`.
        moments: Rows of `fct_metric_moments` over all units and by phase.
        metrics: Seed `experiment_metrics`.
        unavailable: `int_unavailable_metrics`.
        covariate_gaps: `int_covariate_gaps`.
        overlaps: `int_overlap_moments`.
        stretches: `int_novelty_moments`.
        controls: Control variant of each experiment.
        fail_below: A sample ratio fails below this p-value.
        warn_below: It warns below this one, and so does balance.
        largest_exclusion_rate: A larger share of units seen in several variants warns.

    Returns:
        `COLUMNS`, one row per experiment, check, dimension and segment. Where nobody assigned, shares are
        not_applicable.

    """
    randomised = dict(zip(experiments["experiment_id"], experiments["assignment"] == "randomised", strict=True))
    planned = shares.assign(phase_id=shares["phase_id"].fillna(_NO_PHASE)).set_index(
        ["experiment_id", "phase_id", "variant_id"]
    )["expected_share"]
    counts = counts.assign(phase_id=counts["phase_id"].fillna(_NO_PHASE))
    rows: list[dict[str, object]] = []
    for experiment, units in counts.groupby("experiment_id", sort=True):
        if randomised.get(experiment, False):
            rows += _sample_ratio_checks(str(experiment), units, planned.loc[experiment], fail_below, warn_below)
        else:
            rows.append(_row(experiment, "sample_ratio", status="not_applicable", reason="nobody assigned"))
    rows += [_multiple_exposure(row, largest_exclusion_rate) for row in exclusions.to_dict("records")]
    rows += _balance(moments, randomised, controls, warn_below)
    last_dates = _last_exposure_dates(experiments, moments)
    phases = counts.groupby("experiment_id")["phase_id"].nunique()
    ramped = set(phases.index[phases > 1])
    both_ramped = overlaps["experiment_id"].isin(ramped) & overlaps["other_experiment_id"].isin(ramped)
    findings = [
        *exposure_gaps(counts, last_dates),
        *missing_covariates(covariate_gaps),
        *interactions(overlaps[~both_ramped], controls),
        *novelty(stretches, controls),
    ]
    rows += [
        _row_of(finding, warn_below, is_ramped=finding.experiment_id in ramped)
        for finding in findings
        if randomised.get(finding.experiment_id, False)
    ]
    rows += _unavailable(metrics[metrics["experiment_id"].isin(counts["experiment_id"])], unavailable)
    return typed(pd.DataFrame(rows), COLUMNS)


def _row(
    experiment: object,
    check: str,
    *,
    status: str,
    reason: str | None = None,
    segment: tuple[object, object] = ("all", "all"),
    statistic: float = np.nan,
    p_value: float = np.nan,
) -> dict[str, object]:
    return {
        "experiment_id": experiment,
        "check_name": check,
        "dimension": segment[0],
        "segment": segment[1],
        "status": status,
        "reason": reason,
        "statistic": statistic if np.isfinite(statistic) else np.nan,
        "p_value": p_value,
        "is_blocking": check in _BLOCKING and status == "fail",
    }


def _row_of(finding: Finding, warn_below: float, *, is_ramped: bool) -> dict[str, object]:
    if is_ramped and finding.check_name in _OF_ONE_PHASE:
        reason = Reason.ALLOCATION_CHANGED.name.lower()
        return _row(
            finding.experiment_id, finding.check_name, segment=finding.segment, status="not_applicable", reason=reason
        )
    status = _status(finding.p_value, 0.0, warn_below)
    return _row(
        finding.experiment_id,
        finding.check_name,
        segment=finding.segment,
        status=status,
        reason=finding.reason if status == "warn" else None,
        statistic=finding.statistic,
        p_value=finding.p_value,
    )


def _last_exposure_dates(experiments: pd.DataFrame, moments: pd.DataFrame) -> dict[str, np.datetime64]:
    """Give the last day on which units of a running experiment must have come: its last, or yesterday.

    Today, as far as the data know, may have just begun. The registry's end is exclusive, and may be over before
    somebody sets the status.
    """
    yesterday = moments["activity_date"].max() - pd.Timedelta(days=1)
    if pd.isna(yesterday):
        return {}
    running = experiments[experiments["status"] == "running"]
    last_days = pd.to_datetime(running["ended_at"]) - pd.Timedelta(microseconds=1)
    return {
        str(experiment): np.datetime64(min(yesterday, last_day) if pd.notna(last_day) else yesterday, "D")
        for experiment, last_day in zip(running["experiment_id"], last_days, strict=True)
    }


def _status(p_value: float, fail_below: float, warn_below: float) -> str:
    if np.isnan(p_value):
        return "not_applicable"
    return "fail" if p_value < fail_below else "warn" if p_value < warn_below else "pass"


def _sample_ratio_checks(
    experiment: str, units: pd.DataFrame, planned: pd.Series[float], fail_below: float, warn_below: float
) -> Iterator[dict[str, object]]:
    variants = sorted(planned.index.get_level_values("variant_id").unique())
    phases = sorted(units["phase_id"].unique())
    shares = np.array([[planned.get((phase, variant), 0.0) for variant in variants] for phase in phases], float)
    whole = units[units["dimension"] == "all"]
    observed = _table(whole, "phase_id", phases, variants)
    check = sample_ratio_over_phases(observed, shares)
    search = _segments(units, variants, phases, shares, fail_below)
    named = ["no phase" if phase == _NO_PHASE else phase for phase in phases]
    unplanned = [
        f"{variant} in {phase}"
        for phase, counted, meant in zip(named, observed, shares, strict=True)
        for variant, count, share in zip(variants, counted, meant, strict=True)
        if count > 0 and share == 0
    ]
    culprits = [f"{dimension} = {segment}" for (dimension, segment), _, _, is_culprit in search if is_culprit]
    status = _status(check.p_value[0], fail_below, warn_below)
    counted_units = [
        ", ".join(f"{name}: {count:,.0f}" for name, count in zip(variants, counted, strict=True))
        for counted in observed
    ]
    # Gaps of phases may cancel in the sum.
    by_phase = [f"in {phase} {got}" for phase, got in zip(named, counted_units, strict=True)]
    got = "; ".join(by_phase if len(phases) > 1 else counted_units)
    reason = reason_names(check.reason)[0]
    if status in ("warn", "fail"):
        reason = f"shares are not as meant ({got}); " + (
            f"no share is planned for {' and '.join(unplanned)}"
            if unplanned
            else f"most likely culprit: {' and '.join(culprits)}"
            if culprits
            else "no segment stands out"
        )
    yield _row(
        experiment,
        "sample_ratio",
        status=status,
        reason=reason,
        statistic=check.statistic[0],
        p_value=check.p_value[0],
    )
    by_day = _by_day(whole, variants, phases, shares)
    yield _row(
        experiment,
        "sample_ratio_by_day",
        status=_status(by_day, fail_below, warn_below),
        p_value=by_day,
        reason="shares strayed from what was meant, however often one looked" if by_day < warn_below else None,
    )
    for segment, statistic, p_value, is_culprit in search:
        yield _row(
            experiment,
            "sample_ratio_by_segment",
            segment=segment,
            status=_status(p_value, fail_below, warn_below),
            statistic=statistic,
            p_value=p_value,
            reason=_segment_reason(segment, p_value, is_culprit, warn_below),
        )


def _segment_reason(segment: tuple[object, object], p_value: float, is_culprit: bool, warn_below: float) -> str | None:
    if np.isnan(p_value):
        return "too few units"
    if p_value >= warn_below:
        return None
    return f"{segment[0]} = {segment[1]}" + (" is the most likely culprit" if is_culprit else " is off")


def _table(units: pd.DataFrame, by: str, keys: list[str], variants: list[str]) -> Floats:
    """Units by key and variant, in the order given."""
    table = units.pivot_table(index=by, columns="variant_id", values="count_units", aggfunc="sum", fill_value=0)
    return table.reindex(index=keys, columns=variants, fill_value=0).to_numpy(float)


def _by_day(units: pd.DataFrame, variants: list[str], phases: list[str], shares: Floats) -> float:
    """Always-valid p-value of the latest day; each phase starts counting anew, and the evidence multiplies."""
    days = sorted(units["exposure_date"].unique())
    evidence = np.zeros(len(days))
    for phase, share in zip(phases, shares, strict=True):
        table = units[units["phase_id"] == phase].pivot_table(
            index="exposure_date", columns="variant_id", values="count_units", aggfunc="sum", fill_value=0
        )
        running = table.reindex(index=days, columns=variants, fill_value=0).to_numpy(float).cumsum(axis=0)
        # Nobody was to come in a phase without shares: one unit refutes that.
        evidence += log_e_value(running, share[None]) if share.any() else np.where(running.any(axis=1), np.inf, 0.0)
    return float(anytime_p_values(evidence[None])[0, -1])


def _segments(
    units: pd.DataFrame, variants: list[str], phases: list[str], shares: Floats, alpha: float
) -> list[tuple[tuple[object, object], float, float, bool]]:
    """Each segment's chi-square over phases, Holm-adjusted p-value, and whether it is the culprit.

    The only segment of a dimension is all units once more, and units without a planned share spoil no segment: both
    are the whole's to tell.
    """
    split = units[units["dimension"] != "all"]
    split = split[split.groupby("dimension")["segment"].transform("nunique") > 1]
    if split.empty:
        return []
    keys, observed = [], []
    for key, rows in split.groupby(["dimension", "segment"], sort=True):
        keys.append((key[0], key[1]))
        observed.append(np.where(shares > 0, _table(rows, "phase_id", phases, variants), 0.0))
    dimensions = pd.factorize(np.array([dimension for dimension, _ in keys], dtype=object))[0]
    search = search_sample_ratio(
        np.array(observed), np.array([shares] * len(keys)), np.zeros(len(keys), int), dimensions, alpha=alpha
    )
    return list(zip(keys, search.checks.statistic, search.p_value_adjusted, search.is_culprit, strict=True))


def _multiple_exposure(row: Mapping[Any, Any], largest_rate: float) -> dict[str, object]:
    excluded, count = float(row["count_excluded"]), float(row["count_units"])
    rate = excluded / count
    return _row(
        row["experiment_id"],
        "multiple_exposure",
        status="warn" if rate > largest_rate else "pass",
        statistic=rate,
        reason=f"{excluded:,.0f} of {count:,.0f} units were seen in several variants, and do not count"
        if rate > largest_rate
        else None,
    )


def _unavailable(metrics: pd.DataFrame, unavailable: pd.DataFrame) -> list[dict[str, object]]:
    lacking = metrics[["experiment_id", "metric_name"]].merge(unavailable, on="metric_name")
    return [
        _row(
            row["experiment_id"],
            "metric_available",
            segment=("metric", row["metric_name"]),
            status="warn",
            reason=f"{row['reason']}: correct the input, or take the metric out of experiment_metrics",
        )
        for row in lacking.to_dict("records")
    ]


def _balance(
    moments: pd.DataFrame, randomised: dict[str, bool], controls: Mapping[str, str], warn_below: float
) -> list[dict[str, object]]:
    """Compare arms on every metric's own past; the largest difference over treatments counts."""
    found = []
    for states in metric_states(moments):
        if "pre_numerator" not in states.value_names or not randomised.get(states.experiment_id, False):
            continue
        names = {name: at for at, name in enumerate(states.value_names)}
        control = controls[states.experiment_id]
        reference, *others = sorted(states.arms, key=lambda variant: (variant != control, variant))
        latest = states.rows_of("all", "all").stop - 1
        for other in others:
            whole = compare(
                states.arms[reference],
                states.arms[other],
                numerator=names["pre_numerator"],
                denominator=names.get("pre_denominator"),
            )
            of_units = [
                whole.baseline_variance * whole.count_control,
                (whole.variance - whole.baseline_variance) * whole.count_treatment,
            ]
            comparison = within_phases(states, whole)
            with np.errstate(divide="ignore", invalid="ignore"):
                difference = comparison.effect / np.sqrt((of_units[0] + of_units[1]) / 2)
            tested = infer(comparison)
            found.append(
                (
                    states.experiment_id,
                    states.metric_name,
                    float(difference[latest]),
                    float(tested.p_value[latest]),
                    reason_names(tested.reason)[latest],
                )
            )
    frame = pd.DataFrame(found, columns=["experiment_id", "metric_name", "difference", "p_value", "reason"])
    if frame.empty:
        return []
    frame["p_value"] = adjusted_p_values(frame["p_value"], pd.factorize(frame["experiment_id"])[0], method="holm")
    frame = frame.sort_values("p_value").drop_duplicates(["experiment_id", "metric_name"]).sort_index()
    return [
        _row(
            row["experiment_id"],
            "balance_before_exposure",
            segment=("metric", row["metric_name"]),
            status=_status(row["p_value"], 0.0, warn_below),
            statistic=row["difference"],
            p_value=row["p_value"],
            reason="the arms differed before anybody was exposed" if row["p_value"] < warn_below else row["reason"],
        )
        for row in frame.to_dict("records")
    ]
