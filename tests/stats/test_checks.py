"""Single facts about the checks that simulations do not show."""

import numpy as np
import pytest
from scipy import optimize, stats

from lifthouse.statistics.adjustment import adjusted_comparison, estimate_adjustment, variance_reduction_rate
from lifthouse.statistics.comparison import compare, estimate
from lifthouse.statistics.effects import infer
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.multiplicity import adjusted_p_values
from lifthouse.statistics.proportions import chi_square, compare_proportions
from lifthouse.statistics.quantiles import grid_levels, quantile_estimate
from lifthouse.statistics.reasons import Reason, reason_names
from lifthouse.statistics.sample_ratio import anytime_p_values, log_e_value, sample_ratio, search_sample_ratio
from lifthouse.statistics.stratification import combined_comparison, stratified_comparison


def arm_of(count, mean, deviation):
    return Moments(np.array([float(count)]), np.array([[mean]]), np.array([[[deviation**2]]]))


@pytest.mark.parametrize(
    ("control", "treatment", "effect", "error", "degrees", "p_value"),
    [
        # reference.json hillstrom mens_vs_none.spend, cookie_cats retention_7, online_retail_uci aa_test.raw
        (
            (21306, 0.6527893551112361, 11.588199681271533),
            (21307, 1.422616511005773, 17.75420510373683),
            0.7698271558945368,
            0.14524656024868676,
            36671.15797736051,
            1.163814968225482e-07,
        ),
        (
            (44700, 0.19020134228187918, 0.39246431366166096),
            (45489, 0.18200004396667327, 0.38584880565655477),
            -0.008201298315205913,
            0.002592042757246972,
            90079.82814000268,
            0.001556530181006654,
        ),
        (
            (1423, 1495.9954961349263, 7615.40715838727),
            (1421, 1244.2568684025337, 4622.70471378426),
            -251.73862773239262,
            236.20610725392763,
            2345.2571879493066,
            0.2866426040989187,
        ),
    ],
)
def test_welch_on_real_data(control, treatment, effect, error, degrees, p_value):
    result = infer(compare(arm_of(*control), arm_of(*treatment)))
    assert result.absolute_effect.item() == pytest.approx(effect, rel=1e-9)
    assert result.standard_error.item() == pytest.approx(error, rel=1e-9)
    assert result.degrees_of_freedom.item() == pytest.approx(degrees, rel=1e-9)
    assert result.p_value.item() == pytest.approx(p_value, rel=1e-9)


def test_chi_square_and_pooled_z_on_real_data():
    """reference.json cookie_cats retention_7 and hillstrom visit."""
    effect = compare_proportions([8502, 2262], [44700, 21306], [8279, 3894], [45489, 21307])
    np.testing.assert_allclose(effect.statistic, [-3.164358912748191, 22.48604082719282], rtol=1e-9)
    np.testing.assert_allclose(effect.p_value, [0.001554249975614329, 5.685165482802317e-112], rtol=1e-9)
    table = [[[8502, 44700 - 8502], [8279, 45489 - 8279]]]
    assert chi_square(table)[0].item() == pytest.approx(10.01316732868897, rel=1e-9)


def test_a_table_without_two_rows_or_columns_has_no_chi_square():
    for counts in ([[0, 0], [0, 0]], [[5, 5], [0, 0]], [[5, 0], [5, 0]]):
        assert np.isnan(chi_square([counts])).all()
    padded = chi_square([[[20, 80, 0], [35, 65, 0], [0, 0, 0]]])
    np.testing.assert_allclose(padded, chi_square([[[20, 80], [35, 65]]]))


def test_cuped_is_least_squares():
    """By theta as reference.json defines it: covariance over variance of both arms together, then Welch."""
    rng = np.random.default_rng(3)
    before = rng.gamma(1.0, 5.0, size=(2, 400, 2))
    after = before @ np.array([0.8, -0.3]) + rng.normal(size=(2, 400)) + np.array([[0.0], [0.4]])
    arms = [Moments.from_values(np.column_stack([after[arm], before[arm]])) for arm in (0, 1)]
    x, y = before.reshape(-1, 2), after.ravel()
    centred = x - x.mean(axis=0)
    theta = np.linalg.lstsq(centred, y - y.mean(), rcond=None)[0]
    left = (y - centred @ theta).reshape(2, 400)
    expected = stats.ttest_ind(left[1], left[0], equal_var=False)
    adjustment = estimate_adjustment(*arms, [1, 2])
    result = infer(adjusted_comparison(*arms, [1, 2]))
    np.testing.assert_allclose(adjustment.theta[0], theta, rtol=1e-9)
    assert adjustment.explained_rate.item() == pytest.approx(1 - left.var() / y.var(), rel=1e-9)
    assert result.p_value.item() == pytest.approx(expected.pvalue, rel=1e-9)
    assert result.mean_control.item() == pytest.approx(left[0].mean(), rel=1e-12)
    assert result.mean_treatment.item() == pytest.approx(left[1].mean(), rel=1e-12)
    rate = variance_reduction_rate(adjusted_comparison(*arms, [1, 2]), compare(*arms))
    assert rate.item() == pytest.approx(adjustment.explained_rate.item(), abs=0.01)


def test_constant_and_collinear_covariates_do_no_harm():
    rng = np.random.default_rng(4)
    before = rng.normal(size=(2, 50))
    after = before + rng.normal(size=(2, 50))
    arms = [
        Moments.from_values(np.column_stack([after[arm], before[arm], 2 * before[arm], np.ones(50)])) for arm in (0, 1)
    ]
    one, all_three = adjusted_comparison(*arms, [1]), adjusted_comparison(*arms, [1, 2, 3])
    assert all_three.effect.item() == pytest.approx(one.effect.item(), rel=1e-9)
    assert all_three.variance.item() == pytest.approx(one.variance.item(), rel=1e-9)
    assert adjusted_comparison(*arms, [3]).variance.item() == pytest.approx(compare(*arms).variance.item())


@pytest.mark.parametrize(
    ("x_c", "n_c", "x_t", "n_t"), [(19, 53, 13, 47), (14, 28, 16, 30), (3, 40, 0, 30), (5, 9, 9, 9)]
)
def test_score_bounds_solve_the_restricted_likelihood(x_c, n_c, x_t, n_t):
    effect = compare_proportions([x_c], [n_c], [x_t], [n_t])

    def statistic(treated):
        def minus_log_likelihood(p):
            q = treated(p)
            chances = np.clip([p, 1 - p, q, 1 - q], 1e-300, 1)
            return -np.dot([x_c, n_c - x_c, x_t, n_t - x_t], np.log(chances))

        allowed = np.linspace(0, 1, 100_001)[1:-1]
        allowed = allowed[(treated(allowed) > 0) & (treated(allowed) < 1)]
        found = optimize.minimize_scalar(
            minus_log_likelihood, bounds=(allowed[0], allowed[-1]), method="bounded", options={"xatol": 1e-12}
        )
        return found.x, treated(found.x)

    for bound, sign in ((effect.absolute_ci_lower.item(), 1), (effect.absolute_ci_upper.item(), -1)):
        p, q = statistic(lambda p, bound=bound: p + bound)
        z = (x_t / n_t - x_c / n_c - bound) / np.sqrt(p * (1 - p) / n_c + q * (1 - q) / n_t)
        assert z == pytest.approx(sign * 1.959963985, abs=1e-3)
    for bound, sign in ((effect.relative_ci_lower.item(), 1), (effect.relative_ci_upper.item(), -1)):
        if bound == -1:
            assert x_t == 0
            continue
        ratio = 1 + bound
        p, q = statistic(lambda p, ratio=ratio: p * ratio)
        z = (x_t / n_t - ratio * x_c / n_c) / np.sqrt(ratio**2 * p * (1 - p) / n_c + q * (1 - q) / n_t)
        assert z == pytest.approx(sign * 1.959963985, abs=1e-3)


@pytest.mark.parametrize(
    ("x_c", "x_t", "bounds"),
    [(10, 20, (-7.85080328872e-10, 2.19318137453e-8)), (1000, 1100, (1.0192537824e-8, 1.89990054569e-7))],
)
def test_score_bounds_keep_their_digits_where_hardly_anybody_does_it(x_c, x_t, bounds):
    """Of 1e9 units an arm; bounds by bisection with the cubic's roots at 60 digits."""
    units = 10**9
    rare = compare_proportions([x_c], [units], [x_t], [units])
    common = compare_proportions([units - x_c], [units], [units - x_t], [units])
    for effect, expected in ((rare, bounds), (common, [-bound for bound in reversed(bounds)])):
        found = [effect.absolute_ci_lower.item(), effect.absolute_ci_upper.item()]
        assert found == pytest.approx(expected, rel=0, abs=1e-6 * effect.standard_error.item())


def test_proportions_that_can_not_be_compared_have_a_reason():
    effect = compare_proportions([0, 10, 11, np.nan, 0], [10, 10, 10, 10, 0], [0, 10, 1, 1, 1], [10, 10, 10, 10, 5])
    expected = ["zero_variance", "zero_variance", "invalid_moments", "invalid_moments", "too_few_units"]
    assert list(reason_names(effect.reason)) == expected
    assert np.isnan(effect.p_value).all()


def test_a_broken_device_is_named_and_an_even_loss_is_not():
    rng = np.random.default_rng(5)
    devices, countries = rng.choice(3, p=[0.3, 0.3, 0.4], size=40_000), rng.choice(4, size=40_000)
    variant = rng.integers(0, 2, size=40_000)
    lost = (devices == 2) & (variant == 1) & (rng.random(40_000) < 0.15)
    even = (variant == 1) & (rng.random(40_000) < 0.08)
    rows, experiments, dimensions = [], [], []
    for experiment, gone in enumerate((lost, even)):
        for dimension, of in enumerate((countries, devices)):
            for segment in np.unique(of):
                inside = (of == segment) & ~gone
                rows.append(np.bincount(variant[inside], minlength=2))
                experiments.append(experiment)
                dimensions.append(dimension)
    search = search_sample_ratio(rows, [[0.5, 0.5]] * len(rows), np.array(experiments), np.array(dimensions))
    assert np.flatnonzero(search.is_culprit).tolist() == [6]
    assert (search.p_value_adjusted[7:] < 0.001).any()


def test_an_even_loss_in_a_ramp_has_no_culprit_but_a_broken_device_has():
    """Phones come mostly while the treatment gets a tenth, television sets while it gets half."""
    phones, sets = np.array([[9000, 1000], [2000, 2000]]), np.array([[900, 100], [5000, 5000]])
    shares, dimensions = [[[0.9, 0.1], [0.5, 0.5]]] * 2, np.zeros(2, int)

    even = search_sample_ratio([phones * [1, 0.8], sets * [1, 0.8]], shares, dimensions, dimensions)
    broken = search_sample_ratio([phones, sets * [1, 0.8]], shares, dimensions, dimensions)

    assert (even.p_value_adjusted < 0.01).any()
    assert not even.is_culprit.any()
    assert even.dimension_p_value[0] > 0.9
    assert broken.is_culprit.tolist() == [False, True]
    alone = sample_ratio([sets * [1, 0.8]], shares[:1])
    assert broken.checks.statistic[1] == pytest.approx(alone.statistic.item())
    assert broken.p_value_adjusted[1] == pytest.approx(2 * alone.p_value.item())


def test_a_ramp_is_no_mismatch_but_a_mismatch_in_a_ramp_is():
    right, wrong = [[900, 100], [500, 500]], [[900, 100], [600, 400]]
    shares = [[[0.9, 0.1], [0.5, 0.5]]] * 2
    assert (sample_ratio([right, wrong], shares).p_value < 0.001).tolist() == [False, True]
    log_e = log_e_value([right, wrong], shares).sum(axis=1)
    assert (anytime_p_values(log_e[:, None])[:, 0] < 0.001).tolist() == [False, True]


def test_variants_without_a_share_and_too_few_units():
    check = sample_ratio([[50, 50, 1], [50, 50, 0], [2, 1, 0]], [[1, 1, 0]] * 3)
    assert check.p_value[:2].tolist() == [0.0, 1.0]
    assert reason_names(check.reason) == [None, None, "too_few_units"]
    disjoint = sample_ratio([[[50, 60, 0, 0], [0, 0, 40, 40]]], [[[1, 1, 0, 0], [0, 0, 1, 1]]])
    assert disjoint.degrees_of_freedom.item() == 2


def test_small_strata_join_the_largest():
    rng = np.random.default_rng(6)
    values = [rng.normal(size=(size, 1)) for size in (40, 1, 20, 50, 30, 25)]
    parts = [Moments.from_values(value) for value in values]

    def stacked(chosen):
        names = ("count", "mean", "covariance")
        return Moments(*(np.concatenate([getattr(part, name) for part in chosen]) for name in names))

    joined = stratified_comparison(stacked(parts[:3]), stacked(parts[3:]), np.zeros(3, int), 1)
    pairs = [[parts[0].merged(parts[1]), parts[2]], [parts[3].merged(parts[4]), parts[5]]]
    by_hand = stratified_comparison(*map(stacked, pairs), np.zeros(2, int), 1)
    assert joined.effect.item() == pytest.approx(by_hand.effect.item(), rel=1e-12)
    assert joined.variance.item() == pytest.approx(by_hand.variance.item(), rel=1e-12)
    lonely = stratified_comparison(parts[1], parts[3], np.zeros(1, int), 1)
    assert reason_names(lonely.reason) == ["too_few_units"]


def test_quantiles_say_why_they_are_missing():
    levels = grid_levels(0.95)
    few = quantile_estimate(0.95, levels[None, :], count=[20.0])
    tied = quantile_estimate(0.95, np.ones((1, len(levels))), count=[5000.0])
    assert reason_names(few.reason) == ["too_few_units"]
    assert reason_names(tied.reason) == ["no_local_variation"]
    with pytest.raises(ValueError, match="exactly one"):
        quantile_estimate(0.95, levels[None, :])


def test_clusters_widen_a_quantiles_error():
    rng = np.random.default_rng(7)
    values = np.repeat(rng.normal(size=400), 9).reshape(400, 9)
    levels = grid_levels(0.5)
    grid = np.quantile(values, levels)[None, :]
    below = (values <= np.median(values)).sum(axis=1)
    clustered = quantile_estimate(0.5, grid, units=Moments.from_values(np.column_stack([below, np.full(400, 9)])))
    ignored = quantile_estimate(0.5, grid, count=[3600.0])
    assert np.sqrt(clustered.variance / ignored.variance).item() == pytest.approx(3, rel=0.15)


def test_families_are_apart_and_bad_values_are_named():
    p_values, families = [0.01, 0.02, np.nan, 0.01, 0.02], [1, 1, 1, 2, 3]
    adjusted = adjusted_p_values(p_values, families, method="holm")
    np.testing.assert_allclose(adjusted, [0.02, 0.02, np.nan, 0.01, 0.02])
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        adjusted_p_values([1.2], [0], method="holm")
    with pytest.raises(ValueError, match="method == 'bonferroni', must be one of"):
        adjusted_p_values([0.2], [0], method="bonferroni")


def test_ratio_variance_is_that_of_the_linearised_values():
    rng = np.random.default_rng(8)
    values = np.column_stack([rng.poisson(3.0, 500), 1 + rng.poisson(5.0, 500)]).astype(float)
    result = estimate(Moments.from_values(values), denominator=1)
    ratio = values[:, 0].sum() / values[:, 1].sum()
    linear = (values[:, 0] - ratio * values[:, 1]) / values[:, 1].mean()
    assert result.value.item() == pytest.approx(ratio)
    assert result.variance.item() == pytest.approx(linear.var(ddof=1) / 500)


def test_a_covariate_that_is_constant_but_for_rounding_explains_nothing():
    """Means of a constant that differ by a rounding error must not be blown up into the effect itself."""
    outcomes = np.random.default_rng(2).normal(size=(2, 5))
    arms = []
    for arm, noise in ((0, 0.0), (1, 4e-16)):
        covariance = np.array([[[outcomes[arm].var(ddof=1), 0.0], [0.0, 0.0]]])
        arms.append(Moments(np.array([5.0]), np.array([[outcomes[arm].mean(), noise]]), covariance))
    adjusted, plain = adjusted_comparison(*arms, [1]), compare(*arms)
    assert adjusted.effect.item() == plain.effect.item()
    assert adjusted.variance.item() == pytest.approx(plain.variance.item())


def test_adjustment_finds_no_effect_where_the_metric_varies_in_neither_arm():
    """One click of control's led to a cart, the only one of treatment's did not: rounding made that p = 0."""
    pivot = np.array([0.26087, 1.0, 0.304348, 0.913043])
    reasons = []
    for past in np.random.default_rng(11).poisson([0.3, 0.9], size=(200, 5, 2)):
        units = np.column_stack([[0, 0, 1, 0, 0], [0, 0, 1, 0, 1], past]) - pivot
        control, treatment = (
            Moments.from_sums([len(arm)], [arm.sum(axis=0)], [arm.T @ arm], pivot=pivot)
            for arm in (units[:3], units[3:])
        )
        reasons.append(adjusted_comparison(control, treatment, [2, 3], denominator=1).reason.item())
    assert set(reasons) == {Reason.ZERO_VARIANCE}


def test_a_phase_that_says_nothing_does_not_silence_the_others():
    """Orders of a ramp: nobody in the first phase's small arm had any, in the second both arms did."""
    empty, orders = [[0.0, 0.0]] * 3, [[2.0, 1.0], [0.0, 0.0], [5.0, 2.0], [4.0, 1.0]]
    control, treatment = Moments.from_values([empty, orders[:3]]), Moments.from_values([empty, orders[1:]])
    phases = compare(control, treatment, denominator=1)
    assert list(reason_names(phases.reason)) == ["zero_denominator", None]

    whole = combined_comparison(phases, np.array([0, 0]), 1)

    assert whole.reason.item() == Reason.NONE
    assert whole.effect.item() == phases.effect[1]
    assert whole.variance.item() == phases.variance[1]
    assert (whole.count_control.item(), whole.count_treatment.item()) == (3, 3)
    alone = combined_comparison(compare(control[:1], treatment[:1], denominator=1), np.array([0]), 1)
    assert list(reason_names(alone.reason)) == ["zero_denominator"]


def test_a_phase_in_which_nothing_happened_counts():
    """0 of 100 against 0 of 100, then 2 of 100 against 4 of 100."""
    control = Moments.from_sums([100, 100], [[0.0], [2.0]], [[0.0], [2.0]])
    treatment = Moments.from_sums([100, 100], [[0.0], [4.0]], [[0.0], [4.0]])
    phases = compare(control, treatment)
    assert list(reason_names(phases.reason)) == ["zero_variance", None]

    whole = combined_comparison(phases, np.array([0, 0]), 1)

    assert (whole.mean_control.item(), whole.mean_treatment.item(), whole.effect.item()) == (0.01, 0.02, 0.01)
    assert (whole.count_control.item(), whole.count_treatment.item()) == (200, 200)
    assert whole.variance.item() == phases.variance[1] / 4
    assert whole.degrees_of_freedom.item() == pytest.approx(phases.degrees_of_freedom[1])
    assert whole.reason.item() == Reason.NONE
    assert combined_comparison(compare(control[:1], treatment[:1]), np.array([0]), 1).reason == [Reason.ZERO_VARIANCE]


def test_a_segment_in_which_nothing_happened_counts():
    control = Moments.from_sums([100, 100], [[0.0], [2.0]], [[0.0], [2.0]])
    treatment = Moments.from_sums([100, 100], [[0.0], [4.0]], [[0.0], [4.0]])

    whole = stratified_comparison(control, treatment, np.array([0, 0]), 1)

    assert (whole.mean_control.item(), whole.mean_treatment.item()) == (0.01, 0.02)
    # A quarter of the second segment's variance, and that of the segments' sizes about the effects 0 and 0.02.
    assert whole.variance.item() == pytest.approx(compare(control, treatment).variance[1] / 4 + 0.01**2 / 400)
    assert whole.reason.item() == Reason.NONE


def test_that_nobody_of_an_arm_did_it_is_no_proof_that_nobody_would():
    """0 of 445 against 13 of 2,555: chance by the chi-square; with the arm's own variance of zero p was 0.0003."""
    control, treatment = (
        Moments.from_sums([half, half], [[0.0, 0.0], [ones, 0.0]], [[0.0, 0.0, half], [ones, 0.0, half]])
        for half, ones in ((222.5, 0.0), (1277.5, 13.0))
    )
    whole = [arm.merged_within(np.array([0, 0]), 1) for arm in (control, treatment)]
    by_chi_square = compare_proportions(
        *(np.array([float(number)]) for number in (0, 445, 13, 2555)),
    ).p_value.item()

    compared = [
        compare(*whole),
        adjusted_comparison(*whole, [1]),
        stratified_comparison(control, treatment, np.array([0, 0]), 1),
    ]

    assert [infer(comparison).p_value.item() for comparison in compared] == pytest.approx([by_chi_square] * 3, abs=0.02)
    # One that can't be done in control at all is an effect all the same.
    used = Moments.from_sums([10_000], [[100.0]], [[100.0]])
    unused = Moments.from_sums([10_000], [[0.0]], [[0.0]])
    assert infer(compare(unused, used)).p_value.item() < 1e-9
    assert infer(compare(used, unused)).absolute_effect.item() == -0.01
