"""What goes wrong with real events: late loads, rows sent twice, rows that make no sense."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lifthouse.demo.calendar import DAY, HOUR, SECOND
from lifthouse.demo.events import NO_TIME, PURCHASE, Events, concatenate

LATE_AFTER = HOUR
_LATEST = 72 * HOUR
_USUAL_DELAY = 60 * SECOND
_LATE_SHARE = 0.01
_DUPLICATE_SHARE = 0.002
_MALFORMED_SHARE = 0.0003
_NO_EVENT_ID_AMONG_MALFORMED = 0.05


@dataclass(frozen=True)
class DirtCounts:
    """How many events were loaded late, sent again, and added malformed."""

    late: int
    duplicates: int
    malformed: int


def soil(rng: np.random.Generator, clean: Events) -> tuple[Events, DirtCounts]:
    """Give the events loading times and add duplicates and malformed rows.

    `clean` is numbered from some first number on; malformed rows continue the numbers.
    """
    n = len(clean)
    delay = rng.integers(SECOND, _USUAL_DELAY, n)
    late = rng.permutation(n)[: rng.binomial(n, _LATE_SHARE)]
    delay[late] = rng.integers(LATE_AFTER, _LATEST, len(late))
    loaded = replace(clean, loaded_at=clean.occurred_at + delay)

    resent = loaded.take(np.sort(rng.integers(0, n, rng.binomial(n, _DUPLICATE_SHARE))))
    duplicates = replace(resent, loaded_at=resent.loaded_at + rng.integers(SECOND, DAY, len(resent)))
    malformed = _malformed(rng, loaded, first_number=int(clean.number[-1]) + 1)
    counts = DirtCounts(len(late), len(duplicates), len(malformed))
    return concatenate([loaded, duplicates, malformed]), counts


def _malformed(rng: np.random.Generator, like: Events, first_number: int) -> Events:
    """Extra rows that no reader should count, made from random others, each broken in one way."""
    n = int(rng.binomial(len(like), _MALFORMED_SHARE))
    rows = like.take(rng.integers(0, len(like), n))
    number, user, kind = np.arange(first_number, first_number + n), rows.user.copy(), rows.kind.copy()
    occurred_at, amount = rows.occurred_at.copy(), rows.amount.copy()
    flaw = rng.integers(0, 6, n)
    user[flaw == 0] = -1
    kind[flaw == 1] = -1
    occurred_at[flaw == 2] = NO_TIME
    occurred_at[flaw == 3] = rng.integers(0, DAY, int((flaw == 3).sum()))
    occurred_at[flaw == 4] += 5 * 365 * DAY
    kind[flaw == 5] = PURCHASE
    amount[flaw == 5] = rng.choice([-1.0, -250.0, np.nan, np.inf], int((flaw == 5).sum()))
    number[rng.random(n) < _NO_EVENT_ID_AMONG_MALFORMED] = -1
    return replace(rows, number=number, user=user, kind=kind, occurred_at=occurred_at, amount=amount)
