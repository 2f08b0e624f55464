"""The advertising test: one row a unit, shaped like Criteo's public uplift data.

Two independent standard normals drive a unit: `interest` moves visits and conversions, `sway` the effect of
advertising. Features f0 and f2 reveal them; the other ten are noisy echoes, some stuck at a usual value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.optimize import brentq
from scipy.special import expit

from lifthouse.demo.calendar import Flags, Floats
from lifthouse.demo.effects import Effect

EXPERIMENT = "criteo_visit"
METRICS = ("visit_rate", "observed_conversion_rate")
VISIT = (0.045, 0.055)
CONVERSION = (0.0030, 0.0039)
_TREATED_SHARE = 0.85
_N_FEATURES = 12

# Correlation of each feature with interest and sway; f0 and f2 are those themselves.
_WITH_INTEREST = np.array([1.0, 0.5, 0.0, -0.4, 0.3, 0.2, -0.7, 0.3, 0.6, -0.5, 0.1, 0.0])
_WITH_SWAY = np.array([0.0, 0.2, 1.0, 0.3, -0.4, 0.1, 0.1, -0.6, 0.2, 0.4, 0.0, 0.0])
_OWN = np.sqrt(1 - _WITH_INTEREST**2 - _WITH_SWAY**2)
# Features held at their usual value while the underlying normal is below this threshold.
_STUCK_BELOW = {1: 1.5, 3: -0.4, 4: 1.3, 5: 1.6, 7: 1.2, 11: 1.7}
_CENTRE = np.array([19.6, 10.1, 8.4, 4.2, 10.3, 4.1, -4.2, 5.1, 3.9, 16.0, 5.3, -0.2])
_SPREAD = np.array([5.4, 0.1, 0.3, 1.3, 0.3, 0.4, 4.5, 1.2, 0.06, 7.0, 0.17, 0.02])

OBSERVATION_SCHEMA = pa.schema(
    [
        ("experiment_id", pa.string()),
        ("unit_id", pa.string()),
        ("variant_id", pa.string()),
        *[(f"f{i}", pa.float64()) for i in range(_N_FEATURES)],
        ("visit", pa.int32()),
        ("conversion", pa.int32()),
    ]
)


@dataclass(frozen=True)
class CriteoRates:
    """Intercepts (log odds) and the strength of advertising on visits and, given a visit, on conversions."""

    visit: float
    visit_lift: float
    conversion: float
    conversion_lift: float

    def visit_chance(self, interest: Floats, sway: Floats, treated: Flags | bool) -> Floats:
        """Chance of a visit, shape (n,)."""
        lift = self.visit_lift * np.exp(0.7 * sway - 0.245)
        return np.asarray(expit(self.visit + 1.1 * interest + treated * lift))

    def conversion_chance(self, interest: Floats, treated: Flags | bool) -> Floats:
        """Chance of a conversion given a visit, shape (n,)."""
        return np.asarray(expit(self.conversion + 0.6 * interest + treated * self.conversion_lift))

    def outcomes(self, interest: Floats, sway: Floats, treated: bool) -> dict[str, Floats]:
        """Return the expected value of each metric given a unit's drivers, shape (n,)."""
        visit = self.visit_chance(interest, sway, treated)
        return dict(zip(METRICS, (visit, visit * self.conversion_chance(interest, treated)), strict=True))


def _population() -> tuple[Floats, Floats, Floats]:
    """Interest, sway and weight (sum one) at Gauss-Hermite nodes that stand for all units."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    interest, sway = np.meshgrid(nodes, nodes, indexing="ij")
    weight = np.outer(weights, weights)
    return interest.ravel(), sway.ravel(), (weight / weight.sum()).ravel()


def solve_criteo_rates() -> CriteoRates:
    """Find the rates under which the planted visit and conversion rates hold."""
    interest, sway, weight = _population()

    def solve(metric: str, treated: bool, target: float, **known: float) -> float:
        """Find the one rate not in `known` that `metric` still depends on."""
        names = ("visit", "visit_lift", "conversion", "conversion_lift")
        unknown = next(name for name in names if name not in known)

        def excess(value: float) -> float:
            rates = CriteoRates(**(dict.fromkeys(names, 0.0) | known | {unknown: value}))
            return float(weight @ rates.outcomes(interest, sway, treated)[metric]) - target

        return float(brentq(excess, -12, 3, xtol=1e-14))

    visit = solve("visit_rate", False, VISIT[0])
    visit_lift = solve("visit_rate", True, VISIT[1], visit=visit)
    known = {"visit": visit, "visit_lift": visit_lift}
    conversion = solve("observed_conversion_rate", False, CONVERSION[0], **known)
    conversion_lift = solve("observed_conversion_rate", True, CONVERSION[1], **known, conversion=conversion)
    return CriteoRates(visit, visit_lift, conversion, conversion_lift)


def criteo_effects(rates: CriteoRates) -> list[Effect]:
    """List the planted effects."""
    interest, sway, weight = _population()
    control, treatment = (rates.outcomes(interest, sway, treated) for treated in (False, True))
    return [
        Effect(
            EXPERIMENT,
            metric,
            "treatment",
            "all",
            "all",
            float(weight @ control[metric]),
            float(weight @ treatment[metric]),
            "share of units; conversion only after a visit",
        )
        for metric in METRICS
    ]


def draw_criteo(rng: np.random.Generator, unit_ids: pa.Array, rates: CriteoRates) -> tuple[pa.Table, dict[str, Floats]]:
    """Draw the units' observations and, by metric, the expected effect (n,) given their features."""
    n = len(unit_ids)
    interest, sway = rng.standard_normal(n), rng.standard_normal(n)
    features: dict[str, Floats] = {}
    for i in range(_N_FEATURES):
        normal = _WITH_INTEREST[i] * interest + _WITH_SWAY[i] * sway
        if _OWN[i] > 0:
            normal = normal + _OWN[i] * rng.standard_normal(n)
        normal = np.maximum(normal, _STUCK_BELOW.get(i, -np.inf))
        features[f"f{i}"] = _CENTRE[i] + _SPREAD[i] * normal

    treated = rng.random(n) < _TREATED_SHARE
    visit = rng.random(n) < rates.visit_chance(interest, sway, treated)
    conversion = visit & (rng.random(n) < rates.conversion_chance(interest, treated))
    observations = pa.table(
        {
            "experiment_id": pa.repeat(EXPERIMENT, n),
            "unit_id": unit_ids,
            "variant_id": pa.array(["control", "treatment"]).take(pa.array(treated.astype(np.int8))),
            **features,
            "visit": visit.astype(np.int32),
            "conversion": conversion.astype(np.int32),
        },
        schema=OBSERVATION_SCHEMA,
    )
    with_it, without = (rates.outcomes(interest, sway, shown) for shown in (True, False))
    return observations, {metric: with_it[metric] - without[metric] for metric in METRICS}
