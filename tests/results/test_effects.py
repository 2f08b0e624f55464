"""Effects of experiments that have quantiles only, which effects are one family, and planned looks."""

from collections.abc import Sequence
from dataclasses import replace

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


def adjustable(experiment: str, metric: str, arms: dict[str, np.ndarray]) -> list[dict[str, object]]:
    """Moments of arms by unit: what is measured, and beside it what was known before exposure, if anything was."""
    return [
        {
            "experiment_id": experiment,
            "metric_name": metric,
            "variant_id": variant,
            "dimension": "all",
            "segment": "all",
            "activity_date": pd.Timestamp("2026-03-14"),
            "count_units": len(values),
            "value_names": ["numerator", "pre_numerator"][: values.shape[1]],
            "pivots": [0.0] * values.shape[1],
            "sums": values.sum(axis=0),
            "products": (values.T @ values)[np.triu_indices(values.shape[1])],
        }
        for variant, values in arms.items()
    ]


def held_against_both(one: float, other: float) -> list[float]:
    """Two p-values by Holm's method."""
    smallest, largest = sorted((one, other))
    steps = [min(2 * smallest, 1.0), min(max(2 * smallest, largest), 1.0)]
    return steps if one <= other else steps[::-1]


def test_a_metric_that_nothing_adjusts_is_in_the_family_of_those_that_are_adjusted():
    rng = np.random.default_rng(8)
    before = rng.normal(size=(2, 80, 1))
    after = before + 0.3 * rng.normal(size=before.shape) + np.array([0.0, 0.25]).reshape(2, 1, 1)
    stays = rng.normal(size=before.shape) + np.array([0.0, 0.32]).reshape(2, 1, 1)
    rows = pd.DataFrame(
        [
            *adjustable("x", "spent", dict(zip("ab", np.concatenate([after, before], axis=2), strict=True))),
            *adjustable("x", "stays", dict(zip("ab", stays, strict=True))),
        ]
    )

    effects = experiment_effects(rows, quantiles().iloc[:0], registry("spent", "stays"))

    for inference in ("fixed", "always_valid"):
        of_kind = effects[effects["inference"] == inference].set_index(["metric_name", "variance_reduction"])
        p_value, adjusted = of_kind["p_value"], of_kind["p_value_adjusted"]
        unadjusted, alone = held_against_both(p_value["spent", "none"], p_value["stays", "none"])
        cuped, beside = held_against_both(p_value["spent", "cuped"], p_value["stays", "none"])
        assert p_value["spent", "cuped"] < p_value["stays", "none"] < p_value["spent", "none"]
        assert adjusted["spent", "cuped"] == pytest.approx(cuped)
        assert adjusted["spent", "none"] == pytest.approx(unadjusted)
        # Read beside the one or the other: it is as sure as both allow.
        assert adjusted["stays", "none"] == pytest.approx(max(alone, beside))


def test_quantiles_are_in_the_family_of_planned_and_of_always_valid_effects():
    rng = np.random.default_rng(9)
    arms = {variant: rng.normal(effect, size=(500, 1)) for variant, effect in zip("abc", (0, 0.5, 0.1), strict=True)}
    of_three = pd.concat([quantiles(), quantiles().iloc[1:].assign(variant_id="c")])
    of_three["grid_values"] = [grid_levels(0.5)] * 3
    of_plan = registry("spent", "load", shares=(0.4, 0.3, 0.3), planned_units=1500)

    effects = experiment_effects(pd.DataFrame(adjustable("x", "spent", arms)), of_three, of_plan)

    # Planned looks are at two treatments against control; the others at all three pairs of arms.
    for inference, tests in (("fixed", 6), ("always_valid", 6), ("group_sequential", 4)):
        of_kind = effects[(effects["inference"] == inference) & (effects["metric_name"] == "spent")]
        surest = of_kind.loc[of_kind["p_value"].idxmin()]
        assert surest["treatment_variant_id"] == "b"
        assert surest["p_value_adjusted"] == pytest.approx(tests * surest["p_value"])
    assert set(effects.loc[effects["metric_name"] == "load", "inference"]) == {"fixed"}


def test_the_effects_that_verdicts_take_are_wrong_as_seldom_as_promised():
    rng, count = np.random.default_rng(10), 2000
    names = [f"x{at}" for at in range(count)]
    before = rng.normal(size=(count, 2, 200, 1))
    spent = np.concatenate([before + rng.normal(size=before.shape), before], axis=3)
    stays = (rng.random(before.shape) < 0.4).astype(float)
    rows = [
        row
        for at, name in enumerate(names)
        for metric, values in (("spent", spent[at]), ("stays", stays[at]))
        for row in adjustable(name, metric, dict(zip("ab", values, strict=True)))
    ]
    one = registry("spent", "stays")
    metrics = pd.concat([one.metrics.reset_index().assign(experiment_id=name) for name in names])
    many = replace(
        one,
        controls=dict.fromkeys(names, "a"),
        treatments={name: ["b"] for name in names},
        metrics=metrics.set_index(["experiment_id", "metric_name"]).sort_index(),
    )

    effects = experiment_effects(pd.DataFrame(rows), quantiles().iloc[:0], many)

    fixed = effects[effects["inference"] == "fixed"].sort_values("variance_reduction")
    chosen = fixed.drop_duplicates(["experiment_id", "metric_name"])
    assert set(chosen["metric_name"] + " " + chosen["variance_reduction"]) == {"spent cuped", "stays none"}
    is_wrong = chosen.groupby("experiment_id")["p_value_adjusted"].min() < 0.05
    assert is_wrong.mean() < 0.05 + 4 * np.sqrt(0.05 * 0.95 / count)


def test_what_is_withheld_has_no_relative_effect_either():
    spent, no_quantiles = pd.DataFrame(moments("spent", "2026-03-14", 1)), quantiles().iloc[:0]
    known = experiment_effects(spent, no_quantiles, registry("spent"))
    withheld = experiment_effects(spent, no_quantiles, registry("spent", withheld="blocked: srm"))
    assert set(known["relative_reason"]) == {"control_not_distinct_from_zero"}
    assert set(withheld["reason"]) == set(withheld["relative_reason"]) == {"blocked: srm"}


def test_whether_segments_differ_is_asked_at_one_look_only():
    rows = [
        row | {"dimension": "device", "segment": segment}
        for segment, effect in (("phone", 0.0), ("desktop", 1.0))
        for row in moments("spent", "2026-03-14", 5, effect=effect)
    ]
    effects = experiment_effects(pd.DataFrame(rows), quantiles().iloc[:0], registry("spent"))
    by_inference = effects[effects["is_latest"]].groupby("inference")["heterogeneity_p_value"]
    # Both segments have the same draws, but for an effect of one.
    assert by_inference.max()["fixed"] < 0.01
    assert by_inference.count().to_dict() == {"always_valid": 0, "fixed": 2}


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
