"""Effects of experiments that have quantiles only, which effects are one family, and planned looks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from lifthouse.results.effects import experiment_effects
from lifthouse.results.registry import Registry
from lifthouse.statistics.group_sequential import group_sequential_boundaries
from lifthouse.statistics.quantiles import grid_levels


def registry(
    *metrics: str,
    shares: Sequence[float] = (0.5, 0.5),
    planned_units: float = float("nan"),
    withheld: str | None = None,
) -> Registry:
    return Registry.from_tables(
        pd.DataFrame({"experiment_id": ["x"], "planned_units": planned_units}),
        pd.DataFrame(
            {
                "experiment_id": "x",
                "variant_id": list("abc"[: len(shares)]),
                "is_control": [True, *[False] * (len(shares) - 1)],
                "expected_share": shares,
            }
        ),
        pd.DataFrame(
            {
                "experiment_id": "x",
                "metric_name": metrics,
                "role": "secondary",
                "direction": "increase",
                "non_inferiority_margin": float("nan"),
                "is_proportion": False,
            }
        ),
        pd.DataFrame({"experiment_id": ["x"], "reason": [withheld]}).dropna(),
    )


def moments(metric: str, ended_on: str, seed: int, *, effect: float = 0.0) -> list[dict[str, object]]:
    rng = np.random.default_rng(seed)
    rows = []
    for variant in ("a", "b"):
        for date in (pd.Timestamp("2026-03-01"), pd.Timestamp(ended_on)):
            values = rng.normal(effect if variant == "b" else 0.0, size=50)
            rows.append(
                {
                    "experiment_id": "x",
                    "metric_name": metric,
                    "variant_id": variant,
                    "dimension": "all",
                    "segment": "all",
                    "activity_date": date,
                    "count_units": 50,
                    "value_names": ["numerator"],
                    "pivots": [0.0],
                    "sums": [values.sum()],
                    "products": [(values**2).sum()],
                }
            )
    return rows


def quantiles(**column: object) -> pd.DataFrame:
    rows = [
        {
            "experiment_id": "x",
            "metric_name": "load",
            "variant_id": variant,
            "dimension": "all",
            "segment": "all",
            "quantile": 0.5,
            "quantile_over": "units",
            "count_units": 900,
            "grid_values": grid_levels(0.5) + shift,
            "as_of_date": pd.Timestamp("2026-03-14"),
            "count_phases": 0,
        }
        | column
        for variant, shift in (("a", 0.0), ("b", 0.2))
    ]
    return pd.DataFrame(rows)


NO_MOMENTS = pd.DataFrame(moments("spent", "2026-03-14", 1)).iloc[:0]


def test_an_experiment_of_quantiles_only_is_as_of_the_day_they_were_measured():
    [effect] = experiment_effects(NO_MOMENTS, quantiles(), registry("load")).to_dict("records")
    assert effect["as_of_date"] == pd.Timestamp("2026-03-14")
    assert effect["absolute_effect"] == pytest.approx(0.2)
    assert effect["p_value_adjusted"] == effect["p_value"]


def test_quantiles_of_a_ramp_are_not_compared_whatever_other_metrics_know():
    [effect] = experiment_effects(NO_MOMENTS, quantiles(count_phases=2), registry("load")).to_dict("records")
    assert effect["reason"] == "allocation_changed"
    assert np.isnan(effect["p_value"])


def test_quantiles_are_as_of_the_day_of_the_experiments_other_metrics():
    of_both = pd.DataFrame(moments("spent", "2026-03-20", 1))
    effects = experiment_effects(of_both, quantiles(), registry("spent", "load"))
    assert set(effects.loc[effects["is_latest"], "as_of_date"]) == {pd.Timestamp("2026-03-20")}


def test_the_latest_effects_are_one_family_whatever_day_each_metric_ends_on():
    of_both = pd.DataFrame([*moments("back", "2026-03-20", 2, effect=0.5), *moments("spent", "2026-03-14", 3)])
    effects = experiment_effects(of_both, quantiles().iloc[:0], registry("back", "spent"))
    fixed = effects[effects["inference"] == "fixed"]

    latest = fixed[fixed["is_latest"]].sort_values("p_value")
    assert latest["metric_name"].tolist() == ["back", "spent"]
    smallest, largest = latest["p_value"]
    assert latest["p_value_adjusted"].tolist() == pytest.approx([2 * smallest, max(2 * smallest, largest)])

    # On the day on which one metric ended the other had not: by day it stands alone.
    [going_on] = fixed[(fixed["as_of_date"] == "2026-03-14") & ~fixed["is_latest"]].to_dict("records")
    assert going_on["p_value_adjusted"] == going_on["p_value"]


def test_what_is_withheld_has_no_relative_effect_either():
    spent, no_quantiles = pd.DataFrame(moments("spent", "2026-03-14", 1)), quantiles().iloc[:0]
    known = experiment_effects(spent, no_quantiles, registry("spent"))
    withheld = experiment_effects(spent, no_quantiles, registry("spent", withheld="blocked: srm"))
    assert set(known["relative_reason"]) == {"control_not_distinct_from_zero"}
    assert set(withheld["reason"]) == set(withheld["relative_reason"]) == {"blocked: srm"}


def ramp(*days: tuple[int, int, int]) -> pd.DataFrame:
    """Units of three arms by day, half of which have the value 1."""
    return pd.DataFrame(
        [
            {
                "experiment_id": "x",
                "metric_name": "spent",
                "variant_id": variant,
                "dimension": "all",
                "segment": "all",
                "activity_date": pd.Timestamp("2026-03-01") + pd.Timedelta(days=day),
                "count_units": count,
                "value_names": ["numerator"],
                "pivots": [0.0],
                "sums": [count / 2],
                "products": [count / 2],
            }
            for day, counts in enumerate(days)
            for variant, count in zip("abc", counts, strict=True)
        ]
    )


@pytest.mark.parametrize(
    ("days", "information"),
    [
        ([(80, 10, 10)] * 10, np.arange(1, 11) / 10),
        # A ramp: the arms' shares of what is planned are known when it is over.
        ([(180, 10, 10)] * 3 + [(100, 50, 50)] * 2, np.arange(1, 6) / 5),
        ([(80, 10, 10)] * 12, np.arange(1, 13) / 12),
    ],
)
def test_information_of_planned_looks_is_the_share_of_all_arms_units(days, information):
    of_plan = registry("spent", shares=(0.8, 0.1, 0.1), planned_units=1000)
    effects = experiment_effects(ramp(*days), quantiles().iloc[:0], of_plan)
    looks = effects[effects["inference"] == "group_sequential"]
    for _, pair in looks.groupby("treatment_variant_id"):
        reach = (pair["absolute_ci_upper"] - pair["absolute_effect"]) / pair["standard_error"]
        assert reach.tolist() == pytest.approx(group_sequential_boundaries(information.tolist()).tolist())


def test_always_valid_inference_is_tuned_to_the_pairs_share_of_the_plan():
    of_plan = registry("spent", shares=(0.8, 0.15, 0.05), planned_units=1000)
    assert [of_plan.expected_units("x", pair) for pair in (("a", "b"), ("a", "c"))] == pytest.approx([950, 850])
    nobody_assigned = registry("spent", shares=(np.nan, np.nan, np.nan), planned_units=900)
    assert nobody_assigned.expected_units("x", ("a", "b")) == pytest.approx(600)
    assert registry("spent").expected_units("x", ("a", "b")) == 5000
