"""The SaaS product: sessions, tasks and charges; two in three users randomised, the others free to adopt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifthouse.demo.calendar import DAY, SAAS_WEEK, SAAS_WINDOW, SECOND, Floats, Micros, Window
from lifthouse.demo.events import CHARGE, DEVICES, SESSION_START, TASK, Events, new_events, times
from lifthouse.demo.exposures import Experiment, Exposures, with_repeats
from lifthouse.demo.saas_truth import (
    CHARGE_MEAN,
    CHARGE_SIGMA,
    CHURN_DAYS,
    CHURN_RISK_BETA,
    LAUNCH_DAY_SHARE,
    LONGEST_TENURE_DAYS,
    POWER_USER_FROM,
    PRODUCTIVITY_BETA,
    RANDOMISED_SHARE,
    RATE_SHAPE,
    SHORTEST_TENURE_DAYS,
    TENURE_BETA,
    VARIANTS,
    SaasRates,
    Traits,
)
from lifthouse.demo.sessions import MOST_STEPS, Sessions, draw_sessions, start_times, step_times
from lifthouse.demo.users import (
    REGION_SHARE,
    REGIONS,
    Business,
    UnitEffects,
    draw_named,
    draw_signup,
    user_table,
)

_DEVICE_SHARE = np.array([0.12, 0.13, 0.75])
_COMPANY_SIZES = ("small", "medium", "enterprise")
_COMPANY_SIZE_SHARE = np.array([0.60, 0.30, 0.10])
_V1, _V2 = 1, 2
_RANDOMISED = Experiment("adaptive_ai", VARIANTS, SAAS_WINDOW)
_SELF_SELECTED = Experiment("adaptive_ai_self_selected", ("not_adopted", "adopted"), SAAS_WINDOW)


@dataclass(frozen=True)
class _Workers:
    """What decides how users work; arrays of shape (n_users,)."""

    traits: Traits
    daily_rate: Floats
    variant: NDArray[np.int8]
    signed_up_at: Micros


def draw_saas(
    rng: np.random.Generator, user_ids: pa.Array, first_user: int, window: Window, rates: SaasRates
) -> Business:
    """Draw the product's users, numbered from `first_user`, with all they do inside `window`."""
    n = len(user_ids)
    device, device_name = draw_named(rng, DEVICES, _DEVICE_SHARE, n)
    traits = Traits(rng.beta(*PRODUCTIVITY_BETA, n), rng.beta(*CHURN_RISK_BETA, n), rng.beta(*TENURE_BETA, n))
    tenure_days = np.floor(SHORTEST_TENURE_DAYS + (LONGEST_TENURE_DAYS - SHORTEST_TENURE_DAYS) * traits.tenure).astype(
        np.int64
    )
    signed_up_at = draw_signup(rng, tenure_days, SAAS_WINDOW.start)
    users = user_table(
        {
            "user_id": user_ids,
            "business": pa.repeat("saas", n),
            "signed_up_at": times(signed_up_at),
            "region": draw_named(rng, REGIONS, REGION_SHARE, n)[1],
            "device": device_name,
            "company_size": draw_named(rng, _COMPANY_SIZES, _COMPANY_SIZE_SHARE, n)[1],
            "baseline_productivity": pa.array(100 * traits.productivity),
            "churn_risk": pa.array(traits.churn_risk),
            "is_power_user": pa.array(traits.productivity >= POWER_USER_FROM),
            "tenure_days": pa.array(tenure_days.astype(np.int32)),
        }
    )

    is_randomised = rng.random(n) < RANDOMISED_SHARE
    assigned = rng.integers(0, len(VARIANTS), n).astype(np.int8)
    adopted = (rng.random(n) < traits.adoption_chance()).astype(np.int8)
    variant = np.where(is_randomised, assigned, _V2 * adopted).astype(np.int8)
    daily_rate = rng.gamma(RATE_SHAPE, traits.daily_sessions() / RATE_SHAPE)
    workers = _Workers(traits, daily_rate, variant, signed_up_at)
    sessions, exposed_at = _visits(rng, workers, window, rates)

    randomised, free = (np.flatnonzero(half).astype(np.int32) for half in (is_randomised, ~is_randomised))
    seen = (
        (_RANDOMISED, assigned, randomised),
        (_SELF_SELECTED, adopted, free),
    )
    effects = (
        (_RANDOMISED, "B_adaptive_v1", _V1, randomised),
        (_RANDOMISED, "C_adaptive_v2", _V2, randomised),
        (_SELF_SELECTED, "adopted", _V2, free),
    )
    return Business(
        users,
        device,
        _work(rng, sessions, workers, first_user, rates),
        [
            with_repeats(rng, Exposures(experiment, half + np.int32(first_user), arm[half], exposed_at[half]))
            for experiment, arm, half in seen
        ],
        [
            UnitEffects(experiment.experiment_id, name, metric, half + np.int32(first_user), effect)
            for experiment, name, arm, half in effects
            for metric, effect in rates.effects(traits.of(half), arm, daily_rate[half]).items()
        ],
    )


def _visits(rng: np.random.Generator, workers: _Workers, window: Window, rates: SaasRates) -> tuple[Sessions, Micros]:
    """Draw all sessions, and the first of each user in the experiments' window (n_users,)."""
    n = len(workers.variant)
    launch = SAAS_WINDOW.start + DAY * rng.choice(len(LAUNCH_DAY_SHARE), n, p=LAUNCH_DAY_SHARE)
    exposed_at = start_times(rng, launch)
    churned = rng.random(n) < rates.churn_chance(workers.traits, workers.variant)
    drawn = draw_sessions(rng, workers.daily_rate, window, SAAS_WEEK)
    after_launch = drawn.start - launch[drawn.user]
    before_window = (drawn.start < SAAS_WINDOW.start) & (drawn.start >= workers.signed_up_at[drawn.user])
    stopped = churned[drawn.user] & (after_launch >= (CHURN_DAYS + 1) * DAY)
    others = drawn.where(before_window | ((after_launch >= DAY) & ~stopped))
    everyone = np.arange(n, dtype=np.int32)
    sessions = Sessions(np.concatenate([others.user, everyone]), np.concatenate([others.start, exposed_at]))
    return sessions, exposed_at


def _work(
    rng: np.random.Generator, sessions: Sessions, workers: _Workers, first_user: int, rates: SaasRates
) -> list[Events]:
    """Draw what happens in the sessions, by users numbered from `first_user`."""
    user = sessions.user + np.int32(first_user)
    seen = np.where(SAAS_WINDOW.contains(sessions.start), workers.variant[sessions.user], 0).astype(np.int8)
    of_user = workers.traits.of(sessions.user)
    tasks = np.minimum(rng.poisson(rates.tasks_a_session(of_user, seen)), MOST_STEPS)
    session, done_at = step_times(rng, sessions.start + 5 * SECOND, tasks)
    charged = np.flatnonzero(rng.random(len(user)) < rates.charge_chance(of_user, seen))
    amount = CHARGE_MEAN * np.exp(CHARGE_SIGMA * rng.standard_normal(len(charged)) - CHARGE_SIGMA**2 / 2)
    charged_at = sessions.start[charged] + rng.integers(20 * SECOND, 600 * SECOND, len(charged))
    return [
        new_events(SESSION_START, user, sessions.start),
        new_events(TASK, user[session], done_at),
        new_events(CHARGE, user[charged], charged_at, amount=np.round(amount, 2)),
    ]
