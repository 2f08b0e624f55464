"""`fct_experiment_plans`: how long an experiment would have to run, from what past experiments saw day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, inf

import numpy as np
import pandas as pd

from lifthouse.results.columns import columns_of, typed
from lifthouse.statistics.power import Design, detectable_effect, detectable_margin, power, required_units
from lifthouse.statistics.reasons import Floats, Reason

# Rows of `fct_experiment_effects` that history and power are read from, as a condition in SQL.
EFFECTS_THAT_PLAN = "dimension in ('all', 'phase') and inference = 'fixed' and variance_reduction in ('none', 'cuped')"
# Why nothing is planned as a share of control.
NOT_APART = Reason.CONTROL_NOT_DISTINCT_FROM_ZERO.name.lower()
_DAY = ["experiment_id", "metric_name", "as_of_date"]
_HISTORY = [
    "metric_name",
    "history_experiment_id",
    "variance_reduction",
    "kind",
    "direction",
    "count_days",
    "count_units",
    "days_before",
    "days_of_arrival",
    "units_per_day",
    "baseline_mean",
    "is_apart",
    "unit_variance",
    "variance_reduction_rate",
    "is_proportion",
]
COLUMNS = columns_of(
    texts=["metric_name", "history_experiment_id", "variance_reduction", "hypothesis", "reason"],
    counts=["count_days", "count_units", "required_units", "required_days"],
    numbers=[
        "baseline_mean",
        "standard_deviation",
        "variance_reduction_rate",
        "units_per_day",
        "planned_effect",
        "power",
        "minimum_detectable_effect",
    ],
)


@dataclass(frozen=True)
class Planned:
    """What an experiment is planned to be.

    Attributes:
        effect: Relative effect worth finding, positive: an improvement. Of a guardrail the margin of tolerated harm.
        treatments: Number of treatments, all of one size, compared with control and with each other; all pairs share
            the error.
        control_share: Share of all units that control gets; None for as much as each treatment.
        traffic_share: Share of the units that the past experiment had a day.
        cluster_size: Units that are assigned together.
        intraclass_correlation: Correlation of two units of one cluster.
        is_guardrail: Whether the metric must be shown not to get worse by more than the effect.
        confidence: Level of the interval.
        power: The power wanted.

    """

    effect: float = 0.05
    treatments: int = 1
    control_share: float | None = None
    traffic_share: float = 1.0
    cluster_size: float = 1.0
    intraclass_correlation: float = 0.0
    is_guardrail: bool = False
    confidence: float = 0.95
    power: float = 0.8

    def __post_init__(self) -> None:
        for name in ("traffic_share", "effect"):
            if not 0 < getattr(self, name) < inf:
                raise ValueError(f"{name} == {getattr(self, name)}, must be > 0 and finite")
        if self.treatments < 1:
            raise ValueError(f"treatments == {self.treatments}, must be >= 1")
        if self.control_share is not None and not 0 < self.control_share < 1:
            raise ValueError(f"control_share == {self.control_share}, must be > 0 and < 1")
        for name in ("confidence", "power"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} == {getattr(self, name)}, must be > 0 and < 1")

    @property
    def shares(self) -> tuple[float, float]:
        """Shares of control and of each treatment."""
        control = self.control_share if self.control_share is not None else 1 / (1 + self.treatments)
        return control, (1 - control) / self.treatments

    @property
    def alpha(self) -> float:
        """Two-sided error of each comparison; a guardrail is tested at the full one."""
        return (1 - self.confidence) / (1 if self.is_guardrail else comb(1 + self.treatments, 2))


def history_of_metrics(effects: pd.DataFrame, controls: Mapping[str, str], metrics: pd.DataFrame) -> pd.DataFrame:
    """Give what was known of each metric on each day of the last experiment that measured it.

    Experiments whose effects are withheld are no history. One whose allocation changed is the last resort: comparing
    within phases inflates the noise.

    Args:
        effects: The rows `EFFECTS_THAT_PLAN` of `fct_experiment_effects`.
        controls: Control variant of each experiment.
        metrics: Rows of `dim_metrics`.

    Returns:
        One row per metric and day, in order: the past experiment, `count_days` since its start, `count_units` of all
        arms, `units_per_day` that came after `days_before` until `days_of_arrival`, the control's mean, whether it
        `is_apart` from zero, `unit_variance` of one unit and the share that CUPED takes off it.

    """
    is_against_control = effects["control_variant_id"] == effects["experiment_id"].map(dict(controls))
    of_all = effects[is_against_control & (effects["dimension"] == "all")]
    usable = of_all[of_all["standard_error"].gt(0)]
    if usable.empty:
        return pd.DataFrame(columns=_HISTORY)
    plain = usable[usable["variance_reduction"] == "none"].sort_values([*_DAY, "treatment_variant_id"])
    rows = plain.drop_duplicates(_DAY).set_index(_DAY)
    of_day = plain.groupby(_DAY)
    # Where a phase lacks an arm, that arm's pair counts only a part of control.
    rows["count_units"] = of_day["count_control"].max() + of_day["count_treatment"].sum()
    noise = rows["standard_error"] ** 2 / (1 / rows["count_control"] + 1 / rows["count_treatment"])
    cuped = usable[usable["variance_reduction"] == "cuped"].groupby(_DAY)["variance_reduction_rate"].mean()
    rate = cuped.reindex(rows.index)
    rows = rows.assign(
        is_apart=rows["relative_reason"] != NOT_APART,
        unit_variance=noise,
        variance_reduction=np.where(rate.notna(), "cuped", "none"),
        variance_reduction_rate=rate.fillna(0.0).clip(lower=0.0),
    ).reset_index()
    # The first day of the experiment, which for retentions is long before their first unit.
    started = pd.to_datetime(rows["experiment_id"].map(of_all.groupby("experiment_id")["as_of_date"].min()))
    rows["count_days"] = (pd.to_datetime(rows["as_of_date"]) - started).dt.days + 1
    rows = _with_arrivals(rows.merge(metrics[["metric_name", "kind", "direction", "is_proportion"]], on="metric_name"))
    by_phase = effects[effects["dimension"] == "phase"].groupby("experiment_id")["segment"].nunique()
    ramped = set(by_phase.index[by_phase > 1])
    last = rows.groupby(["metric_name", "experiment_id"])["as_of_date"].max().reset_index()
    last["is_steady"] = [experiment not in ramped for experiment in last["experiment_id"]]
    chosen = last.sort_values(["is_steady", "as_of_date", "experiment_id"]).drop_duplicates("metric_name", keep="last")
    rows = rows.merge(chosen[["metric_name", "experiment_id"]], on=["metric_name", "experiment_id"])
    return rows.rename(columns={"experiment_id": "history_experiment_id", "mean_control": "baseline_mean"})[
        _HISTORY
    ].sort_values(["metric_name", "count_days"], ignore_index=True)


def _with_arrivals(rows: pd.DataFrame) -> pd.DataFrame:
    """Add when units came, and how many a day: what metrics that count units at once tell of the whole experiment.

    Units count for a retention when its days are over, and of quantiles only the last day is known.
    """
    metric = [rows["experiment_id"], rows["metric_name"]]
    most = rows["count_units"].groupby(metric).transform("max")
    full = rows["count_days"].where(rows["count_units"] == most).groupby(metric).transform("min")
    before = (rows["count_days"].groupby(metric).transform("min") - 1).where(rows["kind"] == "retention", 0)
    tells = ~rows["kind"].isin(["retention", "quantile"])
    experiment = rows["experiment_id"]
    until = experiment.map(full[tells].groupby(experiment[tells]).max())
    rate = experiment.map((most / full)[tells].groupby(experiment[tells]).max())
    return rows.assign(
        days_before=before,
        days_of_arrival=full.where(rows["kind"] != "quantile", until.fillna(full)),
        units_per_day=rate.fillna(most / (full - before)),
    )


def design_of_history(history: pd.DataFrame, planned: Planned) -> Design:
    """Designs of the plan with the noise of the past, one a row of `history_of_metrics`.

    Shares of a control that is not apart from zero mean nothing: there is no baseline then, nor anything that follows.
    """
    control, treatment = planned.shares
    return Design.of(
        history["baseline_mean"].where(history["is_apart"]),
        history["unit_variance"],
        share_control=control,
        share_treatment=treatment,
        is_proportion=history["is_proportion"].astype(bool),
        explained_rate=history["variance_reduction_rate"],
        cluster_size=planned.cluster_size,
        intraclass_correlation=planned.intraclass_correlation,
    )


def experiment_plans(history: pd.DataFrame, planned: Planned, days: Sequence[int]) -> pd.DataFrame:
    """Plan an experiment on every metric with a history.

    A day of the plan has the units, the mean and the noise that the past experiment had at the end of that day of
    its own: totals since exposure grow, and so does their noise. After the day on which the last units came, they go
    on coming at the average rate; after its end the rest stays as on its last day.

    Args:
        history: Rows of `history_of_metrics`.
        planned: What is planned.
        days: Lengths to consider.

    Returns:
        `COLUMNS`, one row per metric and length. `required_days` is the first day on which the power is reached.

    Raises:
        ValueError: If a length is less than a day.

    """
    lengths = sorted(set(days))
    if history.empty or not lengths:
        return typed(pd.DataFrame(), COLUMNS)
    if lengths[0] < 1:
        raise ValueError(f"days == {lengths[0]}, must be >= 1")
    rows = pd.concat([_at(past, int(length)) for _, past in history.groupby("metric_name") for length in lengths])
    rows["count_units"] = _units(rows, rows["length"], planned)
    rows["count_days"] = rows["length"]
    design, sign = design_of_history(rows, planned), _sign(rows)
    units = rows["count_units"].to_numpy(float)
    if planned.is_guardrail:
        smallest = detectable_margin(design, units, target=planned.power, alpha=planned.alpha, better=sign)
    else:
        smallest = detectable_effect(design, units, target=planned.power, alpha=planned.alpha, direction=sign)
    why_none = pd.Series(np.where(rows["is_apart"], "too_few_units", NOT_APART), rows.index)
    return typed(
        rows.assign(
            hypothesis="non_inferiority" if planned.is_guardrail else "superiority",
            reason=why_none.where(np.isnan(smallest)),
            planned_effect=planned.effect,
            standard_deviation=np.sqrt(rows["unit_variance"]),
            units_per_day=rows["units_per_day"] * planned.traffic_share,
            power=_power(design, units, sign, planned),
            minimum_detectable_effect=smallest,
            required_units=_required(design, sign, planned),
            required_days=rows["metric_name"].map(_required_days(history, planned)),
        ),
        COLUMNS,
    )


def _at(past: pd.DataFrame, length: int) -> pd.DataFrame:
    """Give the day of the past that tells of a length: the last one up to it, or else the first."""
    known = past[past["count_days"] <= length].tail(1)
    return (known if len(known) else past.head(1)).assign(length=length)


def _units(history: pd.DataFrame, days: pd.Series, planned: Planned) -> pd.Series:
    """Units after so many days: as in the past while they came, then at their average rate."""
    going_on = (days - history["days_before"]).clip(lower=0) * history["units_per_day"]
    seen = (days <= history["days_of_arrival"]) & (history["count_days"] <= days)
    units: pd.Series = (history["count_units"].where(seen, going_on) * planned.traffic_share).round()
    return units


def _sign(history: pd.DataFrame) -> Floats:
    return np.where(history["direction"] == "decrease", -1.0, 1.0)


def _power(design: Design, units: Floats, sign: Floats, planned: Planned) -> Floats:
    if planned.is_guardrail:
        return power(design, units, 0.0, alpha=planned.alpha, margin=planned.effect, better=sign)
    return power(design, units, sign * planned.effect, alpha=planned.alpha)


def _required(design: Design, sign: Floats, planned: Planned) -> Floats:
    if planned.is_guardrail:
        return required_units(
            design, 0.0, target=planned.power, alpha=planned.alpha, margin=planned.effect, better=sign
        )
    return required_units(design, sign * planned.effect, target=planned.power, alpha=planned.alpha)


def _required_days(history: pd.DataFrame, planned: Planned) -> dict[str, float]:
    """First day on which each metric's power is reached: of the past, or of its last day carried on."""
    design = design_of_history(history, planned)
    units = _units(history, history["count_days"], planned).to_numpy(float)
    is_reached = _power(design, units, _sign(history), planned) >= planned.power
    last = history.groupby("metric_name").tail(1)
    needed = _required(design_of_history(last, planned), _sign(last), planned)
    days = last["days_before"] + np.ceil(needed / (last["units_per_day"] * planned.traffic_share))
    carried_on = dict(zip(last["metric_name"], days, strict=True))
    # A quantile's only day says nothing of the days before it.
    earlier = history[is_reached & (history["kind"] != "quantile")].groupby("metric_name")["count_days"].min()
    return carried_on | {str(metric): float(day) for metric, day in earlier.items()}
