"""Somebody looks every day for thirty days: errors, power and days until a decision, method beside method."""

import numpy as np
import pytest

from lifthouse.statistics.comparison import compare
from lifthouse.statistics.effects import infer
from lifthouse.statistics.group_sequential import group_sequential_boundaries
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.sequential import infer_always_valid, infer_by_probability_ratio

RUNS, DAYS, UNITS = 4_000, 30, 100  # Units an arm and day.
METHODS = ("fixed", "naive", "confidence_sequence", "probability_ratio", "obrien_fleming", "pocock")


def rejections(effect, seed):
    """Day of the first rejection for each method, shape (RUNS,); DAYS where there was none."""
    rng = np.random.default_rng(seed)
    count = np.tile(np.arange(1, DAYS + 1) * float(UNITS), RUNS)
    arms = []
    for shift in (0.0, effect):
        # Skewed outcomes: sums of exponentials by day are gammas; squares follow from draws.
        values = rng.exponential(size=(RUNS, DAYS, UNITS)) + shift
        sums, squares = values.sum(axis=2).cumsum(axis=1), (values**2).sum(axis=2).cumsum(axis=1)
        arms.append(Moments.from_sums(count, sums.reshape(-1, 1), squares.reshape(-1, 1)))
    comparison = compare(*arms)
    fixed = infer(comparison)
    sequence = infer_always_valid(comparison, 2 * UNITS * DAYS)
    ratio = infer_by_probability_ratio(comparison, 0.08)
    statistic = np.abs(fixed.statistic.reshape(RUNS, DAYS))
    shares = (np.arange(1, DAYS + 1) / DAYS).tolist()
    significant = {
        "naive": fixed.is_significant.reshape(RUNS, DAYS),
        "fixed": fixed.is_significant.reshape(RUNS, DAYS) & (np.arange(DAYS) == DAYS - 1),
        "confidence_sequence": sequence.is_significant.reshape(RUNS, DAYS),
        "probability_ratio": ratio.is_significant.reshape(RUNS, DAYS),
        "obrien_fleming": statistic > group_sequential_boundaries(shares, spending="obrien_fleming"),
        "pocock": statistic > group_sequential_boundaries(shares, spending="pocock"),
    }
    return {
        method: np.where(days.any(axis=1), days.argmax(axis=1) + 1, DAYS + 1) for method, days in significant.items()
    }


def test_error_of_daily_looks():
    rejected = {method: (day <= DAYS).mean() for method, day in rejections(0.0, 21).items()}
    bound = 4 * np.sqrt(0.05 * 0.95 / RUNS)
    assert rejected["fixed"] == pytest.approx(0.05, abs=bound)
    for always_valid in ("confidence_sequence", "probability_ratio"):
        assert rejected[always_valid] <= 0.05 + bound
    for planned in ("obrien_fleming", "pocock"):
        assert rejected[planned] == pytest.approx(0.05, abs=bound)
    assert rejected["naive"] > 0.2


def test_power_and_days_saved():
    """The effect has 90% power at a fixed horizon; docs/inference.md shows the figures this prints."""
    found = rejections(0.0837, 22)
    power = {method: (day <= DAYS).mean() for method, day in found.items()}
    days = {method: np.minimum(day, DAYS).mean() for method, day in found.items()}
    for method in METHODS:
        print(f"{method:20} power {power[method]:.3f} mean days {days[method]:.1f}")
    assert power["fixed"] == pytest.approx(0.9, abs=0.03)
    assert power["obrien_fleming"] > power["pocock"] > power["confidence_sequence"]
    for method in ("confidence_sequence", "probability_ratio", "obrien_fleming", "pocock"):
        assert days[method] < DAYS
    assert days["obrien_fleming"] < days["confidence_sequence"]
