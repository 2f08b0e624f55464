"""Peers' own expected numbers, reproduced through the public functions; ids and tolerances of the peer_cases list.

Where we differ on purpose both numbers stand here: theirs by `conventions`, ours checked apart from the package's own
formulas, by inverting the test with a root finder (Fieller) or maximising the restricted likelihood (score).
"""

import numpy as np
import pytest

from lifthouse.statistics.adjustment import adjusted_comparison, estimate_adjustment
from lifthouse.statistics.comparison import compare, estimate
from lifthouse.statistics.conventions import delta_relative, growthbook_cuped_relative, log_ratio_relative
from lifthouse.statistics.effects import fieller_interval, infer
from lifthouse.statistics.multiplicity import adjusted_p_values
from lifthouse.statistics.proportions import chi_square, compare_proportions
from lifthouse.statistics.sample_ratio import anytime_p_values, log_e_value, sample_ratio
from tests.stats import peer_inputs as peers


def near(value, tolerance):
    return pytest.approx(value, rel=0, abs=tolerance)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ((50, 0.25, 55, 0.3), (0.06998711794990015, 0.13085832776514253)),
        ((10, 4, 12, 5), (-0.31415169909894136, 1.1498859537215163)),
        ((2, 0.001, 2.4, 0.0015), (0.14797914307585516, 0.2543279478652727)),
    ],
)
def test_abk_fieller(inputs, expected):
    control, v_control, treatment, v_treatment = (np.array([float(value)]) for value in inputs)
    bounds = fieller_interval(
        treatment - control,
        control,
        v_treatment + v_control,
        v_control,
        -v_control,
        critical_value=1.959963984540054,
    )
    assert [bound.item() for bound in bounds] == near(list(expected), 1e-9)


def test_gb_welch_absolute():
    effect = infer(compare(*peers.GB_WELCH))
    assert effect.absolute_effect.item() == near(0.29, 1e-5)
    assert effect.standard_error.item() == near(0.12478, 1e-5)
    assert effect.absolute_ci_lower.item() == near(0.04538, 1e-5)
    assert effect.absolute_ci_upper.item() == near(0.53462, 1e-5)
    assert effect.p_value.item() == near(0.02016, 1e-5)


def test_gb_welch_relative_differs_on_purpose():
    """Theirs says p = .062 on the same data whose difference has p = .020; ours has one verdict."""
    comparison = compare(*peers.GB_WELCH)
    theirs, ours = delta_relative(comparison), infer(comparison)
    assert theirs.relative_effect.item() == ours.relative_effect.item() == near(0.70732, 1e-5)
    assert theirs.standard_error.item() == near(0.37879, 1e-5)
    assert [theirs.ci_lower.item(), theirs.ci_upper.item()] == near([-0.03526, 1.44989], 1e-5)
    assert theirs.p_value.item() == near(0.06191, 1e-5)
    assert [ours.relative_ci_lower.item(), ours.relative_ci_upper.item()] == near([0.0940619708, 1.7086899442], 1e-9)
    assert ours.p_value.item() == near(0.02016, 1e-5)


def test_ph_welch_relative_differs_on_purpose():
    comparison = compare(*peers.PH_WELCH)
    theirs, ours = delta_relative(comparison), infer(comparison)
    assert theirs.relative_effect.item() == near(0.63646, 1e-4)
    assert [theirs.ci_lower.item(), theirs.ci_upper.item()] == near([-0.0875, 1.36048], 1e-4)
    assert theirs.p_value.item() == near(0.08487, 1e-4)
    assert [ours.relative_ci_lower.item(), ours.relative_ci_upper.item()] == near([0.0323878941, 1.5993633199], 1e-9)
    assert ours.p_value.item() == near(0.0371932887, 1e-9)


def test_gb_prop_relative_differs_on_purpose():
    """Theirs: delta method with p (1 - p). Ours: Koopman's interval, which inverts the chi-square."""
    theirs = delta_relative(compare(*(arm.with_population_covariance() for arm in peers.GB_PROPORTION)))
    ours = compare_proportions([14], [28], [16], [30])
    assert theirs.relative_effect.item() == near(0.06667, 1e-5)
    assert theirs.standard_error.item() == near(0.2717, 1e-5)
    assert [theirs.ci_lower.item(), theirs.ci_upper.item()] == near([-0.47767, 0.61101], 1e-5)
    assert theirs.p_value.item() == near(0.80707, 1e-5)
    assert ours.relative_effect.item() == near(0.06667, 1e-5)
    assert [ours.relative_ci_lower.item(), ours.relative_ci_upper.item()] == near([-0.3536421, 0.7855489], 1e-7)
    assert ours.p_value.item() == near(0.7996044106, 1e-9)


def test_gb_ratio_relative_differs_on_purpose():
    comparison = compare(*peers.GB_RATIO, denominator=1)
    theirs, ours = delta_relative(comparison), infer(comparison)
    assert comparison.mean_control.item() == near(0.529411765, 1e-8)
    assert comparison.mean_treatment.item() == near(0.6, 1e-8)
    assert theirs.relative_effect.item() == near(0.133333333, 1e-8)
    assert theirs.standard_error.item() == near(0.2615080377, 1e-8)
    assert [theirs.ci_lower.item(), theirs.ci_upper.item()] == near([-0.382075817, 0.648742484], 1e-8)
    assert theirs.p_value.item() == near(0.610663339, 1e-8)
    assert [ours.relative_ci_lower.item(), ours.relative_ci_upper.item()] == near([-0.2912226497, 0.8357364653], 1e-9)
    assert ours.p_value.item() == near(0.5879819188, 1e-9)


def test_gb_cuped_mean_relative_differs_on_purpose():
    theirs = growthbook_cuped_relative(*peers.GB_CUPED)
    ours = infer(adjusted_comparison(*peers.GB_CUPED, [1], baseline="unadjusted"))
    assert estimate_adjustment(*peers.GB_CUPED, [1]).theta.item() == near(-0.0732119403, 1e-8)
    assert theirs.relative_effect.item() == ours.relative_effect.item() == near(-0.281707154, 1e-8)
    assert theirs.standard_error.item() == near(0.0971048764, 1e-8)
    assert [theirs.ci_lower.item(), theirs.ci_upper.item()] == near([-0.472067646, -0.091346662], 1e-8)
    assert theirs.p_value.item() == near(0.003732549, 1e-8)
    assert [ours.relative_ci_lower.item(), ours.relative_ci_upper.item()] == near([-0.4553937649, -0.0724330369], 1e-9)
    assert ours.p_value.item() == near(0.0110293686, 1e-9)


def test_gb_cuped_binomial_relative_differs_on_purpose():
    theirs = growthbook_cuped_relative(*peers.GB_CUPED_BINOMIAL, binomial=True)
    ours = infer(adjusted_comparison(*peers.GB_CUPED_BINOMIAL, [1], baseline="unadjusted"))
    assert theirs.relative_effect.item() == near(-0.31620216, 1e-8)
    assert theirs.p_value.item() == near(3.53e-07, 1e-8)
    assert ours.relative_effect.item() == near(-0.31620216, 1e-8)
    assert [ours.relative_ci_lower.item(), ours.relative_ci_upper.item()] == near([-0.4273663334, -0.1897478879], 1e-9)
    assert ours.p_value.item() == near(1.0904072e-05, 1e-11)


def test_tt_mean_welch():
    comparison = compare(*peers.TEA)
    ours, theirs = infer(comparison), log_ratio_relative(*(estimate(arm) for arm in peers.TEA))
    assert ours.mean_control.item() == near(0.5660377358490566, 1e-9)
    assert ours.mean_treatment.item() == near(0.3829787234042553, 1e-9)
    assert ours.absolute_effect.item() == near(-0.18305901244480127, 1e-9)
    assert ours.absolute_ci_lower.item() == near(-0.5004359360326984, 1e-9)
    assert ours.absolute_ci_upper.item() == near(0.13431791114309583, 1e-9)
    assert ours.p_value.item() == near(0.2551230546709908, 1e-9)
    assert ours.statistic.item() == near(-1.1447678040118034, 1e-9)
    assert ours.relative_effect.item() == near(-0.32340425531914896, 1e-9)
    # Differs on purpose: theirs is symmetric in the log ratio.
    assert theirs.ci_lower.item() == near(-0.6593351111187646, 1e-9)
    assert theirs.ci_upper.item() == near(0.34378920945924096, 1e-9)
    assert [ours.relative_ci_lower.item(), ours.relative_ci_upper.item()] == near([-0.7069559068, 0.3632198876], 1e-9)


def test_tt_ratio_one_sided_pooled():
    options = {"numerator": peers.ORDERS, "denominator": peers.SESSIONS}
    ours = infer(compare(*peers.TEA, **options, equal_variance=True), alternative="greater")
    theirs = log_ratio_relative(
        *(estimate(arm, **options) for arm in peers.TEA), alternative="greater", equal_variance=True
    )
    assert ours.mean_control.item() == near(0.2857142857142857, 1e-9)
    assert ours.mean_treatment.item() == near(0.20224719101123595, 1e-9)
    assert ours.absolute_effect.item() == near(-0.08346709470304975, 1e-9)
    assert ours.absolute_ci_lower.item() == near(-0.21187246704082818, 1e-9)
    assert ours.p_value.item() == near(0.8584716347525132, 1e-9)
    assert ours.statistic.item() == near(-1.0794048813446926, 1e-9)
    # Differs on purpose: theirs is symmetric in the log ratio.
    assert theirs.ci_lower.item() == near(-0.5852384654309937, 1e-9)
    assert ours.relative_ci_lower.item() == near(-0.6378226357, 1e-9)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_the_log_ratios_interval_ends_at_zero_where_its_p_value_says(alternative):
    arms = [estimate(arm) for arm in peers.TEA]
    p_value = log_ratio_relative(*arms, alternative=alternative).p_value.item()
    touching = log_ratio_relative(*arms, alternative=alternative, confidence=1 - p_value)
    bound = touching.ci_lower if alternative == "greater" else touching.ci_upper
    assert bound.item() == near(0.0, 1e-12)


def test_tt_proportion():
    """Chi-square with Yates as theirs; the intervals invert the test where theirs are Wald's with a correction."""
    x_control, n_control, x_treatment, n_treatment = peers.TEA_HAS_ORDER
    table = [[[x_control, n_control - x_control], [x_treatment, n_treatment - x_treatment]]]
    corrected, plain = (chi_square(table, correction=correction)[2].item() for correction in (True, False))
    ours = compare_proportions([x_control], [n_control], [x_treatment], [n_treatment])
    assert corrected == near(0.5083165530405195, 1e-9)  # pearson_yates, and the p of norm_pooled_yates
    assert ours.p_value.item() == near(plain, 1e-12)
    theirs = {"ci": (-0.2851524037206986, 0.12136276100692911), "lift_ci": (-0.5884358933441386, 0.44643204227351263)}
    assert [ours.absolute_ci_lower.item(), ours.absolute_ci_upper.item()] == near([-0.2584769737, 0.1021445608], 1e-8)
    assert [ours.relative_ci_lower.item(), ours.relative_ci_upper.item()] == near([-0.57284419, 0.36636402], 1e-7)
    assert theirs["ci"][0] < ours.absolute_ci_lower.item() < ours.absolute_ci_upper.item() < theirs["ci"][1]
    assert theirs["lift_ci"][0] < ours.relative_ci_lower.item() < ours.relative_ci_upper.item() < theirs["lift_ci"][1]


def test_tt_srm():
    assert sample_ratio([[53, 47]], [[1, 1]]).p_value.item() == near(0.5485062355001472, 1e-9)
    corrected = sample_ratio([[53, 47]], [[1, 1]], correction=True)
    assert corrected.p_value.item() == near(0.6170750774519738, 1e-9)


@pytest.mark.parametrize(
    ("counts", "split", "expected"),
    [
        ([10, 0], [0.5, 0.5], 93.0909090909),
        ([68, 32], [0.5, 0.5], 87.7615307995),
        ([65, 35], [0.5, 0.5], 11.4613939477),
        ([20, 30, 50], [0.1, 0.4, 0.5], 3.9871667874),
        ([60, 40], [0.5, 0.5], 0.9130497785),
        ([300, 200], [0.5, 0.5], 1292.5378059485),
        ([150, 100], [0.5, 0.5], 11.8887409666),
    ],
)
def test_abk_srm_eprocess(counts, split, expected):
    log_e = log_e_value([counts], [split])
    assert np.exp(log_e).item() == near(expected, 1e-9)
    assert anytime_p_values(log_e[None])[0, 0] == near(min(1, 1 / expected), 1e-9)


@pytest.mark.parametrize(
    ("method", "p_values", "expected", "tolerance"),
    [
        pytest.param("holm", [0.001, 0.012, 0.03, 0.2, 0.7], [0.005, 0.048, 0.09, 0.4, 0.7], 1e-12, id="abk_holm"),
        pytest.param("holm", [0.01, 0.04, 0.03, 0.005, 0.55, 0.6], [0.05, 0.12, 0.12, 0.03, 1, 1], 1e-12, id="gb_holm"),
        pytest.param(
            "benjamini-hochberg",
            [0.898, 0.138, 0.007, 0.964, 0.538, 0.006, 0.138],
            [0.964, 0.2415, 0.0245, 0.964, 0.7532, 0.0245, 0.2415],
            1e-8,
            id="gb_bh",
        ),
        pytest.param(
            "benjamini-hochberg",
            [0.005, 0.06, 0.007, 0.04, 0.01, 0.03],
            [0.02, 0.06, 0.02, 0.048, 0.02, 0.045],
            1e-9,
            id="tt_fdr_bh",
        ),
        pytest.param(
            "benjamini-yekutieli",
            [0.005, 0.06, 0.007, 0.04, 0.01, 0.03],
            [0.049, 0.147, 0.049, 0.1176, 0.049, 0.11025],
            1e-9,
            id="tt_fdr_by",
        ),
    ],
)
def test_multiplicity(method, p_values, expected, tolerance):
    adjusted = adjusted_p_values(p_values, np.zeros(len(p_values), int), method=method)
    assert adjusted.tolist() == near(expected, tolerance)
