"""Exposures: who saw which variant when, repeats and mix-ups included."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifthouse.demo.calendar import Flags, Index, Micros, Window
from lifthouse.demo.events import DEVICES, NAME, TIME, named, times

EXPOSURE_SCHEMA = pa.schema(
    {
        "experiment_id": pa.string(),
        "variant_id": NAME,
        "user_id": pa.dictionary(pa.int32(), pa.string()),
        "exposed_at": TIME,
        "device": NAME,
    }
)
_REPEATED_SHARE = 0.06
_MOST_REPEATS = 3
_CONTAMINATED_SHARE = 0.003


@dataclass(frozen=True)
class Experiment:
    """An experiment's name, its variants with the control first, and when it runs."""

    experiment_id: str
    variants: tuple[str, ...]
    window: Window


@dataclass(frozen=True)
class Exposures:
    """Exposures to one experiment; arrays of shape (n_exposures,).

    `variant` counts the experiment's variants from zero; `contaminated` users saw two of them.
    """

    experiment: Experiment
    user: Index
    variant: NDArray[np.int8]
    exposed_at: Micros
    contaminated: int = 0

    def where(self, keep: Flags) -> Exposures:
        """Keep the exposures flagged in `keep` (n_exposures,)."""
        return replace(self, user=self.user[keep], variant=self.variant[keep], exposed_at=self.exposed_at[keep])


def with_repeats(rng: np.random.Generator, first: Exposures) -> Exposures:
    """Add to first exposures, one a user, some repeats and, for a few users, a second variant."""
    n = len(first.user)
    repeats = np.where(rng.random(n) < _REPEATED_SHARE, rng.integers(1, _MOST_REPEATS + 1, n), 0)
    again = np.repeat(np.arange(n), repeats)
    crossed = np.flatnonzero(rng.random(n) < _CONTAMINATED_SHARE)
    n_variants = len(first.experiment.variants)
    other = (first.variant[crossed] + rng.integers(1, n_variants, len(crossed))) % n_variants

    added = np.concatenate([again, crossed])
    remaining = first.experiment.window.end - first.exposed_at[added]
    later = (remaining * (0.001 + 0.998 * rng.random(len(added)))).astype(np.int64)
    return Exposures(
        first.experiment,
        np.concatenate([first.user, first.user[added]]),
        np.concatenate([first.variant, first.variant[again], other]).astype(np.int8),
        np.concatenate([first.exposed_at, first.exposed_at[added] + later]),
        contaminated=len(crossed),
    )


def exposure_table(exposures: Exposures, user_device: NDArray[np.int8], user_ids: pa.Array) -> pa.Table:
    """Put the exposures into the table of exposures.parquet."""
    return pa.table(
        [
            pa.repeat(exposures.experiment.experiment_id, len(exposures.user)),
            named(exposures.variant, exposures.experiment.variants),
            named(exposures.user, user_ids),
            times(exposures.exposed_at),
            named(user_device[exposures.user], DEVICES),
        ],
        schema=EXPOSURE_SCHEMA,
    )
