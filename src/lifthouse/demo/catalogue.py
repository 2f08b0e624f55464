"""The shop's items: what exists, what it costs, how often it is shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifthouse.demo.calendar import DAY, SHOP_WINDOW, Floats
from lifthouse.demo.events import times
from lifthouse.demo.ids import id_strings

N_ITEMS = 2_000
MEAN_PRICE = 200.0
CATEGORIES = ("audio", "bags", "books", "camping", "cycling", "garden", "kitchen", "lighting")


@dataclass(frozen=True)
class Catalogue:
    """Items in the order of their id. `price` has shape (N_ITEMS,), `mean_price` is that of an impression."""

    by_popularity: NDArray[np.int16]
    price: Floats
    mean_price: float
    ids: pa.Array
    table: pa.Table

    def show(self, rng: np.random.Generator, n: int) -> NDArray[np.int16]:
        """Draw the items of `n` impressions; the r-th most popular comes up in proportion to 1/sqrt(r)."""
        return self.by_popularity[(N_ITEMS * rng.random(n) ** 2).astype(np.int16)]


def build_catalogue(rng: np.random.Generator) -> Catalogue:
    """Draw the items, scaled so that an impression's mean price is MEAN_PRICE up to rounding to cents."""
    by_popularity = rng.permutation(N_ITEMS).astype(np.int16)
    edges = np.sqrt(np.arange(N_ITEMS + 1) / N_ITEMS)
    share = np.empty(N_ITEMS)
    share[by_popularity] = np.diff(edges)

    category = rng.integers(0, len(CATEGORIES), N_ITEMS)
    raw = np.exp(0.08 * category + 0.55 * rng.standard_normal(N_ITEMS))
    price = np.round(raw * MEAN_PRICE / (share @ raw), 2)
    launched = SHOP_WINDOW.start - rng.integers(60, 1_500, N_ITEMS) * DAY
    ids = id_strings("i", np.arange(1, N_ITEMS + 1), digits=4)
    table = pa.table(
        {
            "item_id": ids,
            "category": pa.array(np.array(CATEGORIES)[category], pa.string()),
            "price": price,
            "launched_at": times(launched),
        }
    )
    return Catalogue(by_popularity, price, float(share @ price), ids, table)
