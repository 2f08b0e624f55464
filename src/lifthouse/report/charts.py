"""Where the marks of a chart lie, in the pixels of a drawing; templates draw them."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Number = float | None


@dataclass(frozen=True)
class Scale:
    """Values from `lower` to `upper` on pixels from `start` to `end`; what lies beyond is drawn at the edge.

    Example:
        >>> Scale(-0.1, 0.3, 0, 200).at(0.1)
        100.0
        >>> Scale(-0.1, 0.3, 0, 200).at(2)
        200.0

    """

    lower: float
    upper: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixel of a value, to a tenth."""
        inside = min(max(value, self.lower), self.upper)
        return round(self.start + (self.end - self.start) * (inside - self.lower) / (self.upper - self.lower), 1)

    def holds(self, value: float) -> bool:
        """Whether a value is drawn where it is, and not at the edge."""
        return self.lower <= value <= self.upper


def interval_scale(intervals: Sequence[tuple[Number, Number, Number]], width: float) -> Scale:
    """Scale intervals (lower, estimate, upper) for one picture, with zero in it.

    One that is much wider than the others goes beyond the edge, so that it does not squeeze them.

    Example:
        >>> interval_scale([(0.05, 0.1, 0.15), (None, None, None)], 100).at(0)
        5.6

    """
    known = [(low, at, high) for low, at, high in intervals if low is not None and at is not None and high is not None]
    if not known:
        return Scale(-1.0, 1.0, 0, width)
    room = max(3 * max(abs(at) for _, at, _ in known), sorted(high - low for low, _, high in known)[len(known) // 2])
    lower = max(min(0.0, *(low for low, _, _ in known)), -room)
    upper = min(max(0.0, *(high for _, _, high in known)), room)
    if lower == upper:
        return Scale(-1.0, 1.0, 0, width)
    margin = 0.0625 * (upper - lower)
    return Scale(lower - margin, upper + margin, 0, width)


def ticks(lower: float, upper: float, count: int = 4) -> list[float]:
    """Round numbers between two values, about so many.

    Example:
        >>> ticks(-0.012, 0.094)
        [0.0, 0.025, 0.05, 0.075]

    """
    if not upper > lower:
        return [lower]
    rough = (upper - lower) / count
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = min((size * magnitude for size in (1, 2, 2.5, 5, 10)), key=lambda size: abs(size - rough))
    first = math.ceil(lower / step)
    return [round(number * step, 12) + 0.0 for number in range(first, math.floor(upper / step) + 1)]


@dataclass(frozen=True)
class Lines:
    """A value by day, with a band around it where there is one.

    Attributes:
        line: Path of the values; days without one leave a gap.
        band: Path around the lower and upper ends.
        levels: Height and value of each gridline.
        dates: Place and text of the days that are named.
        zero: Height of zero where that is inside.

    """

    width: float
    height: float
    line: str
    band: str
    levels: list[tuple[float, float]]
    dates: list[tuple[float, str]]
    zero: float | None


def lines(
    days: Sequence[datetime.date],
    values: Sequence[Number],
    lowers: Sequence[Number] | None = None,
    uppers: Sequence[Number] | None = None,
    *,
    width: float = 340,
    height: float = 120,
) -> Lines | None:
    """Draw values by day; None if there are fewer than two.

    Args:
        days: In order.
        values: One a day, None where it is not known.
        lowers: Lower ends of the band.
        uppers: Upper ends.
        width: Of the drawing.
        height: Of the drawing.

    """
    known = [value for value in values if value is not None]
    if len(known) < 2 or days[0] == days[-1]:
        return None
    ends = [end for side in (lowers, uppers) for end in side or () if end is not None]
    # An interval of the first days may be many times as wide as the last: it goes beyond the edge.
    room = 3 * (max(map(abs, known)) or 1.0)
    lower = max(min([0.0, *known, *ends]), -room)
    upper = min(max([0.0, *known, *ends]), room)
    across = Scale(0, (days[-1] - days[0]).days, 44, width - 8)
    up = Scale(lower, upper if upper > lower else lower + 1, height - 18, 6)
    places = [across.at((day - days[0]).days) for day in days]
    named = [0, len(days) // 2, len(days) - 1]
    return Lines(
        width=width,
        height=height,
        line=_path(places, values, up),
        band=_band(places, lowers, uppers, up) if lowers and uppers else "",
        levels=[(up.at(level), level) for level in ticks(up.lower, up.upper, 3)],
        dates=[(places[at], f"{days[at]:%d %b}") for at in dict.fromkeys(named)],
        zero=up.at(0) if up.holds(0) else None,
    )


def _path(places: Sequence[float], values: Sequence[Number], up: Scale) -> str:
    return " ".join(
        "M" + " L".join(f"{place} {up.at(value)}" for place, value in stretch) for stretch in _stretches(places, values)
    )


def _stretches(places: Sequence[float], values: Sequence[Number]) -> Iterator[list[tuple[float, float]]]:
    """Give the runs of days that have a value."""
    stretch: list[tuple[float, float]] = []
    for place, value in zip(places, values, strict=True):
        if value is not None:
            stretch.append((place, value))
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _band(places: Sequence[float], lowers: Sequence[Number], uppers: Sequence[Number], up: Scale) -> str:
    both = [
        (place, low, high)
        for place, low, high in zip(places, lowers, uppers, strict=True)
        if low is not None and high is not None
    ]
    if not both:
        return ""
    there = [f"{place} {up.at(high)}" for place, _, high in both]
    back = [f"{place} {up.at(low)}" for place, low, _ in reversed(both)]
    return "M" + " L".join([*there, *back]) + " Z"
