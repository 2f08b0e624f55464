"""Encoding of covariates, the check for columns from after exposure, and what drives scores."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from lifthouse.uplift.drivers import permutation_importance, shapley_importance
from lifthouse.uplift.encoding import MOST_LEVELS, Encoding, post_treatment_columns


def test_new_units_are_encoded_as_the_first_were() -> None:
    frame = pd.DataFrame(
        {
            "age": [30.0, None, 50.0],
            "is_power": pd.Series([True, None, False], dtype="object"),
            "plan": pd.Series(["a", "b", None], dtype="str"),
            "same": ["x", "x", "x"],
            "empty": pd.Series([None, None, None], dtype="float64"),
        }
    )
    encoding = Encoding.of(frame)
    assert encoding.columns == ["age", "is_power", "plan = a", "plan = b"]
    np.testing.assert_array_equal(encoding.encode(frame), [[30, 1, 1, 0], [np.nan, np.nan, 0, 1], [50, 0, 0, 0]])
    later = pd.DataFrame({"age": [1], "is_power": [True], "plan": ["never seen"], "same": ["y"], "empty": [1.0]})
    np.testing.assert_array_equal(encoding.encode(later), [[1, 1, 0, 0]])


@pytest.mark.parametrize("kind", ["datetime64[s]", "datetime64[us]", "datetime64[us, UTC]"])
def test_days_and_moments_are_days_since_1970(kind: str) -> None:
    days = ["1970-01-02", "1970-01-03 12:00", None, "0001-01-01", "9999-12-31"]
    frame = pd.DataFrame({"since": pd.Series(days).astype("datetime64[us]")})
    frame["since"] = frame["since"].dt.tz_localize("UTC") if "UTC" in kind else frame["since"].astype(kind)
    encoding = Encoding.of(frame)
    assert encoding.columns == ["since"]
    ends = [(end - date(1970, 1, 1)).days for end in (date.min, date.max)]
    np.testing.assert_array_equal(encoding.encode(frame)[:, 0], [1, 2.5, np.nan, *ends])


def test_numbers_have_nine_digits_and_what_is_not_finite_is_missing() -> None:
    frame = pd.DataFrame({"sum": [0.1 + 0.2, 0.3], "same": [0.1 + 0.2, 0.3], "odd": [np.inf, 1.0]})
    frame["sum"] += [0, 1]
    encoding = Encoding.of(frame)
    assert encoding.columns == ["sum", "odd"]
    np.testing.assert_array_equal(encoding.encode(frame), [[0.3, np.nan], [1.3, 1]])


@pytest.mark.parametrize(
    "values",
    [
        [["a"], ["b", "c"], None],
        [{"a": 1}, {"a": 2}, None],
        [b"a", b"b", None],
        pd.to_timedelta([1, 2, None], unit="D"),
    ],
)
def test_types_that_make_no_covariate_are_named(values: object) -> None:
    with pytest.raises(TypeError, match=r"covariate 'plans' has type .*, must be a number, a boolean, text"):
        Encoding.of(pd.DataFrame({"plans": values}))


def test_text_of_a_closed_list_is_text() -> None:
    frame = pd.DataFrame({"plan": pd.Series(["a", "a", None], dtype="category")})
    np.testing.assert_array_equal(Encoding.of(frame).encode(frame), [[1], [1], [0]])


def test_only_frequent_levels_get_a_column() -> None:
    encoding = Encoding.of(pd.DataFrame({"city": [f"c{at:02}" for at in range(50) for _ in range(at + 1)]}))
    assert len(encoding.columns) == MOST_LEVELS
    assert "city = c49" in encoding.columns
    assert "city = c00" not in encoding.columns


def test_clean_covariates_are_rarely_refused_and_leaks_found() -> None:
    rng = np.random.default_rng(31)
    refused = 0
    for _ in range(200):
        x, treated = rng.normal(size=(400, 5)), rng.binomial(1, 0.5, 400).astype(bool)
        x[rng.random((400, 5)) < 0.1] = np.nan
        groups = {str(at): np.array([at]) for at in range(5)}
        refused += bool(post_treatment_columns(x, treated, groups=groups, alpha=0.05))
    assert refused <= 22  # 10 expected; one run in ten thousand has more
    x[:, 2] = np.where(treated & (rng.random(400) < 0.5), np.nan, x[:, 2])
    assert post_treatment_columns(x, treated, groups=groups, alpha=1e-4) == ["2"]


@pytest.mark.parametrize("share", [0.9, 0.98])
def test_rare_levels_that_a_small_arm_happens_to_lack_are_no_leak(share: float) -> None:
    rng = np.random.default_rng(34)
    groups = {str(at): np.array([at]) for at in range(6)}
    refused = 0
    for _ in range(200):
        treated = rng.permutation(5000) < 5000 * share
        levels = rng.random((5000, 4)) < [0.005, 0.01, 0.02, 0.04]
        spent = (rng.random((5000, 2)) < 0.05) * rng.lognormal(0, 1.5, (5000, 2))
        refused += bool(post_treatment_columns(np.hstack([levels, spent]), treated, groups=groups, alpha=1e-4))
    assert refused <= 2


@pytest.mark.parametrize(("of_treated", "of_control"), [(1.0, 0.0), (np.nan, 0.0), (2.0, np.nan)])
def test_what_only_the_arm_decides_is_a_leak(of_treated: float, of_control: float) -> None:
    treated = np.arange(200) % 2 == 0
    x = np.column_stack([np.arange(200) % 5, np.where(treated, of_treated, of_control)])
    groups = {"clean": np.array([0]), "arm": np.array([1])}
    assert post_treatment_columns(x, treated, groups=groups, alpha=1e-4) == ["arm"]


def test_drivers_of_a_known_score_come_out_in_order() -> None:
    x = np.random.default_rng(32).normal(size=(2000, 4))
    groups = {"strong": np.array([0]), "weak": np.array([1]), "pair": np.array([2, 3])}

    def score(covariates: np.ndarray) -> np.ndarray:
        return 3 * covariates[:, 0] + covariates[:, 1] + covariates[:, 2] * 0

    permuted = permutation_importance(score, x, groups, seed=1)
    # Of additive independent drivers the shares are those of the variance: 9 to 1.
    assert abs(permuted["strong"] - 0.9) < 0.06
    assert abs(permuted["weak"] - 0.1) < 0.02
    assert permuted["pair"] == 0
    shapley = shapley_importance(score, x, groups, seed=1)
    assert shapley["strong"] > 2 * shapley["weak"] > 4 * shapley["pair"]
