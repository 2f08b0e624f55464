"""Evaluation: size of the test against random, coverage of intervals, calibration, the rule for the winner."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lifthouse.uplift.calibration import calibration, mean_effect, observed_effect
from lifthouse.uplift.evaluation import evaluate, evaluate_observed, ranks_within
from lifthouse.uplift.policy import arm_scores

RUNS = 200


def bounds(rate: float, runs: int = RUNS) -> tuple[float, float]:
    """Counts outside of which one run in ten thousand falls if the rate is right."""
    low, high = stats.binom.ppf([5e-5, 1 - 5e-5], runs, rate)
    return float(low), float(high)


def check_intervals(intervals: dict[str, list[tuple[float, float]]], truth: dict[str, float]) -> None:
    """Intervals of all runs hold the truth as often as stated, and are no wider than that takes."""
    for name, of_runs in intervals.items():
        lower, upper = np.array(of_runs).T
        # Sixty draws add a little noise to the standard error: the nominal 95% is 94.2% for it.
        covered = ((lower <= truth[name]) & (truth[name] <= upper)).sum()
        assert covered >= bounds(0.942)[0], (name, covered)
        # Every run may well hold it: too wide ones are seen by how near to their middle the truth is.
        errors = stats.norm.isf(0.025) * (2 * truth[name] - lower - upper) / (upper - lower)
        assert np.square(errors).mean() >= stats.chi2.ppf(5e-5, RUNS) / RUNS, (name, np.square(errors).mean())


def test_size_against_random_when_the_score_predicts_the_outcome_but_not_the_effect() -> None:
    rng = np.random.default_rng(11)
    rejected = dict.fromkeys(("qini", "auuc", "rate", "uplift_at_10", "uplift_at_30"), 0)
    winners = 0
    for run in range(RUNS):
        driver, treated = rng.normal(size=1000), rng.binomial(1, 0.4, 1000)
        outcome = rng.binomial(1, np.clip(0.3 + 0.1 * driver + 0.1 * treated, 0, 1))
        result = evaluate(outcome, {"driver": driver, "noise": rng.normal(size=1000)}, treated, seed=run, draws=60)
        winners += result.winner is not None
        for measure in result.measures["driver"]:
            if measure.name in rejected:
                rejected[measure.name] += measure.p_value < 0.05
    # Sixty draws add a little noise to the standard error: the nominal 5% is 5.8% for it.
    for name, count in rejected.items():
        assert count <= bounds(0.058)[1], (name, count)
    assert winners <= bounds(0.029)[1]


def test_size_against_random_of_cross_fitted_noise() -> None:
    """Each fold is scored by what the two others' noise says: taken as given, such scores seem to gain too often."""
    rng = np.random.default_rng(17)
    rejected = as_given = winners = 0
    for run in range(RUNS):
        x, treated = rng.normal(size=(600, 6)), rng.binomial(1, 0.5, 600)
        outcome, folds = rng.normal(size=600), np.arange(600) % 3
        score = np.empty(600)
        for fold in range(3):
            rest = folds != fold
            score[~rest] = x[~rest] @ (x[rest].T @ (outcome * (2 * treated - 1))[rest])
        result = evaluate(outcome, {"noise": score}, treated, folds=folds, seed=run, draws=60)
        winners += result.winner is not None
        rejected += result.measures["noise"][0].p_value < 0.05
        as_given += evaluate(outcome, {"noise": score}, treated, seed=run, draws=60).measures["noise"][0].p_value < 0.05
    assert rejected <= bounds(0.058)[1]
    assert winners <= bounds(0.029)[1]
    assert as_given > bounds(0.1)[1]


@pytest.mark.parametrize("knows", ["propensity", "outcome"])
def test_size_where_the_driver_moves_both_the_choice_and_the_outcome(knows: str) -> None:
    rng = np.random.default_rng(13)
    rejected = dict.fromkeys(("uplift_area", "uplift_at_10", "uplift_at_30"), 0)
    winners = fooled = 0
    for run in range(RUNS):
        driver = rng.normal(size=1000)
        chance = 0.1 + 0.8 / (1 + np.exp(-2 * driver))
        treated = rng.random(1000) < chance
        # The effect is 1 for all, but arms as they are differ by the driver, and more so where it is steep.
        outcome = driver + driver**2 + treated + rng.normal(size=1000)
        if knows == "propensity":
            shares, expected = np.column_stack([1 - chance, chance]), np.column_stack([driver, driver])
        else:
            shares, expected = np.full((1000, 2), 0.5), np.column_stack([driver + driver**2, driver + driver**2 + 1])
        scores = arm_scores(outcome, treated, expected, shares)
        by_driver = {"driver": driver}
        result = evaluate_observed(outcome, by_driver, treated, effects=scores[:, 1] - scores[:, 0], seed=run, draws=60)
        winners += result.winner is not None
        fooled += evaluate(outcome, by_driver, treated, seed=run, draws=60).winner is not None
        for measure in result.measures["driver"]:
            if measure.name in rejected:
                rejected[measure.name] += measure.p_value < 0.05
    for name, count in rejected.items():
        assert count <= bounds(0.058)[1], (name, count)
    assert winners <= bounds(0.029)[1]
    # Compared as they are, the arms differ by the driver, and it seems to be a reason to treat.
    assert fooled > RUNS / 2


def test_gains_and_effects_cover_where_nobody_assigned() -> None:
    rng = np.random.default_rng(14)
    intervals = {name: [] for name in ("uplift_area", "rate", "uplift_at_20", "mean")}
    population = np.sort(rng.normal(size=1_000_000))[::-1]
    above = np.cumsum(population) / np.arange(1, len(population) + 1)
    gains = np.cumsum(population) / len(population)
    truth = {"uplift_area": gains.mean(), "rate": above.mean(), "uplift_at_20": above[len(above) // 5], "mean": 0.0}
    for run in range(RUNS):
        driver = rng.normal(size=2000)
        chance = 1 / (1 + np.exp(-driver))
        treated = rng.random(2000) < chance
        outcome = driver + driver * treated + rng.normal(size=2000)
        expected = np.column_stack([driver, 1.5 * driver])
        scores = arm_scores(outcome, treated, expected, np.column_stack([1 - chance, chance]))
        effects = scores[:, 1] - scores[:, 0]
        result = evaluate_observed(outcome, {"driver": driver}, treated, effects=effects, seed=run, draws=60)
        for measure in result.measures["driver"]:
            if measure.name in truth:
                intervals[measure.name].append((measure.ci_lower, measure.ci_upper))
        intervals["mean"].append(mean_effect(effects)[1:])
    check_intervals(intervals, truth)


def test_qini_and_uplift_at_intervals_cover() -> None:
    rng = np.random.default_rng(12)

    def sample(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        driver, treated = rng.uniform(size=size), rng.binomial(1, 0.5, size)
        return rng.binomial(1, 0.2 + 0.4 * treated * driver), driver, treated

    outcome, driver, treated = sample(1_000_000)
    truth = {m.name: m.value for m in evaluate(outcome, {"driver": driver}, treated, draws=2).measures["driver"]}
    intervals = {name: [] for name in truth}
    for run in range(RUNS):
        outcome, driver, treated = sample(1000)
        for measure in evaluate(outcome, {"driver": driver}, treated, seed=run, draws=60).measures["driver"]:
            intervals[measure.name].append((measure.ci_lower, measure.ci_upper))
    check_intervals(intervals, truth)


def test_same_seed_same_evaluation() -> None:
    rng = np.random.default_rng(13)
    outcome, score, treated = rng.normal(size=500), rng.normal(size=500), rng.binomial(1, 0.5, 500)
    assert evaluate(outcome, {"a": score}, treated, seed=4, draws=20) == evaluate(
        outcome, {"a": score}, treated, seed=4, draws=20
    )


def test_differences_are_on_the_same_draws() -> None:
    rng = np.random.default_rng(14)
    driver, treated = rng.normal(size=2000), rng.binomial(1, 0.5, 2000)
    outcome = driver * treated + rng.normal(size=2000)
    result = evaluate(outcome, {"a": driver, "b": driver + 1e-9 * rng.normal(size=2000), "c": -driver}, treated)
    assert result.winner == result.best
    twin = result.differences["a" if result.winner == "b" else "b"]
    assert abs(twin.value) < 1e-6
    assert twin.standard_error < 1e-6
    assert result.differences["c"].ci_lower > 0


@pytest.mark.parametrize(
    ("treated_units", "outcomes", "reason"), [(20, 0.5, "too_few_units"), (500, 0.001, "too_few_outcomes")]
)
def test_too_little_data_gives_a_reason(treated_units: int, outcomes: float, reason: str) -> None:
    outcome = (np.arange(1000) % 1000 < 1000 * outcomes).astype(float)
    result = evaluate(outcome, {"a": np.arange(1000.0)}, np.arange(1000) < treated_units)
    assert (result.reason, result.winner, result.measures) == (reason, None, {})


def test_calibration_of_true_effects_is_on_the_diagonal() -> None:
    rng = np.random.default_rng(15)
    effect, treated = rng.uniform(0, 2, 20_000), rng.binomial(1, 0.5, 20_000)
    result = calibration(effect * treated + rng.normal(size=20_000), effect, treated)
    inside = (result.ci_lower <= result.predicted) & (result.predicted <= result.ci_upper)
    assert inside.sum() >= 8
    assert (np.diff(result.predicted) > 0).all()


def test_an_arm_in_which_all_are_alike_has_an_effect_and_the_spread_of_both() -> None:
    """All treated came back: numpy's warnings are errors here, and a build should not print any either."""
    outcome, treated = np.array([1.0, 1, 1, 1, 0, 1, 0, 1]), np.arange(8) < 4
    effect, lower, upper = observed_effect(outcome, treated)
    errors = np.array([outcome.var(ddof=1), 1 / 3]) / 4
    degrees = errors.sum() ** 2 / (errors**2 / 3).sum()
    expected = stats.t.ppf(0.975, degrees) * np.sqrt(errors.sum())
    assert (effect, upper - effect, effect - lower) == pytest.approx((0.5, expected, expected))
    assert observed_effect(np.full(8, 3.7), treated)[0] == 0


def test_ranks_within_folds_ignore_shifts_between_folds() -> None:
    score, folds = np.array([1.0, 2.0, 101.0, 102.0]), np.array([0, 0, 1, 1])
    np.testing.assert_array_equal(ranks_within(score, folds)[:2], ranks_within(score, folds)[2:])
