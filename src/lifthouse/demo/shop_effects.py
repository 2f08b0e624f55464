"""What every metric of the shop's experiments is expected to be, in each arm and segment."""

from __future__ import annotations

import numpy as np

from lifthouse.demo.calendar import RAMP_STEP, SHOP_WEEK, SHOP_WINDOW, Floats, Window, day_weights
from lifthouse.demo.effects import Effect
from lifthouse.demo.events import DEVICES
from lifthouse.demo.shop_truth import CELL_SHARE, EXPOSED, MOBILE, PERSUADABLE, Cohort, ShopRates

METRICS = {
    "ctr": ("clicks", "impressions"),
    "add_to_cart_rate": ("carts", "clicks"),
    "conversion_rate": ("converted", "users"),
    "revenue_per_user": ("revenue", "users"),
    "page_load_ms": ("load_ms", "sessions"),
    "sessions_per_user": ("sessions", "users"),
}
_UNIT_METRICS = ("ctr", "conversion_rate", "revenue_per_user")

RAMP_SHARE = {"1": 0.10, "2": 0.50}


def _cohorts_by_phase() -> dict[str, Cohort]:
    """Users by the phase of search_ramp in which they are first exposed."""
    phases = Window(SHOP_WINDOW.start, RAMP_STEP), Window(RAMP_STEP, SHOP_WINDOW.end)
    before, after = (float(day_weights(phase, SHOP_WEEK).sum()) for phase in phases)
    return {"1": Cohort(before, after), "2": Cohort(before, after, early=False)}


_BY_PHASE = _cohorts_by_phase()


def unit_effects(rates: ShopRates) -> dict[str, Floats]:
    """Return the expected effect of recommendation_v2 on an exposed user of each cell (9,), by metric."""
    totals = rates.totals(EXPOSED)
    return {
        metric: np.asarray(np.diff(totals[over] / totals[under], axis=0)[0])
        for metric in _UNIT_METRICS
        for over, under in [METRICS[metric]]
    }


def _segments() -> dict[tuple[str, str], Floats]:
    """Cells (9,) of every reported segment."""
    kinds, devices = np.ones(3), np.ones(3)
    persuadable = np.eye(3)[PERSUADABLE]
    return {
        ("all", "all"): np.outer(kinds, devices).ravel(),
        **{("device", name): np.outer(kinds, np.eye(3)[i]).ravel() for i, name in enumerate(DEVICES)},
        ("platform", "mobile"): np.outer(kinds, MOBILE).ravel(),
        ("platform", "desktop"): np.outer(kinds, 1 - MOBILE).ravel(),
        ("persuadable", "true"): np.outer(persuadable, devices).ravel(),
        ("persuadable", "false"): np.outer(1 - persuadable, devices).ravel(),
    }


_NOTES = {
    "ctr": "clicks / impressions",
    "add_to_cart_rate": "carts / clicks",
    "conversion_rate": "share of exposed users with a purchase",
    "revenue_per_user": "revenue / exposed users",
    "page_load_ms": "mean over page loads",
    "sessions_per_user": "sessions as generated; sessionising joins the few less than 30 minutes apart",
}
_SCOPE = "exposed users, from exposure to the end of the window"
_MIXED = f"{_SCOPE}; half of them in either arm of recommendation_v2"
_ZERO_NOTES = {
    "checkout_aa": "no effect",
    "search_ramp": "no effect; true within a phase, see the estimand naive for what pooling shows",
    "mobile_banner": "no effect; what is observed differs where android does, whose exposures were lost",
}

_MIXED_WEIGHT = np.outer([0.5, 0.5], CELL_SHARE)

# Expected totals by arm and cell, and the weight of each arm and cell; all (2, 9).
_Group = tuple[dict[str, Floats], Floats]


def shop_effects(rates: ShopRates) -> list[Effect]:
    """List every planted effect of the shop's experiments, the zeros included."""
    return [effect for metric in METRICS for effect in _metric_effects(metric, rates)]


def _metric_effects(metric: str, rates: ShopRates) -> list[Effect]:
    totals = rates.totals(EXPOSED)
    by_phase = {phase: rates.totals(cohort) for phase, cohort in _BY_PHASE.items()}

    def recommended(arm: int, cells: Floats) -> float:
        return _value(metric, [(totals, np.outer(np.eye(2)[arm], CELL_SHARE * cells))])

    def pooled(share: dict[str, float]) -> float:
        """Pool the phases of an arm that gets `share` of each."""
        return _value(
            metric,
            [(by_phase[phase], _MIXED_WEIGHT * share[phase] * cohort.share) for phase, cohort in _BY_PHASE.items()],
        )

    overall = _value(metric, [(totals, _MIXED_WEIGHT)])
    in_phase = {phase: _value(metric, [(of, _MIXED_WEIGHT)]) for phase, of in by_phase.items()}
    control_share = {phase: 1 - share for phase, share in RAMP_SHARE.items()}
    rows = [
        *(
            ("recommendation_v2", segment, recommended(0, cells), recommended(1, cells), _SCOPE)
            for segment, cells in _segments().items()
        ),
        *(
            (experiment, ("all", "all"), overall, overall, f"{_MIXED}; {zero}")
            for experiment, zero in _ZERO_NOTES.items()
        ),
        *(
            (
                "search_ramp",
                ("phase", phase),
                value,
                value,
                f"{_MIXED}; no effect; first exposed in this phase",
            )
            for phase, value in in_phase.items()
        ),
        (
            "search_ramp",
            ("estimand", "naive"),
            pooled(control_share),
            pooled(RAMP_SHARE),
            f"{_MIXED}; not an effect: phases pooled, and users of the second are less active",
        ),
    ]
    return [
        Effect(experiment, metric, "treatment", *segment, control, treatment, f"{_NOTES[metric]}; {note}")
        for experiment, segment, control, treatment, note in rows
    ]


def _value(metric: str, groups: list[_Group]) -> float:
    """Divide the expected numerator by the expected denominator."""
    over, under = (sum(float((of[name] * weight).sum()) for of, weight in groups) for name in METRICS[metric])
    return over / under
