"""Checks of health find what was planted and leave sound experiments alone."""

import numpy as np
import pandas as pd
import pytest

from lifthouse.results.health_checks import exposure_gaps, interactions, missing_covariates, novelty

CONTROLS = {"x": "a"}


def counts(by_day):
    days = pd.date_range("2026-03-02", periods=len(by_day))
    frame = pd.DataFrame({"experiment_id": "x", "dimension": "all", "exposure_date": days, "count_units": by_day})
    return frame[frame["count_units"] > 0]


@pytest.mark.parametrize(
    ("by_day", "silent", "is_odd"),
    [
        ([90, 80, 70, 60], 0, False),
        ([90, 80, 0, 60], 1, True),
        ([3, 0, 2, 1], 0, False),  # A quiet experiment has days without units.
    ],
)
def test_gaps_of_exposure(by_day, silent, is_odd):
    [finding] = exposure_gaps(counts(by_day), {})
    assert finding.statistic == silent
    assert (finding.p_value < 0.01) == is_odd


def test_a_running_experiment_that_falls_silent():
    [finding] = exposure_gaps(counts([90, 80, 70]), {"x": np.datetime64("2026-03-06")})
    assert finding.statistic == 2
    assert finding.p_value < 1e-9
    assert "the first 2026-03-05" in finding.reason


def test_covariates_missing_in_one_arm():
    gaps = pd.DataFrame(
        {
            "experiment_id": "x",
            "covariate": ["even", "even", "odd", "odd", "full", "full"],
            "variant_id": ["a", "b"] * 3,
            "count_units": 1000,
            "count_missing": [100, 105, 100, 180, 0, 0],
        }
    )
    found = {finding.segment[1]: finding for finding in missing_covariates(gaps)}
    assert found["even"].p_value > 0.05
    assert found["odd"].p_value < 1e-5
    assert found["full"].p_value == 1
    assert found["odd"].statistic == pytest.approx(0.14)


def cells(effect_of_both, seed, *, is_ratio=False):
    """Moments of four cells of units whose outcome rises by `effect_of_both` where both experiments treat."""
    rng = np.random.default_rng(seed)
    rows = []
    for variant in ("a", "b"):
        for other in (False, True):
            shift = effect_of_both if variant == "b" and other else 0.0
            denominators = 1.0 + rng.poisson(4, 2000) if is_ratio else np.zeros(2000)
            values = rng.normal(10 + shift, 2, 2000) * (denominators if is_ratio else 1)
            pivots = [10.0, 5.0 if is_ratio else 0.0]
            x, y = values - pivots[0], denominators - pivots[1]
            rows.append(
                {
                    "experiment_id": "x",
                    "metric_name": "m",
                    "is_ratio": is_ratio,
                    "variant_id": variant,
                    "other_experiment_id": "y",
                    "is_other_treated": other,
                    "count_units": 2000,
                    "pivots": pivots,
                    "sums": [x.sum(), y.sum()],
                    "products": [(x * x).sum(), (x * y).sum(), (y * y).sum()],
                }
            )
    return pd.DataFrame(rows)


@pytest.mark.parametrize("is_ratio", [False, True])
def test_interactions(is_ratio):
    [planted] = interactions(cells(1.0, 3, is_ratio=is_ratio), CONTROLS)
    [none] = interactions(cells(0.0, 4, is_ratio=is_ratio), CONTROLS)
    assert planted.p_value < 1e-6
    assert planted.statistic == pytest.approx(1.0, abs=0.4)
    assert none.p_value > 0.01


def stretches(fade, seed):
    rng = np.random.default_rng(seed)
    rows = []
    for variant in ("a", "b"):
        habit = rng.normal(5, 2, 3000)
        early, late = habit + rng.normal(0, 1, 3000), habit + rng.normal(0, 1, 3000)
        if variant == "b":
            early, late = early + 1.0, late + 1.0 - fade
        rows.append(
            {
                "experiment_id": "x",
                "metric_name": "m",
                "variant_id": variant,
                "count_units": 3000,
                "sums": [early.sum(), late.sum()],
                "products": [(early**2).sum(), (early * late).sum(), (late**2).sum()],
            }
        )
    return pd.DataFrame(rows)


def test_novelty():
    [fading] = novelty(stretches(0.5, 5), CONTROLS)
    [lasting] = novelty(stretches(0.0, 6), CONTROLS)
    assert fading.statistic == pytest.approx(-0.5, abs=0.15)
    assert fading.p_value < 1e-6
    assert lasting.p_value > 0.01


def test_nothing_to_check():
    empty = pd.DataFrame(columns=cells(0.0, 1).columns)
    assert list(interactions(empty, CONTROLS)) == []
    assert list(novelty(pd.DataFrame(columns=stretches(0.0, 1).columns), CONTROLS)) == []
