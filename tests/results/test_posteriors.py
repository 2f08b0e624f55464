"""Posteriors of what moments can't tell are null, with the reason."""

import numpy as np
import pandas as pd

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


def test_a_treatment_in_which_nobody_bought_has_no_relative_posterior() -> None:
    bought = np.random.default_rng(3).exponential(13.7, size=277)

    posteriors = experiment_posteriors(
        pd.DataFrame([moments("a", bought, 7.1), moments("b", np.zeros(270), 7.1)]), REGISTRY
    )

    assert posteriors["reason"].tolist() == ["zero_variance"]
    assert posteriors[["effect", "ci_lower", "standard_deviation", "expected_loss"]].isna().all(axis=None)
