"""Posteriors of what moments can't tell are null, with the reason."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lifthouse.results.posteriors import experiment_posteriors
from lifthouse.results.registry import Registry

REGISTRY = Registry.from_tables(
    pd.DataFrame({"experiment_id": ["x"], "assignment": "randomised", "planned_units": float("nan")}),
    pd.DataFrame({"experiment_id": "x", "variant_id": ["a", "b"], "is_control": [True, False], "expected_share": 0.5}),
    pd.DataFrame(
        {
            "experiment_id": ["x"],
            "metric_name": "revenue",
            "role": "primary",
            "direction": "increase",
            "is_proportion": False,
            "minimum_detectable_effect": 0.02,
            "prior_scale": "relative",
            "prior_mean": 0.0,
            "prior_standard_deviation": 0.3,
        }
    ),
    pd.DataFrame({"experiment_id": [], "reason": []}),
)


def moments(variant: str, values: np.ndarray, pivot: float) -> dict[str, object]:
    shifted = values - pivot
    return {
        "experiment_id": "x",
        "metric_name": "revenue",
        "variant_id": variant,
        "dimension": "all",
        "segment": "all",
        "activity_date": pd.Timestamp("2026-03-01"),
        "count_units": len(values),
        "value_names": ["numerator"],
        "pivots": [pivot],
        "sums": [shifted.sum()],
        "products": [(shifted**2).sum()],
    }


def test_a_treatment_in_which_nobody_bought_is_worse_but_not_by_all_of_it() -> None:
    bought = np.random.default_rng(3).exponential(13.7, size=277)

    posteriors = experiment_posteriors(
        pd.DataFrame([moments("a", bought, 7.1), moments("b", np.zeros(270), 7.1)]), REGISTRY
    )

    [posterior] = posteriors.to_dict("records")
    assert pd.isna(posterior["reason"])
    assert -1 < posterior["effect"] < posterior["ci_upper"] < -0.8
    assert posterior["probability_beats_control"] < 1e-6


def test_a_control_in_which_nobody_bought_has_no_relative_posterior() -> None:
    bought = np.random.default_rng(3).exponential(13.7, size=277)

    posteriors = experiment_posteriors(
        pd.DataFrame([moments("a", np.zeros(270), 7.1), moments("b", bought, 7.1)]), REGISTRY
    )

    assert posteriors["reason"].tolist() == ["zero_denominator"]


def adjusted_moments(*rates: float) -> pd.DataFrame:
    """Moments of arms a, b, ... with a share of successes and one of before exposure."""
    rng = np.random.default_rng(4)
    rows = []
    for variant, rate in zip("abc", rates, strict=False):
        values = np.stack([rng.random(500) < rate, rng.random(500) < 0.3]).astype(float)
        products = values @ values.T
        rows.append(
            moments(variant, values[0], 0.0)
            | {
                "value_names": ["numerator", "pre_numerator"],
                "pivots": [0.0, 0.0],
                "sums": values.sum(axis=1),
                "products": products[np.triu_indices(2)],
            }
        )
    return pd.DataFrame(rows)


def test_an_adjusted_proportion_has_the_prior_of_other_metrics() -> None:
    rows = adjusted_moments(0.1, 0.14)
    declared = pd.DataFrame(REGISTRY.metrics.assign(is_proportion=True))
    undeclared = declared.assign(prior_standard_deviation=float("nan"))

    with_prior, without = (
        experiment_posteriors(rows, replace(REGISTRY, metrics=metrics)).set_index("variance_reduction")
        for metrics in (declared, undeclared)
    )

    assert without["posterior"].to_dict() == {"none": "beta_binomial", "cuped": "normal"}
    numbers = ["effect", "ci_lower", "ci_upper", "probability_beats_control", "expected_loss"]
    assert without.loc["cuped", numbers].tolist() == with_prior.loc["cuped", numbers].tolist()


@pytest.mark.parametrize("treatments", [["b", "c"], ["c", "b"]])
@pytest.mark.parametrize(("is_proportion", "scale"), [(True, "relative"), (False, "relative"), (False, "absolute")])
def test_an_arm_without_units_is_no_rival_to_the_others(treatments: list[str], is_proportion: bool, scale: str) -> None:
    metrics = pd.DataFrame(
        REGISTRY.metrics.assign(
            is_proportion=is_proportion,
            prior_scale=scale,
            prior_standard_deviation=float("nan") if is_proportion else 0.3,
        )
    )
    rows = adjusted_moments(0.1, 0.14)

    two_arms = experiment_posteriors(rows, replace(REGISTRY, metrics=metrics))
    three_arms = experiment_posteriors(rows, replace(REGISTRY, metrics=metrics, treatments={"x": treatments}))

    is_empty = three_arms["treatment_variant_id"] == "c"
    assert set(three_arms.loc[is_empty, "reason"]) == {"too_few_units"}
    assert (
        three_arms.loc[is_empty, ["effect", "probability_best", "expected_loss", "is_loss_acceptable"]]
        .isna()
        .all(axis=None)
    )
    pd.testing.assert_frame_equal(three_arms[~is_empty].reset_index(drop=True), two_arms)
    assert two_arms[["probability_best", "probability_equivalent", "expected_loss"]].notna().all(axis=None)
    assert two_arms["is_loss_acceptable"].notna().all()
