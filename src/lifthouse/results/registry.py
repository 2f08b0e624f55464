"""What result functions need of the registry: variants by experiment, and why an experiment's effects are withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

# What a pair of arms is tuned for where nothing was planned, as in GrowthBook.
_UNPLANNED_UNITS = 5000.0


@dataclass(frozen=True)
class Registry:
    """The registry of experiments as result functions read it.

    Attributes:
        controls: Control variant of each experiment.
        treatments: Other variants of each experiment, in the registry's order.
        metrics: Rows of `int_experiment_metrics`, indexed by experiment and metric.
        planned_units: Units of all variants at the planned end, for the experiments that say.
        expected_shares: Share of the units meant for a variant, by experiment and variant; none where nobody assigned.
        withheld: Why effects of an experiment are withheld; experiments that are not in it have effects.

    """

    controls: Mapping[str, str]
    treatments: Mapping[str, list[str]]
    metrics: pd.DataFrame
    planned_units: Mapping[str, float]
    expected_shares: Mapping[tuple[str, str], float]
    withheld: Mapping[str, str]

    def metric(self, experiment_id: object, metric_name: object) -> dict[str, Any]:
        """Row of `int_experiment_metrics`."""
        return self._metric_rows[experiment_id, metric_name]

    @cached_property
    def _metric_rows(self) -> dict[tuple[object, object], dict[str, Any]]:
        records = self.metrics.to_dict("records")
        return {
            key: {str(name): value for name, value in row.items()}
            for key, row in zip(self.metrics.index, records, strict=True)
        }

    def withhold(self, table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        """Take what must not be read out of the rows of withheld experiments; their `reason` says why.

        Args:
            table: Rows of any experiments, with a `reason`.
            names: Columns to be null in rows of withheld experiments.

        """
        reasons = table["experiment_id"].map(dict(self.withheld)).astype("string")
        is_withheld = reasons.notna()
        emptied = {name: table[name].mask(is_withheld) for name in names}
        return table.assign(**emptied, reason=table["reason"].mask(is_withheld, reasons))

    def expected_units(self, experiment_id: str, pair: tuple[str, str]) -> float:
        """Units of a pair of arms for which always-valid inference is tuned.

        They are 5,000, or the pair's share of what is planned: an even one where nobody assigned.
        """
        if experiment_id not in self.planned_units:
            return _UNPLANNED_UNITS
        even = 1 / (1 + len(self.treatments.get(experiment_id, [])))
        share = sum(self.expected_shares.get((experiment_id, variant), even) for variant in pair)
        return self.planned_units[experiment_id] * share

    @classmethod
    def from_tables(
        cls, experiments: pd.DataFrame, variants: pd.DataFrame, metrics: pd.DataFrame, withheld: pd.DataFrame
    ) -> Registry:
        """Read the registry's tables.

        Args:
            experiments: Seed `experiments`.
            variants: Seed `experiment_variants`.
            metrics: `int_experiment_metrics`.
            withheld: `int_withheld_experiments`: experiment_id and reason.

        Returns:
            The registry.

        """
        controls: dict[str, str] = {}
        treatments: dict[str, list[str]] = {}
        for experiment, variant, is_control in variants[["experiment_id", "variant_id", "is_control"]].to_numpy():
            if is_control:
                controls[str(experiment)] = str(variant)
            else:
                treatments.setdefault(str(experiment), []).append(str(variant))
        planned = experiments.dropna(subset=["planned_units"])
        assigned = variants.dropna(subset=["expected_share"])
        return cls(
            controls,
            treatments,
            metrics.set_index(["experiment_id", "metric_name"]).sort_index(),
            dict(zip(planned["experiment_id"].astype(str), planned["planned_units"].astype(float), strict=True)),
            dict(
                zip(
                    zip(assigned["experiment_id"].astype(str), assigned["variant_id"].astype(str), strict=True),
                    assigned["expected_share"].astype(float),
                    strict=True,
                )
            ),
            dict(zip(withheld["experiment_id"].astype(str), withheld["reason"].astype(str), strict=True)),
        )
