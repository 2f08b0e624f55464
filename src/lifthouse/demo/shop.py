"""The shop: impressions, clicks, carts and purchases of users in four experiments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifthouse.demo.calendar import RAMP_STEP, SECOND, SHOP_WEEK, SHOP_WINDOW, Floats, Index, Micros, Window
from lifthouse.demo.catalogue import Catalogue
from lifthouse.demo.events import (
    ADD_TO_CART,
    CLICK,
    DEVICES,
    IMPRESSION,
    PAGE_LOAD,
    PURCHASE,
    Events,
    new_events,
    times,
)
from lifthouse.demo.exposures import Experiment, Exposures, with_repeats
from lifthouse.demo.sessions import MOST_STEPS, Sessions, draw_sessions, first_in_window, step_times
from lifthouse.demo.shop_effects import RAMP_SHARE, unit_effects
from lifthouse.demo.shop_truth import (
    CLICK_TASTES,
    DEVICE_SHARE,
    EXTRA_IMPRESSIONS,
    LOYAL,
    OTHER,
    PAGE_LOAD_MEDIAN_MS,
    PAGE_LOAD_SIGMA,
    PERSUADABLE,
    RATE_SCALE,
    RATE_SHAPE,
    SENSITIVE_FROM,
    TIER_SHARE,
    TIERS,
    ShopRates,
)
from lifthouse.demo.users import (
    REGION_SHARE,
    REGIONS,
    Business,
    UnitEffects,
    draw_named,
    draw_signup,
    user_table,
)

_VARIANTS = ("control", "treatment")
_ANDROID = DEVICES.index("android")
_LOST_ON_ANDROID = 0.30
_SHORTEST_TENURE_DAYS, _LONGEST_TENURE_DAYS = 60, 3_000
_MEAN_EXTRA_TENURE_DAYS = 400


@dataclass(frozen=True)
class _Shoppers:
    """What decides how users browse; arrays of shape (n_users,). `arm` is that of recommendation_v2."""

    device: NDArray[np.int8]
    cell: NDArray[np.int8]
    click_taste: Floats
    arm: NDArray[np.int8]


def draw_shop(
    rng: np.random.Generator, user_ids: pa.Array, window: Window, catalogue: Catalogue, rates: ShopRates
) -> Business:
    """Draw the shop's users, numbered from zero, with all they do inside `window`."""
    n = len(user_ids)
    device, device_name = draw_named(rng, DEVICES, DEVICE_SHARE, n)
    tier, tier_name = draw_named(rng, TIERS, TIER_SHARE, n)
    sensitivity = rng.beta(2, 2, n)
    tenure_days = np.minimum(
        _SHORTEST_TENURE_DAYS + rng.exponential(_MEAN_EXTRA_TENURE_DAYS, n), _LONGEST_TENURE_DAYS
    ).astype(np.int64)
    signed_up_at = draw_signup(rng, tenure_days, SHOP_WINDOW.start)
    users = user_table(
        {
            "user_id": user_ids,
            "business": pa.repeat("shop", n),
            "signed_up_at": times(signed_up_at),
            "region": draw_named(rng, REGIONS, REGION_SHARE, n)[1],
            "device": device_name,
            "loyalty_tier": tier_name,
            "price_sensitivity": pa.array(sensitivity),
            "tenure_days": pa.array(tenure_days.astype(np.int32)),
        }
    )

    shoppers = _Shoppers(
        device,
        cell=(_kind(tier, sensitivity) * len(DEVICES) + device).astype(np.int8),
        click_taste=CLICK_TASTES[rng.integers(0, len(CLICK_TASTES), n)],
        arm=rng.integers(0, 2, n).astype(np.int8),
    )
    sessions = draw_sessions(rng, rng.gamma(RATE_SHAPE, RATE_SCALE, n), window, SHOP_WEEK)
    sessions = sessions.where(sessions.start >= signed_up_at[sessions.user])
    exposed_at = first_in_window(sessions, SHOP_WINDOW, n)
    exposed = np.flatnonzero(exposed_at < SHOP_WINDOW.end).astype(np.int32)
    return Business(
        users,
        device,
        _browse(rng, sessions, shoppers, catalogue, rates),
        _expose(rng, shoppers, exposed, exposed_at[exposed]),
        [
            UnitEffects("recommendation_v2", "treatment", metric, exposed, effect[shoppers.cell[exposed]])
            for metric, effect in unit_effects(rates).items()
        ],
    )


def _kind(tier: NDArray[np.int8], sensitivity: Floats) -> NDArray[np.int8]:
    sensitive = sensitivity >= SENSITIVE_FROM
    persuadable = sensitive & (tier >= TIERS.index("silver"))
    loyal = ~sensitive & (tier == TIERS.index("gold"))
    return np.select([persuadable, loyal], [PERSUADABLE, LOYAL], OTHER).astype(np.int8)


def _browse(
    rng: np.random.Generator, sessions: Sessions, shoppers: _Shoppers, catalogue: Catalogue, rates: ShopRates
) -> list[Events]:
    """Draw what happens in the sessions."""
    user = sessions.user
    median_ms = PAGE_LOAD_MEDIAN_MS[shoppers.device[user]]
    load_ms = np.round(median_ms * np.exp(PAGE_LOAD_SIGMA * rng.standard_normal(len(user))), 1)
    loaded_at = sessions.start + (load_ms * 1_000).astype(np.int64)

    steps = np.minimum(1 + rng.poisson(EXTRA_IMPRESSIONS, len(user)), MOST_STEPS)
    session, shown_at = step_times(rng, sessions.start, steps)
    item = catalogue.show(rng, len(session))

    def go_on(rows: Micros, at: Micros, chance: Floats, least: int, most: int) -> tuple[Micros, Micros]:
        """Draw which impressions `rows` lead on, by `chance` (n_sessions,), and when: seconds after `at`."""
        goes_on = rng.random(len(rows)) < chance[session[rows]]
        waited = rng.integers(least * SECOND, most * SECOND, int(goes_on.sum()))
        return rows[goes_on], at[goes_on] + waited

    arm = np.where(SHOP_WINDOW.contains(sessions.start), shoppers.arm[user], 0)
    at = arm, shoppers.cell[user]
    clicked, clicked_at = go_on(np.arange(len(session)), shown_at, rates.click[at] * shoppers.click_taste[user], 1, 7)
    carted, carted_at = go_on(clicked, clicked_at, rates.cart[at], 15, 180)
    bought, bought_at = go_on(carted, carted_at, rates.purchase[at], 60, 720)
    units = 1 + rng.binomial(2, rates.extra_unit[at][session[bought]])
    revenue = np.round(catalogue.price[item[bought]] * units, 2)
    return [
        new_events(IMPRESSION, user[session], shown_at, item),
        new_events(PAGE_LOAD, user, loaded_at, amount=load_ms),
        new_events(CLICK, user[session[clicked]], clicked_at, item[clicked]),
        new_events(ADD_TO_CART, user[session[carted]], carted_at, item[carted]),
        new_events(PURCHASE, user[session[bought]], bought_at, item[bought], revenue),
    ]


def _expose(rng: np.random.Generator, shoppers: _Shoppers, user: Index, exposed_at: Micros) -> list[Exposures]:
    """Draw exposures to the four experiments, first at each exposed user's first impression (n_exposed,)."""
    n = len(user)
    ramp_share = np.where(exposed_at < RAMP_STEP, RAMP_SHARE["1"], RAMP_SHARE["2"])
    variants: dict[str, NDArray[np.generic]] = {
        "recommendation_v2": shoppers.arm[user],
        "checkout_aa": rng.integers(0, 2, n),
        "search_ramp": rng.random(n) < ramp_share,
        "mobile_banner": rng.integers(0, 2, n),
    }
    first = {
        name: Exposures(Experiment(name, _VARIANTS, SHOP_WINDOW), user, variant.astype(np.int8), exposed_at)
        for name, variant in variants.items()
    }
    banner = first["mobile_banner"]
    on_android = shoppers.device[user] == _ANDROID
    lost = (banner.variant == 1) & on_android & (rng.random(n) < _LOST_ON_ANDROID)
    first["mobile_banner"] = banner.where(~lost)
    return [with_repeats(rng, exposures) for exposures in first.values()]
