"""What a business hands over: its users and what they did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifthouse.demo.calendar import DAY, Floats, Index, Micros
from lifthouse.demo.events import Events
from lifthouse.demo.exposures import Exposures

REGIONS = ("africa", "americas", "asia", "europe", "oceania")
REGION_SHARE = np.array([0.06, 0.34, 0.22, 0.32, 0.06])

USER_SCHEMA = pa.schema(
    {
        "user_id": pa.string(),
        "business": pa.string(),
        "signed_up_at": pa.timestamp("us"),
        "region": pa.string(),
        "device": pa.string(),
        "loyalty_tier": pa.string(),
        "price_sensitivity": pa.float64(),
        "company_size": pa.string(),
        "baseline_productivity": pa.float64(),
        "churn_risk": pa.float64(),
        "is_power_user": pa.bool_(),
        "tenure_days": pa.int32(),
    }
)


@dataclass(frozen=True)
class UnitEffects:
    """True effects of one experiment's variant on one metric, for units (n,) counted within the chunk."""

    experiment_id: str
    variant_id: str
    metric_name: str
    unit: Index
    true_effect: Floats


@dataclass(frozen=True)
class Business:
    """One business's part of a chunk. Users count from zero within the chunk."""

    users: pa.Table
    device: NDArray[np.int8]
    events: list[Events]
    exposures: list[Exposures]
    unit_effects: list[UnitEffects]


def draw_named(
    rng: np.random.Generator, names: tuple[str, ...], share: Floats, n: int
) -> tuple[NDArray[np.int8], pa.Array]:
    """Draw category numbers (n,) and their names."""
    index = rng.choice(len(names), n, p=share).astype(np.int8)
    return index, pa.array(names, pa.string()).take(pa.array(index))


def draw_signup(rng: np.random.Generator, tenure_days: Micros, as_of: int) -> Micros:
    """Draw sign-up moments of users whose tenure (n,) is counted at `as_of`."""
    return as_of - tenure_days * DAY - rng.integers(0, DAY, len(tenure_days))


def user_table(columns: dict[str, pa.Array]) -> pa.Table:
    """Put users into the table of users.parquet; columns of the other business are null."""
    n = len(columns["user_id"])
    return pa.table([columns.get(column.name, pa.nulls(n, column.type)) for column in USER_SCHEMA], schema=USER_SCHEMA)
