"""Sessions: who comes when, and when things happen inside a visit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lifthouse.demo.calendar import (
    DAY,
    MINUTE,
    SECOND,
    Flags,
    Floats,
    Index,
    Micros,
    Window,
    day_weights,
)

# The last session of a day starts 2 hours before its end; the longest takes less than that.
_LAST_START_MINUTE = 22 * 60
MOST_STEPS = 30
_SHORTEST_GAP = 8 * SECOND
_MEAN_EXTRA_GAP = 35 * SECOND
_LONGEST_EXTRA_GAP = 200 * SECOND


@dataclass(frozen=True)
class Sessions:
    """Sessions ordered by user; both arrays have shape (n_sessions,)."""

    user: Index
    start: Micros

    def where(self, keep: Flags) -> Sessions:
        """Keep the sessions flagged in `keep` (n_sessions,)."""
        return Sessions(self.user[keep], self.start[keep])


def _start_minute_quantiles() -> Micros:
    """Start minute of the day at 65,536 even quantiles: quiet at night, a lunch bump, an evening peak."""
    minute = np.arange(_LAST_START_MINUTE)
    hour = minute / 60
    weight = 0.15 + 0.6 * np.exp(-(((hour - 12.5) / 2.5) ** 2)) + np.exp(-(((hour - 20.5) / 2.6) ** 2))
    cumulative = np.cumsum(weight) / weight.sum()
    return np.searchsorted(cumulative, (np.arange(65_536) + 0.5) / 65_536).astype(np.int64)


_START_MINUTE = _start_minute_quantiles()


def start_times(rng: np.random.Generator, day: Micros) -> Micros:
    """Draw a start inside each day; `day` (n,) holds the days' first moments."""
    minute = _START_MINUTE[rng.integers(0, 65_536, len(day), dtype=np.uint16)]
    return day + minute * MINUTE + rng.integers(0, MINUTE, len(day))


def draw_sessions(rng: np.random.Generator, daily_rate: Floats, window: Window, week: Floats) -> Sessions:
    """Poisson sessions of users with a mean `daily_rate` (n_users,), spread over the window's days."""
    weights = day_weights(window, week)
    counts = rng.poisson(daily_rate * weights.sum())
    user = np.repeat(np.arange(len(daily_rate), dtype=np.int32), counts)
    edges = np.cumsum(weights)
    day = np.searchsorted(edges[:-1], rng.random(len(user)) * edges[-1], side="right")
    return Sessions(user, start_times(rng, window.start + day * DAY))


def step_times(rng: np.random.Generator, start: Micros, steps: Micros) -> tuple[Index, Micros]:
    """Session number and time of every step, given each session's first moment and number of steps.

    The first step is at the session's start; later ones follow after 8 to 208 seconds each.
    """
    session = np.repeat(np.arange(len(start), dtype=np.int32), steps)
    gaps = np.minimum(rng.standard_exponential(len(session)) * _MEAN_EXTRA_GAP, _LONGEST_EXTRA_GAP)
    elapsed = np.cumsum(gaps.astype(np.int64) + _SHORTEST_GAP)
    first_step = np.cumsum(steps) - steps
    has_steps = steps > 0
    offset = np.zeros(len(start), dtype=np.int64)
    offset[has_steps] = start[has_steps] - elapsed[first_step[has_steps]]
    return session, elapsed + offset[session]


def first_in_window(sessions: Sessions, window: Window, n_users: int) -> Micros:
    """Each user's first session start inside the window, shape (n_users,); the window's end if none."""
    first = np.full(n_users, window.end)
    inside = sessions.where(window.contains(sessions.start))
    if len(inside.user):
        users, begins = np.unique(inside.user, return_index=True)
        first[users] = np.minimum.reduceat(inside.start, begins)
    return first
