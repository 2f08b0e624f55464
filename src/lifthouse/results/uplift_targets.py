"""Which effects are modelled unit by unit, and of which units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from lifthouse.statistics.digits import significant
from lifthouse.statistics.reasons import Floats, Ints

KEYS = ["experiment_id", "metric_name"]


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

    def units_with_outcome(self, units: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
        """Units of the target's variants that have an outcome, in order of unit_id, with the outcome as `value`."""
        of_experiment = units[units["experiment_id"] == self.experiment_id]
        values = self.rows_of(outcomes)[["unit_id", "value"]]
        joined = of_experiment.merge(values, on="unit_id", validate="one_to_one").dropna(subset=["value"])
        joined = joined[joined["variant_id"].isin(self.variants)].sort_values("unit_id").reset_index(drop=True)
        return joined.assign(value=significant(joined["value"].to_numpy(float)))

    def arms_of(self, frame: pd.DataFrame) -> Ints:
        """Arm of each row, 0 for control, shape (n,)."""
        positions = {name: at for at, name in enumerate(self.variants)}
        return np.asarray(frame["variant_id"].map(positions), np.int64)

    def shares_of(self, frame: pd.DataFrame) -> Floats:
        """Chance of each arm, shape (arms,) by design, (n, 2) where they were estimated."""
        if self.is_randomised:
            return np.array(self.shares)
        propensity = frame["treatment_propensity"].to_numpy(float)
        return np.column_stack([1 - propensity, propensity])

    def keys_of(self, treatment: str) -> PairKeys:
        """Experiment, metric and one of its treatments: what scores are judged by."""
        return PairKeys(self.experiment_id, self.metric_name, treatment)


def targets_of(targets: pd.DataFrame, variants: pd.DataFrame, phases: pd.DataFrame) -> list[Target]:
    """Read what is to be modelled.

    Args:
        targets: `int_uplift_targets`.
        variants: Seed `experiment_variants`.
        phases: `dim_experiment_variants`, which has the shares that units were assigned by.

    Returns:
        Targets by experiment and metric.

    """
    found = []
    # Where shares differ between phases, nothing is modelled: see `int_uplift_targets`.
    assigned = phases.groupby(["experiment_id", "variant_id"], as_index=False)["expected_share"].max()
    variants = variants.drop(columns="expected_share").merge(assigned, on=["experiment_id", "variant_id"], how="left")
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
