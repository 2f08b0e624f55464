"""p-value, absolute interval and relative interval never disagree, whatever comes in."""

from dataclasses import replace

import numpy as np
import pytest

from lifthouse.statistics.adjustment import adjusted_comparison
from lifthouse.statistics.comparison import Estimate, compare, compare_estimates
from lifthouse.statistics.effects import infer
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.non_inferiority import against_margin
from lifthouse.statistics.proportions import compare_proportions
from lifthouse.statistics.reasons import Reason, reason_names

N = 200_000


def random_arms(rng, n_values=4):
    """Arms of every kind: tiny and large, means of both signs and near zero, correlated values."""
    arms = []
    centre = rng.normal(size=(N, n_values)) * 10.0 ** rng.uniform(-3, 3, size=(N, 1))
    for _ in range(2):
        count = np.floor(10.0 ** rng.uniform(0.31, 6, size=N))
        root = rng.normal(size=(N, n_values, n_values)) * 10.0 ** rng.uniform(-2, 2, size=(N, 1, 1))
        covariance = root @ np.swapaxes(root, 1, 2)
        noise = np.einsum("nij,nj->ni", root, rng.normal(size=(N, n_values))) * rng.choice([0.5, 3.0], size=(N, 1))
        arms.append(Moments(count, centre + noise / np.sqrt(count)[:, None], covariance))
    return arms


def check(effect, confidence):
    shown = effect.reason == Reason.NONE
    outside = (effect.absolute_ci_lower > 0) | (effect.absolute_ci_upper < 0)
    np.testing.assert_array_equal(outside[shown], effect.is_significant[shown])
    np.testing.assert_array_equal(effect.p_value[shown] < 1 - confidence, effect.is_significant[shown])
    related = effect.relative_reason == Reason.NONE
    relative_outside = (effect.relative_ci_lower > 0) | (effect.relative_ci_upper < 0)
    np.testing.assert_array_equal(relative_outside[related], effect.is_significant[related])
    rounding = 1e-6 * np.abs(effect.relative_effect[related])
    assert (effect.relative_ci_lower[related] <= effect.relative_effect[related] + rounding).all()
    assert (effect.relative_ci_upper[related] >= effect.relative_effect[related] - rounding).all()
    assert np.isnan(effect.p_value[~shown]).all()
    assert np.isnan(effect.relative_ci_lower[~related]).all()
    assert related.sum() > 1000
    assert 0.02 < effect.is_significant.mean() < 0.98


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("kind", ["mean", "ratio", "cuped", "ratio_cuped", "cuped_unadjusted"])
def test_means_and_ratios(kind, alternative):
    arms = random_arms(np.random.default_rng(5))
    comparison = {
        "mean": lambda: compare(*arms),
        "ratio": lambda: compare(*arms, denominator=1),
        "cuped": lambda: adjusted_comparison(*arms, [2]),
        "ratio_cuped": lambda: adjusted_comparison(*arms, [2, 3], denominator=1),
        "cuped_unadjusted": lambda: adjusted_comparison(*arms, [2, 3], baseline="unadjusted"),
    }[kind]()
    for confidence in (0.95, 0.8):
        check(infer(comparison, alternative=alternative, confidence=confidence), confidence)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_proportions(alternative):
    rng = np.random.default_rng(6)
    counts = rng.integers(1, 400, size=(2, 4000))
    successes = rng.binomial(counts, rng.beta(0.6, 0.6, size=(2, 4000)))
    effect = compare_proportions(successes[0], counts[0], successes[1], counts[1], alternative=alternative)
    check(effect, 0.95)


def test_right_at_the_threshold():
    """Effects a rounding error away from significance: all three still say the same."""
    degrees = np.full(N, 7.0)
    critical = 2.3646242515927853
    effect = critical * (1 + np.linspace(-3e-16, 3e-16, N))
    half = np.full(N, 0.5)
    reason = np.zeros(N, dtype=np.int8)
    base = 30 + np.random.default_rng(1).uniform(size=N)
    arms = [Estimate(half * 16, value, half, degrees, reason) for value in (base, base + effect)]
    comparison = compare_estimates(*arms)
    result = infer(comparison)
    np.testing.assert_array_equal(result.p_value < 0.05, result.is_significant)
    np.testing.assert_array_equal(result.relative_ci_lower > 0, result.is_significant)


def test_a_margin_is_read_off_the_interval():
    arms = random_arms(np.random.default_rng(7))
    comparison = compare(*arms)
    effect = infer(comparison)
    known = effect.relative_reason == Reason.NONE
    for better, bound in (("higher", effect.relative_ci_lower), ("lower", -effect.relative_ci_upper)):
        verdict = against_margin(comparison, 0.1, better=better).is_non_inferior
        np.testing.assert_array_equal(verdict[known], (bound > -0.1)[known])
    absolute = against_margin(comparison, 0.5, scale="absolute").is_non_inferior
    np.testing.assert_array_equal(absolute, effect.absolute_ci_lower > -0.5)


def test_what_cannot_be_computed_is_null_with_a_reason():
    fine = Moments.from_values([[1.0, 1.0], [2.0, 1.0], [4.0, 1.0]])
    cases = {
        "too_few_units": (Moments.from_values([[1.0, 1.0]]), {}),
        "zero_variance": (Moments.from_values([[1.0, 1.0]] * 3), {"numerator": 1}),
        "zero_denominator": (Moments.from_values([[1.0, 0.0], [2.0, 0.0]]), {"denominator": 1}),
        "invalid_moments": (Moments.from_values([[np.nan, 1.0], [2.0, 1.0]]), {}),
    }
    for name, (control, options) in cases.items():
        effect = infer(compare(control, fine, **options))
        assert reason_names(effect.reason) == [name]
        assert np.isnan([effect.p_value, effect.absolute_effect, effect.relative_effect]).all()
        assert not effect.is_significant.any()
    # Fieller's interval multiplies variances.
    huge = infer(compare(fine.linear([[1e120, 0.0]]), fine.linear([[2e120, 0.0]])))
    assert reason_names(huge.reason) == ["invalid_moments"]
    noisy = infer(compare(Moments.from_values([[-1.0], [1.5]]), fine.linear([[1.0, 0.0]])))
    assert reason_names(noisy.relative_reason) == ["control_not_distinct_from_zero"]
    assert np.isfinite(noisy.p_value).all()
    zero = infer(compare(Moments.from_values([[0.0], [0.0]]), fine.linear([[1.0, 0.0]])))
    assert reason_names(zero.relative_reason) == ["zero_denominator"]


def test_a_baseline_of_rounding_alone_is_none():
    arms = [Moments.from_values([[value], [value + 1], [value + 2]]) for value in (0.0, 1.0)]
    for baseline in (0.0, 1e-17, -1e-17):
        comparison = replace(compare(*arms), baseline=np.array([baseline]), baseline_variance=np.zeros(1))
        effect, guardrail = infer(comparison), against_margin(comparison, 0.1)
        assert reason_names(effect.relative_reason) == ["zero_denominator"]
        assert reason_names(guardrail.reason) == ["zero_denominator"]
        assert np.isnan([effect.relative_effect, guardrail.p_value]).all()


def test_a_negative_control_keeps_the_effects_sign():
    effect = infer(compare(Moments.from_values([[-10.0], [-11.0]] * 9), Moments.from_values([[-8.0], [-9.0]] * 9)))
    assert effect.relative_ci_lower.item() > 0
    assert effect.relative_effect.item() == pytest.approx(2 / 10.5)
