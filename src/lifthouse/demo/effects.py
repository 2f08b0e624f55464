"""Planted effects: the rows of truth/effects.parquet."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Effect:
    """Expected value of a metric without and with a variant, over one segment of an experiment's units."""

    experiment_id: str
    metric_name: str
    variant_id: str
    segment_dimension: str
    segment: str
    control_value: float
    treatment_value: float
    note: str


def effect_table(effects: list[Effect]) -> pa.Table:
    """Put the effects into the table of truth/effects.parquet."""
    return pa.Table.from_pylist([_row(effect) for effect in effects])


def _row(effect: Effect) -> dict[str, str | float]:
    """Round off the noise of floating point, so that no effect is exactly zero."""
    control, treatment = round(effect.control_value, 10), round(effect.treatment_value, 10)
    return {
        "experiment_id": effect.experiment_id,
        "metric_name": effect.metric_name,
        "variant_id": effect.variant_id,
        "segment_dimension": effect.segment_dimension,
        "segment": effect.segment,
        "control_value": control,
        "treatment_value": treatment,
        "absolute_effect": round(treatment - control, 10),
        "relative_effect": round(treatment / control - 1, 10),
        "note": effect.note,
    }
