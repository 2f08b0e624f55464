"""Events as arrays, and their Arrow form."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifthouse.demo.calendar import DAY, Floats, Index, Micros
from lifthouse.demo.ids import id_strings

EVENT_TYPES = (
    "impression",
    "page_load",
    "click",
    "add_to_cart",
    "purchase",
    "session_start",
    "task",
    "charge",
)
IMPRESSION, PAGE_LOAD, CLICK, ADD_TO_CART, PURCHASE, SESSION_START, TASK, CHARGE = range(8)
DEVICES: tuple[str, ...] = ("ios", "android", "desktop")

NO_TIME = np.iinfo(np.int64).min
_EVENT_DIGITS = 12

NAME = pa.dictionary(pa.int8(), pa.string())
TIME = pa.timestamp("us")
EVENT_SCHEMA = pa.schema(
    {
        "event_id": pa.string(),
        "user_id": pa.dictionary(pa.int32(), pa.string()),
        "event_type": NAME,
        "occurred_at": TIME,
        "loaded_at": TIME,
        "item_id": pa.dictionary(pa.int16(), pa.string()),
        "revenue": pa.float64(),
        "device": NAME,
        "page_load_ms": pa.float64(),
    }
)


@dataclass(frozen=True)
class Events:
    """Events of one chunk of users; every array has shape (n_events,).

    `number` is that of the event id. A negative number, user, kind or item is null, and so is NO_TIME.
    `amount` is the revenue of a purchase or charge, the milliseconds of a page load, NaN for other kinds.
    """

    number: Micros
    user: Index
    kind: NDArray[np.int8]
    occurred_at: Micros
    loaded_at: Micros
    item: NDArray[np.int16]
    device: NDArray[np.int8]
    amount: Floats

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows: NDArray[np.intp]) -> Events:
        """Pick the events at `rows`."""
        return Events(*(getattr(self, field.name)[rows] for field in fields(self)))


def concatenate(parts: list[Events]) -> Events:
    """All parts as one."""
    return Events(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Events)))


def new_events(
    kind: int,
    user: Index,
    occurred_at: Micros,
    item: NDArray[np.int16] | None = None,
    amount: Floats | None = None,
) -> Events:
    """Events of one kind. Numbers, loading times and devices are filled in later, for all kinds at once."""
    n = len(user)
    return Events(
        number=np.zeros(n, np.int64),
        user=user,
        kind=np.full(n, kind, np.int8),
        occurred_at=occurred_at,
        loaded_at=occurred_at,
        item=np.full(n, -1, np.int16) if item is None else item,
        device=np.zeros(n, np.int8),
        amount=np.full(n, np.nan) if amount is None else amount,
    )


def numbered(events: Events, first_number: int, user_device: NDArray[np.int8]) -> Events:
    """Give the events running numbers and their users' devices (n_users,)."""
    number = np.arange(first_number, first_number + len(events))
    return replace(events, number=number, device=user_device[events.user])


@dataclass(frozen=True)
class DaySlice:
    """The rows of one load day; `day` counts days since 1970."""

    day: int
    table: pa.Table


def by_load_day(events: Events, user_ids: pa.Array, item_ids: pa.Array) -> list[DaySlice]:
    """Put the events into tables, one a day of loading, in order of days."""
    day = events.loaded_at // DAY
    first_day = int(day.min())
    order = np.argsort((day - first_day).astype(np.int16), kind="stable")
    counts = np.bincount(day - first_day)
    table = _event_table(events.take(order), user_ids, item_ids)
    ends = np.cumsum(counts)
    return [
        DaySlice(first_day + i, table.slice(end - count, count))
        for i, (end, count) in enumerate(zip(ends.tolist(), counts.tolist(), strict=True))
        if count
    ]


def _event_table(events: Events, user_ids: pa.Array, item_ids: pa.Array) -> pa.Table:
    has_revenue = (events.kind == PURCHASE) | (events.kind == CHARGE)
    has_load = events.kind == PAGE_LOAD
    return pa.table(
        [
            id_strings("e", events.number, _EVENT_DIGITS),
            named(events.user, user_ids),
            named(events.kind, EVENT_TYPES),
            times(events.occurred_at),
            times(events.loaded_at),
            named(events.item, item_ids),
            pa.array(events.amount, mask=~has_revenue),
            named(events.device, DEVICES),
            pa.array(events.amount, mask=~has_load),
        ],
        schema=EVENT_SCHEMA,
    )


def named(index: NDArray[np.signedinteger], names: pa.Array | tuple[str, ...]) -> pa.Array:
    """Encode category numbers (n,), null where negative."""
    return pa.DictionaryArray.from_arrays(pa.array(index, mask=index < 0), pa.array(names, pa.string()))


def times(moments: Micros) -> pa.Array:
    """Encode microseconds (n,), null where NO_TIME."""
    return pa.array(moments, mask=moments == NO_TIME).cast(TIME)
