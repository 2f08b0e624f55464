"""Sample size, detectable effect and power against statsmodels, simulation and the tests they plan."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import NormalIndPower, TTestIndPower
from statsmodels.stats.proportion import power_proportions_2indep, samplesize_proportions_2indep_onetail

from lifthouse.statistics.adjustment import adjusted_comparison, estimate_adjustment
from lifthouse.statistics.comparison import compare
from lifthouse.statistics.effects import infer
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.non_inferiority import against_margin
from lifthouse.statistics.power import (
    Design,
    design_effect,
    detectable_effect,
    detectable_margin,
    power,
    required_units,
)

REPLICATES = 4000


def near(value, tolerance):
    return pytest.approx(value, rel=0, abs=tolerance)


def within_noise(rate, expected):
    return abs(rate - expected) < 4 * np.sqrt(max(expected * (1 - expected), 0.01) / REPLICATES)


@pytest.mark.parametrize("units", [8, 20, 60, 200])
@pytest.mark.parametrize("effect", [0.5, 1.0, 1.5])
def test_equal_arms_are_statsmodels_t_test(units, effect):
    theirs = TTestIndPower().power(effect, units / 2, 0.05)
    assert power(Design.of(1.0, 1.0), units, effect).item() == near(theirs, 1e-9)


@pytest.mark.parametrize("wanted", [0.5, 0.8, 0.95])
def test_sample_size_and_detectable_effect_are_statsmodels(wanted):
    design = Design.of(10.0, 400.0)
    theirs = 2 * TTestIndPower().solve_power(0.05, power=wanted, alpha=0.05)
    assert required_units(design, 0.1, target=wanted).item() == near(np.ceil(theirs), 0)
    effect = TTestIndPower().solve_power(nobs1=3000, power=wanted, alpha=0.01)
    assert detectable_effect(design, 6000, target=wanted, alpha=0.01).item() == near(effect * 20 / 10, 1e-7)


def test_unequal_allocation_is_statsmodels_normal_test_for_many_units():
    design = Design.of(10.0, 400.0, share_control=0.9, share_treatment=0.1)
    theirs = NormalIndPower().power(0.05, 90_000, 0.05, ratio=1 / 9)
    assert power(design, 100_000, 0.1).item() == near(theirs, 2e-4)


def test_proportions_are_statsmodels():
    design = Design.of(0.05, 0.05 * 0.95, is_proportion=True)
    theirs = power_proportions_2indep(0.01, 0.05, 10_000, return_results=False)
    assert power(design, 20_000, 0.2).item() == near(theirs, 2e-4)
    size = 2 * samplesize_proportions_2indep_onetail(0.01, 0.05, 0.8, alternative="two-sided")
    assert required_units(design, 0.2).item() == pytest.approx(size, rel=5e-4)


@pytest.mark.parametrize(("units", "alpha"), [(4, 1e-3), (4, 1e-12), (4, 1e-200), (6, 1e-5), (6, 1e-12), (12, 1e-9)])
def test_few_units_at_a_small_error_are_integrated(units, alpha):
    """scipy's noncentral t gives 0.40 for 0.63 there, or fails; here the standard error's quantiles are averaged."""
    degrees = units - 2
    critical = stats.t.isf(alpha / 2, degrees)
    errors = np.sqrt(stats.chi2.ppf((np.arange(200_000) + 0.5) / 200_000, degrees) / degrees)
    for shift in np.array([0.3, 0.8, 1.0, 1.5]) * critical:
        expected = stats.norm.sf(critical * errors - shift).mean()
        assert power(Design.of(1.0, 1.0), units, 2 * shift / np.sqrt(units), alpha=alpha).item() == near(expected, 1e-5)


def test_answers_agree_with_each_other():
    design = Design.of(
        [0.05, 3.0, -2.0], [0.05 * 0.95, 9.0, 1.0], is_proportion=[True, False, False], share_treatment=0.2
    )
    for direction in (1.0, -1.0):
        smallest = detectable_effect(design, 30_000, direction=direction)
        assert power(design, 30_000, direction * smallest) == near(0.8, 1e-6)
        units = required_units(design, direction * smallest)
        assert units == pytest.approx([30_000] * 3, rel=1e-4)
    margin = detectable_margin(design, 30_000, better=-1.0)
    assert power(design, 30_000, 0.0, margin=margin, better=-1.0) == near(0.8, 1e-6)
    assert required_units(design, 0.0, margin=margin, better=-1.0) == pytest.approx([30_000] * 3, rel=1e-4)


def test_what_cannot_be_is_null():
    proportion = Design.of(0.05, 0.05 * 0.95, is_proportion=True)
    assert np.isnan(power(proportion, [3, 1000, 1000], [0.1, 30.0, -2.0])).all()
    assert np.isnan(power(Design.of(0.0, 1.0), 1000, 0.1)).all()
    assert np.isnan(required_units(proportion, [0.0, 30.0, np.nan])).all()
    assert np.isnan(required_units(proportion, -0.2, margin=0.1)).all()
    assert np.isnan(detectable_effect(proportion, 20, direction=-1.0)).all()
    nobody = Design.of(0.0, 0.01, is_proportion=True)
    assert np.isnan(detectable_effect(nobody, 1000, direction=[1.0, -1.0])).all()
    assert np.isnan(detectable_margin(proportion, 100)).all()


@pytest.mark.parametrize(
    "options",
    [
        {"share_control": 0.6, "share_treatment": 0.5},
        {"share_control": 0.0},
        {"explained_rate": 1.0},
        {"cluster_size": 0.5},
        {"intraclass_correlation": 1.5},
    ],
)
def test_impossible_designs_are_refused(options):
    with pytest.raises(ValueError, match="must be"):
        Design.of(1.0, 1.0, **options)


def test_simulated_power_of_means_with_unequal_arms():
    rng = np.random.default_rng(3)
    control = Moments.from_values(rng.normal(10, 4, size=(REPLICATES, 240, 1)))
    treatment = Moments.from_values(rng.normal(11.2, 4, size=(REPLICATES, 60, 1)))
    found = infer(compare(control, treatment)).is_significant.mean()
    design = Design.of(10.0, 16.0, share_control=0.8, share_treatment=0.2)
    assert within_noise(found, power(design, 300, 0.12).item())


def test_simulated_power_with_cuped_and_two_treatments():
    """Half of the variance is known before exposure; the error is split over both treatments."""
    rng = np.random.default_rng(4)
    arms = []
    for effect in (0.0, 0.5):
        before = rng.normal(0, np.sqrt(2), size=(REPLICATES, 200))
        after = 5 + effect + before + rng.normal(0, np.sqrt(2), size=(REPLICATES, 200))
        arms.append(Moments.from_values(np.stack([after, before], axis=2)))
    found = infer(adjusted_comparison(*arms, [1]), confidence=0.975).is_significant.mean()
    explained = estimate_adjustment(*arms, [1]).explained_rate.mean()
    assert explained == near(0.5, 0.02)
    design = Design.of(5.0, 4.0, share_control=1 / 3, share_treatment=1 / 3, explained_rate=0.5)
    assert within_noise(found, power(design, 600, 0.1, alpha=0.05 / 2).item())


def test_simulated_power_of_a_ratio():
    rng = np.random.default_rng(5)

    def arm(rate):
        views = rng.poisson(5, size=(REPLICATES, 500)) + 1
        return Moments.from_values(np.stack([rng.binomial(views, rate), views], axis=2).astype(float))

    control, treatment = arm(0.2), arm(0.22)
    found = infer(compare(control, treatment, denominator=1)).is_significant.mean()
    # The linearised value clicks - 0.2 views, over 6 views a unit: E[views] * 0.2 * 0.8 / 36.
    design = Design.of(0.2, 6 * 0.2 * 0.8 / 36)
    assert within_noise(found, power(design, 1000, 0.1).item())


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_simulated_power_of_a_guardrail(better):
    rng = np.random.default_rng(6)
    arms = [Moments.from_values(rng.normal(10, 5, size=(REPLICATES, 500, 1))) for _ in range(2)]
    found = against_margin(compare(*arms), 0.08, better=better).is_non_inferior.mean()
    sign = 1.0 if better == "higher" else -1.0
    assert within_noise(found, power(Design.of(10.0, 25.0), 1000, 0.0, margin=0.08, better=sign).item())


def test_simulated_power_of_clusters():
    """Clusters of 10 with a correlation of 0.2 within: analysed as means of clusters."""
    rng = np.random.default_rng(7)

    def arm(mean):
        shared = rng.normal(0, np.sqrt(0.2), size=(REPLICATES, 30, 1))
        values = mean + shared + rng.normal(0, np.sqrt(0.8), size=(REPLICATES, 30, 10))
        return Moments.from_values(values.mean(axis=2, keepdims=True))

    found = infer(compare(arm(2.0), arm(2.4))).is_significant.mean()
    assert design_effect(10, 0.2).item() == near(2.8, 1e-12)
    design = Design.of(2.0, 1.0, cluster_size=10, intraclass_correlation=0.2)
    assert within_noise(found, power(design, 600, 0.2).item())
    assert required_units(design, 0.2).item() > 2.8 * required_units(Design.of(2.0, 1.0), 0.2).item()
