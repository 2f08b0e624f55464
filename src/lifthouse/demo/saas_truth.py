"""The SaaS product's planted effects, by integration over what is known of a user.

A user has `productivity`, `churn_risk` and `tenure`, independent and scaled to [0, 1]. Sessions are Poisson
with a Gamma rate whose mean depends on them; so do tasks in a session and the chance to churn. A churned user
stops coming CHURN_DAYS after exposure. Treatments make churn rarer, tasks and charges in a session more
frequent, all in proportion to `responsiveness`. The launch mail brings every user back on one of the window's
first days: that first session is the exposure, and nothing comes before it in the window.

Responsiveness rises gradually, so that all users can be told apart by their effect, and charges are small and
frequent: otherwise 8,000 randomised users, as many as the default demo has, would be too few to learn their order.
A unit's true effect is the one expected of its traits and of its own rate of sessions, which its past shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from lifthouse.demo.calendar import SAAS_WEEK, SAAS_WINDOW, Flags, Floats, Index, day_weights
from lifthouse.demo.effects import Effect

VARIANTS = ("A_control", "B_adaptive_v1", "C_adaptive_v2")

PRODUCTIVITY_BETA = (2, 2)
CHURN_RISK_BETA = (2, 3)
TENURE_BETA = (1, 2)
SHORTEST_TENURE_DAYS, LONGEST_TENURE_DAYS = 30, 1_500
POWER_USER_FROM = 0.80  # productivity

RANDOMISED_SHARE = 2 / 3  # of users; the others are free to adopt

RATE_SHAPE = 2.0
_MEAN_DAILY_SESSIONS = 0.55
CHURN_DAYS = 14
LAUNCH_DAY_SHARE = np.array([0.70, 0.22, 0.05, 0.02, 0.01])
CHARGE_CHANCE = 0.5
CHARGE_MEAN = 10.0
CHARGE_SIGMA = 0.4

_LOW_PRODUCTIVITY = 0.55
_HIGH_CHURN_RISK = 0.35
_SHORT_TENURE = (600 - SHORTEST_TENURE_DAYS) / (LONGEST_TENURE_DAYS - SHORTEST_TENURE_DAYS)

# Relative lift of (v1, v2).
RETENTION_LIFT = (0.075, 0.15)
REVENUE_LIFT = (0.10, 0.20)
TASKS_LIFT = (0.08, 0.16)


@dataclass(frozen=True)
class Traits:
    """What drives a user; arrays of shape (n,) in [0, 1]."""

    productivity: Floats
    churn_risk: Floats
    tenure: Floats

    def need(self) -> Floats:
        """Need of help, in (0, 1): high where a user is little productive, likely to churn and recent, on balance."""
        lacking = 4.5 * (0.5 - self.productivity) + 5.0 * (self.churn_risk - 0.4) + 4.2 * (1 / 3 - self.tenure)
        return np.asarray(expit(4.5 * (lacking - 1.4)))

    def responsive(self) -> Flags:
        """About a fifth of users, with high need: little productive, likely to churn and recent, all three."""
        return (
            (self.productivity < _LOW_PRODUCTIVITY)
            & (self.churn_risk > _HIGH_CHURN_RISK)
            & (self.tenure < _SHORT_TENURE)
        )

    def of(self, users: Index) -> Traits:
        """Look up the traits of `users` (m,)."""
        return Traits(self.productivity[users], self.churn_risk[users], self.tenure[users])

    def daily_sessions(self) -> Floats:
        """Mean sessions a day."""
        return _MEAN_DAILY_SESSIONS * np.exp(
            0.8 * (self.productivity - 0.5) - 0.8 * (self.churn_risk - 0.4) + 0.5 * (self.tenure - 1 / 3)
        )

    def tasks_a_session(self) -> Floats:
        """Mean tasks in a session without treatment."""
        return 1.4 + 2.6 * self.productivity

    def churn_chance(self) -> Floats:
        """Chance to churn without treatment."""
        return 0.22 + 0.45 * self.churn_risk

    def adoption_chance(self) -> Floats:
        """Chance to adopt when the choice is free: those who need it least adopt most."""
        return np.asarray(
            expit(0.1 + 2.4 * (self.productivity - 0.5) - 2.4 * (self.churn_risk - 0.4) + 1.8 * (self.tenure - 1 / 3))
        )


def _axis(beta: tuple[int, int], split: float) -> tuple[Floats, Floats]:
    """Nodes and weights (sum one) for a Beta variable; exact for polynomials on either side of `split`."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    x = np.concatenate([split * (nodes + 1) / 2, split + (1 - split) * (nodes + 1) / 2])
    w = np.concatenate([split * weights / 2, (1 - split) * weights / 2])
    w *= x ** (beta[0] - 1) * (1 - x) ** (beta[1] - 1)
    return x, w / w.sum()


def population() -> tuple[Traits, Floats]:
    """Traits at 32,768 quadrature nodes that stand for all users, and the nodes' weights (sum one)."""
    axes = (
        _axis(PRODUCTIVITY_BETA, _LOW_PRODUCTIVITY),
        _axis(CHURN_RISK_BETA, _HIGH_CHURN_RISK),
        _axis(TENURE_BETA, _SHORT_TENURE),
    )
    productivity, churn_risk, tenure = np.meshgrid(*(x for x, _ in axes), indexing="ij")
    weight = np.einsum("i,j,k->ijk", *(w for _, w in axes))
    return Traits(productivity.ravel(), churn_risk.ravel(), tenure.ravel()), weight.ravel()


def _mean_weight_after_exposure() -> tuple[float, float]:
    """Return the expected weight of days after the exposure's, up to CHURN_DAYS later and from then on."""
    weights = day_weights(SAAS_WINDOW, SAAS_WEEK)
    before = after = 0.0
    for launch_day, share in enumerate(LAUNCH_DAY_SHARE):
        split = launch_day + 1 + CHURN_DAYS
        before += share * weights[launch_day + 1 : split].sum()
        after += share * weights[split:].sum()
    return before, after


_EARLY_WEIGHT, _LATE_WEIGHT = _mean_weight_after_exposure()
METRICS = ("revenue_per_user", "retention_d21", "tasks_per_user")


@dataclass(frozen=True)
class SaasRates:
    """How strongly each variant (3,) moves churn, charges and tasks of a user of mean responsiveness."""

    mean_need: float
    churn: Floats
    charge: Floats
    tasks: Floats

    def responsiveness(self, traits: Traits) -> Floats:
        """How much a user gains relative to the mean user, shape (n,)."""
        return traits.need() / self.mean_need

    def churn_chance(self, traits: Traits, variant: NDArray[np.int8] | int) -> Floats:
        """Chance to churn, shape (n,)."""
        return np.asarray(traits.churn_chance() * (1 - self.churn[variant] * self.responsiveness(traits)))

    def charge_chance(self, traits: Traits, variant: NDArray[np.int8] | int) -> Floats:
        """Chance of a charge in a session, shape (n,)."""
        return np.asarray(CHARGE_CHANCE * (1 + self.charge[variant] * self.responsiveness(traits)))

    def tasks_a_session(self, traits: Traits, variant: NDArray[np.int8] | int) -> Floats:
        """Mean tasks in a session, shape (n,)."""
        return np.asarray(traits.tasks_a_session() * (1 + self.tasks[variant] * self.responsiveness(traits)))

    def outcomes(self, traits: Traits, variant: int, daily_rate: Floats | None = None) -> dict[str, Floats]:
        """Return the expected value of each metric given a user's traits and, if known, daily sessions, shape (n,)."""
        if daily_rate is None:
            daily_rate = traits.daily_sessions()
            absent_all_week = (1 + 7 * daily_rate / RATE_SHAPE) ** -RATE_SHAPE
        else:
            absent_all_week = np.exp(-7 * daily_rate)
        staying = 1 - self.churn_chance(traits, variant)
        sessions = 1 + daily_rate * (_EARLY_WEIGHT + staying * _LATE_WEIGHT)
        return {
            "revenue_per_user": sessions * self.charge_chance(traits, variant) * CHARGE_MEAN,
            "retention_d21": staying * (1 - absent_all_week),
            "tasks_per_user": sessions * self.tasks_a_session(traits, variant),
        }

    def effects(self, traits: Traits, variant: int, daily_rate: Floats) -> dict[str, Floats]:
        """Return a variant's expected effect on each metric given a user's traits and daily sessions, shape (n,)."""
        with_it, without = (self.outcomes(traits, arm, daily_rate) for arm in (variant, 0))
        return {metric: with_it[metric] - without[metric] for metric in METRICS}


def solve_saas_rates() -> SaasRates:
    """Find the strengths under which the planted lifts hold exactly; each metric is linear in its own."""
    traits, weight = population()
    churn, charge, tasks = (np.zeros(len(VARIANTS)) for _ in range(3))
    rates = SaasRates(float(weight @ traits.need()), churn, charge, tasks)
    without = {metric: weight @ value for metric, value in rates.outcomes(traits, 0).items()}
    planted = (
        (churn, "retention_d21", RETENTION_LIFT),
        (charge, "revenue_per_user", REVENUE_LIFT),
        (tasks, "tasks_per_user", TASKS_LIFT),
    )
    for strength, metric, lifts in planted:
        for variant, lift in enumerate(lifts, start=1):
            at_zero = weight @ rates.outcomes(traits, variant)[metric]
            strength[variant] = 0.1
            at_tenth = weight @ rates.outcomes(traits, variant)[metric]
            strength[variant] = 0.1 * (without[metric] * (1 + lift) - at_zero) / (at_tenth - at_zero)
    return rates


_NOTES = {
    "revenue_per_user": "charges / users from exposure to the end of the window",
    "retention_d21": "share of users active in days 21..27 after exposure (day 0 = its first 24 hours), "
    "among those whose day 27 lies inside the data; tasks of a session begun just before day 21 add < 0.001",
    "tasks_per_user": "tasks / users from exposure to the end of the window",
}


def saas_effects(rates: SaasRates) -> list[Effect]:
    """Every planted effect of adaptive_ai and of its self-selected twin."""
    traits, weight = population()
    outcomes = [rates.outcomes(traits, variant) for variant in range(len(VARIANTS))]
    responsive = traits.responsive()
    groups = {
        ("all", "all"): weight,
        ("responsive", "true"): weight * responsive,
        ("responsive", "false"): weight * ~responsive,
    }
    effects = [
        Effect(
            "adaptive_ai",
            metric,
            VARIANTS[variant],
            *segment,
            float(np.average(outcomes[0][metric], weights=of)),
            float(np.average(outcomes[variant][metric], weights=of)),
            _NOTES[metric],
        )
        for metric in METRICS
        for variant in (1, 2)
        for segment, of in groups.items()
    ]

    adopting = traits.adoption_chance()
    everyone, adopters, others = weight, weight * adopting, weight * (1 - adopting)
    estimands = {
        ("all", "all"): (everyone, everyone, "average effect over all users"),
        ("estimand", "ate"): (everyone, everyone, "average effect over all users"),
        ("estimand", "att"): (adopters, adopters, "average effect over adopters"),
        ("estimand", "naive"): (
            others,
            adopters,
            "naive: adopters less the others, confounded, not an effect",
        ),
    }
    for metric in METRICS:
        for segment, (without, with_it, meaning) in estimands.items():
            effects.append(
                Effect(
                    "adaptive_ai_self_selected",
                    metric,
                    "adopted",
                    *segment,
                    float(np.average(outcomes[0][metric], weights=without)),
                    float(np.average(outcomes[2][metric], weights=with_it)),
                    f"{meaning}; {_NOTES[metric]}",
                )
            )
    return effects
