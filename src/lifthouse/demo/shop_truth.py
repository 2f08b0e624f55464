"""The shop's rates, solved so that the planted effects hold exactly.

A user's sessions in a stretch of days are Poisson with a Gamma rate. Each shows 1 + Poisson impressions, and
each of those leads on to a click, a cart and a purchase with fixed probabilities. Hence the chance of no
purchase is the generating function of the session count, and every expectation is in closed form.

Users fall in cells: kind x device, CELL = kind * 3 + device. Arrays over arms and cells have shape (2, 9).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from lifthouse.demo.calendar import SHOP_WEEK, SHOP_WINDOW, Floats, day_weights
from lifthouse.demo.events import DEVICES

DEVICE_SHARE = np.array([0.26, 0.34, 0.40])
MOBILE = np.array([1.0, 1.0, 0.0])

# Kinds of users: persuadable (silver or gold, price sensitive), loyal (gold, not price sensitive), other.
TIERS = ("bronze", "silver", "gold")
TIER_SHARE = np.array([0.54, 0.30, 0.16])
SENSITIVE_FROM = 0.5  # half of the users: price_sensitivity is Beta(2, 2)
PERSUADABLE, LOYAL, OTHER = 0, 1, 2
KIND_SHARE = np.array([0.23, 0.08, 0.69])
CELL_SHARE = np.outer(KIND_SHARE, DEVICE_SHARE).ravel()

RATE_SHAPE = 1.2
RATE_SCALE = (1 / 6) / RATE_SHAPE  # one session in six days on average
EXTRA_IMPRESSIONS = 3.0
CLICK_TASTES = np.array([0.4, 1.6])  # half of the users click little, half click much

PAGE_LOAD_MEDIAN_MS = np.array([820.0, 980.0, 640.0])
PAGE_LOAD_SIGMA = 0.5

# Control and treatment over all exposed users.
CLICK_RATE = (0.082, 0.091)
CART_RATE = (0.153, 0.161)
CONVERSION = (0.035, 0.037)
REVENUE = (12.20, 13.05)
_PERSUADABLE_SHARE_OF_LIFT = 0.77
_CLICKS_RELATIVE = np.array([0.9, 1.5])  # of persuadable and loyal users; the others make up the mean
_CONVERSION_RELATIVE = np.array([0.9, 1.9])


def _no_session(weight: Floats | float) -> Floats:
    """E[exp(-rate * weight)]: the chance that a user has no session in days of this total weight."""
    return np.asarray((1 + RATE_SCALE * np.asarray(weight)) ** -RATE_SHAPE)


@dataclass(frozen=True)
class Cohort:
    """Users with at least one session in days of weight `before`, if `early`; else those who come only later.

    `after` is the weight of the window's later days.
    """

    before: float
    after: float
    early: bool = True

    @cached_property
    def share(self) -> float:
        """Part of all users that belongs to the cohort."""
        absent = _no_session(self.before)
        return float(1 - absent if self.early else absent - _no_session(self.before + self.after))

    @cached_property
    def sessions(self) -> float:
        """Mean sessions in the window of a user of the cohort."""
        mean_rate = RATE_SHAPE * RATE_SCALE
        only_later = mean_rate * self.after * (1 + RATE_SCALE * self.before) ** (-RATE_SHAPE - 1)
        everyone = mean_rate * (self.before + self.after)
        return float(everyone - only_later if self.early else only_later) / self.share

    def converted(self, per_impression: Floats) -> Floats:
        """Chance of a purchase, given the purchase probability of an impression."""
        miss = 1 - (1 - per_impression) * np.exp(-EXTRA_IMPRESSIONS * per_impression)
        later = _no_session(self.before + self.after * miss)
        if self.early:
            spared = _no_session((self.before + self.after) * miss) - later
        else:
            spared = later - _no_session(self.before + self.after)
        return 1 - spared / self.share


EXPOSED = Cohort(before=float(day_weights(SHOP_WINDOW, SHOP_WEEK).sum()), after=0.0)


def _relative_to_mean(persuadable_and_loyal: Floats) -> Floats:
    """Factors over cells (9,) whose mean is one."""
    other = (1 - KIND_SHARE[:2] @ persuadable_and_loyal) / KIND_SHARE[OTHER]
    return np.repeat(np.append(persuadable_and_loyal, other), len(DEVICES))


def _lift_shape() -> Floats:
    """How the lift is spread over cells (9,), mean one: mobile twice desktop, most of it on persuadables."""
    rest = (1 - _PERSUADABLE_SHARE_OF_LIFT) / (1 - KIND_SHARE[PERSUADABLE])
    by_kind = np.array([_PERSUADABLE_SHARE_OF_LIFT / KIND_SHARE[PERSUADABLE], rest, rest])
    by_device = 1 + MOBILE
    return np.outer(by_kind, by_device / (DEVICE_SHARE @ by_device)).ravel()


def _converted(click: Floats, cart: Floats, purchase: Floats, cohort: Cohort) -> Floats:
    """Chance of a purchase in the window, over the click tastes; shape of the arguments."""
    return np.asarray(np.mean([cohort.converted(click * taste * cart * purchase) for taste in CLICK_TASTES], axis=0))


@dataclass(frozen=True)
class ShopRates:
    """Probabilities by arm and cell, each (2, 9): of a click, then a cart, then a purchase.

    A purchase is of 1 + Binomial(2, `extra_unit`) units; `mean_price` is the mean price of a unit.
    """

    click: Floats
    cart: Floats
    purchase: Floats
    extra_unit: Floats
    mean_price: float

    def totals(self, cohort: Cohort) -> dict[str, Floats]:
        """Return expected totals a user of the cohort by arm and cell, each (2, 9)."""
        sessions = np.full(self.click.shape, cohort.sessions)
        impressions = sessions * (1 + EXTRA_IMPRESSIONS)
        clicks = impressions * self.click
        carts = clicks * self.cart
        mean_load = PAGE_LOAD_MEDIAN_MS * np.exp(PAGE_LOAD_SIGMA**2 / 2)
        return {
            "users": np.ones(self.click.shape),
            "sessions": sessions,
            "impressions": impressions,
            "clicks": clicks,
            "carts": carts,
            "converted": _converted(self.click, self.cart, self.purchase, cohort),
            "revenue": carts * self.purchase * (1 + 2 * self.extra_unit) * self.mean_price,
            "load_ms": sessions * np.tile(mean_load, 3),
        }


def solve_rates(mean_price: float) -> ShopRates:
    """Find the rates under which the planted effects hold exactly over exposed users."""
    lift = _lift_shape()
    control_click = CLICK_RATE[0] * _relative_to_mean(_CLICKS_RELATIVE)
    click = np.stack([control_click, control_click + (CLICK_RATE[1] - CLICK_RATE[0]) * lift])
    click_weight = CELL_SHARE * click[1] / (CELL_SHARE @ click[1])
    control_cart = np.full(len(lift), CART_RATE[0])
    cart = np.stack([control_cart, control_cart + (CART_RATE[1] - CART_RATE[0]) * lift / (click_weight @ lift)])
    control_converted = CONVERSION[0] * _relative_to_mean(_CONVERSION_RELATIVE)
    converted = np.stack([control_converted, control_converted + (CONVERSION[1] - CONVERSION[0]) * lift])

    def excess(purchase: float, at: tuple[int, int]) -> float:
        return float(_converted(click[at], cart[at], np.asarray(purchase), EXPOSED) - converted[at])

    purchase = np.empty_like(click)
    for at in np.ndindex(*click.shape):
        purchase[at] = brentq(excess, 0, 1, args=(at,), xtol=1e-14)

    single_units = ShopRates(click, cart, purchase, np.zeros_like(click), mean_price)
    single_unit = single_units.totals(EXPOSED)["revenue"]
    control_units = REVENUE[0] / (CELL_SHARE @ single_unit[0])
    revenue = single_unit[0] * control_units + np.stack([0 * lift, (REVENUE[1] - REVENUE[0]) * lift])
    extra_unit = (revenue / single_unit - 1) / 2
    return ShopRates(click, cart, purchase, extra_unit, mean_price)
