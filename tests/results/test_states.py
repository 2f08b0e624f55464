"""Moments of any day, rebuilt from increments, equal moments of the rows."""

import numpy as np
import pandas as pd
import pytest

from lifthouse.results.states import metric_states
from lifthouse.statistics.moments import Moments, packed_pairs


def increments(daily: np.ndarray, covariate: np.ndarray, pivot: float) -> pd.DataFrame:
    """Rows of `fct_metric_moments` of units that all enter on the first day."""
    rows = []
    before = np.zeros((len(daily), 2))
    for day in range(daily.shape[1]):
        now = np.stack([daily[:, : day + 1].sum(axis=1) - pivot, covariate], axis=1)
        rows.append(
            {
                "experiment_id": "x",
                "metric_name": "m",
                "variant_id": "a",
                "dimension": "all",
                "segment": "all",
                "activity_date": pd.Timestamp("2026-03-01") + pd.Timedelta(days=day),
                "count_units": len(daily) if day == 0 else 0,
                "value_names": ["numerator", "pre_numerator"],
                "pivots": [pivot, 0.0],
                "sums": list((now - before).sum(axis=0)),
                "products": [
                    float((now[:, i] * now[:, j] - before[:, i] * before[:, j]).sum()) for i, j in packed_pairs(2)
                ],
            }
        )
        before = now
    return pd.DataFrame(rows)


def test_every_day_is_the_state_of_the_rows() -> None:
    rng = np.random.default_rng(7)
    daily, covariate = rng.exponential(size=(500, 9)), rng.normal(size=500)

    states = next(metric_states(increments(daily, covariate, 4.0)))

    for day in range(9):
        rows = Moments.from_values(np.stack([daily[:, : day + 1].sum(axis=1), covariate], axis=1))
        assert states.arms["a"].mean[day] == pytest.approx(rows.mean[0], rel=1e-12)
        assert states.arms["a"].covariance[day] == pytest.approx(rows.covariance[0], rel=1e-10)


def test_a_small_variance_on_a_large_mean_keeps_its_digits() -> None:
    rng = np.random.default_rng(8)
    daily = np.zeros((2000, 5))
    daily[:, 0] = 1e6 + rng.normal(size=2000)

    states = next(metric_states(increments(daily, np.zeros(2000), 1e6)))

    for day in range(5):
        assert states.arms["a"].covariance[day, 0, 0] == pytest.approx(daily[:, 0].var(ddof=1), rel=1e-6)


def test_rows_that_lack_a_column_are_refused() -> None:
    with pytest.raises(ValueError, match="moments lack the columns pivots"):
        next(metric_states(increments(np.ones((3, 1)), np.ones(3), 0.0).drop(columns="pivots")))


def test_no_moments_have_no_states():
    columns = ["experiment_id", "metric_name", "variant_id", "dimension", "segment", "activity_date", "count_units"]
    empty = pd.DataFrame(columns=[*columns, "value_names", "pivots", "sums", "products"])
    assert list(metric_states(empty)) == []
