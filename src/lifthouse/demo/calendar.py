"""When things happen: days, experiment windows, weekly and daily rhythm.

Times are integers: microseconds since 1970 in UTC. Sessions end on the day (UTC) they start, so
that no visit straddles the edge of an experiment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int32]
Micros = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def micros(moment: str) -> int:
    """Microseconds since 1970 of an ISO moment in UTC."""
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()) * SECOND


@dataclass(frozen=True)
class Window:
    """A stretch of time, `start` included and `end` excluded."""

    start: int
    end: int

    def contains(self, moments: Micros) -> Flags:
        """Which of `moments` (n,) lie inside."""
        return (moments >= self.start) & (moments < self.end)


DATA_END = micros("2026-04-01T00:00")
SHOP_WINDOW = Window(micros("2026-03-16T00:00"), micros("2026-03-30T00:00"))
RAMP_STEP = micros("2026-03-20T00:00")
SAAS_WINDOW = Window(micros("2026-03-02T00:00"), DATA_END)

# Activity by weekday, Monday first. Each week sums to 7, so any 7 days in a row weigh the same.
SHOP_WEEK = np.array([0.94, 0.92, 0.94, 0.97, 1.06, 1.12, 1.05])
SAAS_WEEK = np.array([1.20, 1.25, 1.25, 1.20, 1.10, 0.50, 0.50])

_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday


def day_weights(window: Window, week: Floats) -> Floats:
    """Activity weight of each day of a window of whole days, shape (n_days,)."""
    first_day = window.start // DAY
    days = np.arange(first_day, first_day + (window.end - window.start) // DAY)
    return week[(days + _EPOCH_WEEKDAY) % 7]


def data_window(days: int) -> Window:
    """Return the stretch of time that `days` of data cover."""
    return Window(DATA_END - days * DAY, DATA_END)
