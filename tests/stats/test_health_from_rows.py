"""Checks of health and of ramps from rows of units by other code, and how often they find what is there."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from lifthouse.statistics.balance import covariate_balance, interaction, novelty_trend
from lifthouse.statistics.comparison import compare
from lifthouse.statistics.effects import infer
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.reasons import reason_names
from lifthouse.statistics.sample_ratio import search_sample_ratio
from lifthouse.statistics.stratification import combined_comparison
from tests.stats.test_simulations import assert_rate

RUNS = 4000


def of_units(values):
    return Moments.from_values(np.asarray(values, float)[..., None])


def stacked(parts):
    names = ("count", "mean", "covariance")
    return Moments(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def test_an_interaction_is_the_product_term_of_least_squares():
    rng = np.random.default_rng(1)
    cells = [rng.gamma(2, 1 + at, size=count) for at, count in enumerate((40, 70, 25, 90))]
    frame = pd.concat(pd.DataFrame({"y": cell, "first": at % 2, "second": at // 2}) for at, cell in enumerate(cells))
    fitted = smf.ols("y ~ first * second", frame).fit(cov_type="HC2")  # in a saturated model, each cell's own variance
    parts = [cell.var(ddof=1) / len(cell) for cell in cells]
    degrees = sum(parts) ** 2 / sum(part**2 / (len(cell) - 1) for part, cell in zip(parts, cells, strict=True))

    found = interaction(*map(of_units, cells))

    assert found.absolute_effect.item() == pytest.approx(fitted.params["first:second"])
    assert found.standard_error.item() == pytest.approx(fitted.bse["first:second"])
    assert found.p_value.item() == pytest.approx(2 * stats.t.sf(abs(fitted.tvalues["first:second"]), degrees))
    assert (found.count_control.item(), found.count_treatment.item()) == (65, 160)
    assert found.mean_control.item() == pytest.approx((cells[0].mean() + cells[2].mean()) / 2)


def test_an_interaction_of_ratios_is_that_of_linearised_units():
    rng = np.random.default_rng(2)
    cells = [np.column_stack([rng.poisson(2 + at, 300), 1 + rng.poisson(3, 300)]).astype(float) for at in range(4)]
    ratios = [cell[:, 0].sum() / cell[:, 1].sum() for cell in cells]
    linear = [(cell[:, 0] - ratio * cell[:, 1]) / cell[:, 1].mean() for cell, ratio in zip(cells, ratios, strict=True)]

    found = interaction(*map(Moments.from_values, cells), denominator=1)

    assert found.absolute_effect.item() == pytest.approx(ratios[3] - ratios[2] - ratios[1] + ratios[0])
    assert found.standard_error.item() == pytest.approx(np.sqrt(sum(part.var(ddof=1) / 300 for part in linear)))


def test_novelty_is_welchs_test_of_each_units_own_slope():
    rng = np.random.default_rng(3)
    days = np.array([0.0, 1.5, 4.5, 10.0])
    control = rng.normal(size=(50, 1)) + rng.normal(size=(50, 4))
    treatment = 2 * rng.normal(size=(80, 1)) + rng.normal(size=(80, 4)) + 0.1 * days
    slopes = [[np.polyfit(days, unit, 1)[0] for unit in arm] for arm in (control, treatment)]
    theirs = stats.ttest_ind(slopes[1], slopes[0], equal_var=False)

    found = novelty_trend(Moments.from_values(control), Moments.from_values(treatment), days)

    assert found.absolute_effect.item() == pytest.approx(np.mean(slopes[1]) - np.mean(slopes[0]))
    assert found.p_value.item() == pytest.approx(theirs.pvalue)
    assert found.degrees_of_freedom.item() == pytest.approx(theirs.df)


def test_balance_is_austins_standardised_difference():
    rng = np.random.default_rng(4)
    control, treatment = rng.normal(size=30), rng.normal(1, 2, size=50)
    found = covariate_balance(of_units(control), of_units(treatment))
    spread = np.sqrt((control.var(ddof=1) + treatment.var(ddof=1)) / 2)
    assert found.standardised_difference.item() == pytest.approx((treatment.mean() - control.mean()) / spread)
    assert found.p_value.item() == pytest.approx(stats.ttest_ind(control, treatment, equal_var=False).pvalue)


def test_a_large_mean_takes_no_digits():
    noise = np.random.default_rng(5).normal(size=(2, 200, 2)) + np.array([[[0.0, 0.0]], [[0.0, 0.3]]])
    plain, shifted = ([Moments.from_values(arm + level) for arm in noise] for level in (0.0, 1e9))
    for check in (covariate_balance, lambda one, two: interaction(one, two, two, one)):
        assert check(*shifted).p_value.item() == pytest.approx(check(*plain).p_value.item(), rel=1e-4)
    trends = [novelty_trend(*arms, [0, 1]).p_value.item() for arms in (plain, shifted)]
    assert trends[1] == pytest.approx(trends[0], rel=1e-4)


@pytest.mark.parametrize(
    ("control", "treatment", "reason"),
    [
        ([1.0], [1.0, 2.0], "too_few_units"),
        ([0.0, 0.0], [0.0, 0.0, 0.0], "zero_variance"),
        ([1.0, 1.0], [1.0, 1.0], "zero_variance"),
        ([0.0, np.nan], [1.0, 2.0], "invalid_moments"),
        ([0.0, 0.0], [1.0, 3.0], None),
    ],
)
def test_what_can_not_be_checked_has_a_reason(control, treatment, reason):
    arms = of_units(control), of_units(treatment)
    for found in (covariate_balance(*arms), interaction(*arms, *arms), infer(compare(*arms))):
        assert list(reason_names(found.reason)) == [reason]
        assert np.isnan(found.p_value.item()) == (reason is not None)


def test_checks_find_what_is_there_as_often_as_the_noncentral_t_says():
    rng = np.random.default_rng(6)

    def power(shift, degrees):
        critical = stats.t.isf(0.025, degrees)
        return stats.nct.sf(critical, degrees, shift) + stats.nct.cdf(-critical, degrees, shift)

    arms = [of_units(rng.normal(mean, 1, size=(RUNS, 60))) for mean in (0.0, 0.4)]
    assert_rate(covariate_balance(*arms).p_value < 0.05, power(0.4 / np.sqrt(2 / 60), 118))
    cells = [of_units(rng.normal(mean, 1, size=(RUNS, 40))) for mean in (0.0, 1.0, 1.0, 2.6)]
    found = interaction(*cells)
    assert_rate(found.p_value < 0.05, power(0.6 / np.sqrt(4 / 40), 156))
    assert_rate((found.absolute_ci_lower <= 0.6) & (found.absolute_ci_upper >= 0.6), 0.95)
    days = np.array([0.0, 1.0, 2.0])
    habits = [rng.normal(size=(RUNS, 50, 1)) + fade * days + rng.normal(size=(RUNS, 50, 3)) for fade in (0.0, -0.4)]
    # A slope over days 0, 1, 2 has half of the variance of a day's noise; what the unit keeps drops out.
    assert_rate(novelty_trend(*map(Moments.from_values, habits), days).p_value < 0.05, power(0.4 / np.sqrt(1 / 50), 98))


def test_phases_are_averaged_by_their_units_and_cover_the_effect():
    """Units come at 90:10, 50:50 and 10:90 while the outcome and its spread move; the effects average to 0.5."""
    rng = np.random.default_rng(7)
    design = [(180, 20, 1.0, 0.0, 1.0), (100, 100, 3.0, 0.5, 2.0), (20, 180, 2.0, 1.0, 1.0)]
    phases = [
        (rng.normal(mean, spread, size=(RUNS, few)), rng.normal(mean + effect, spread, size=(RUNS, many)))
        for few, many, mean, effect, spread in design
    ]
    arms = [stacked([of_units(phase[arm]) for phase in phases]) for arm in (0, 1)]

    combined = combined_comparison(compare(*arms), np.tile(np.arange(RUNS), 3), RUNS)

    gaps = [treatment[0].mean() - control[0].mean() for control, treatment in phases]
    parts = [[arm[0].var(ddof=1) / arm.shape[1] for arm in phase] for phase in phases]
    assert combined.effect[0] == pytest.approx(np.mean(gaps))
    assert combined.variance[0] == pytest.approx(np.sum(parts) / 9)
    degrees = np.sum(parts) ** 2 / sum(
        part**2 / (arm.shape[1] - 1)
        for phase, pair in zip(phases, parts, strict=True)
        for arm, part in zip(phase, pair, strict=True)
    )
    assert combined.degrees_of_freedom[0] == pytest.approx(degrees)
    effect = infer(combined)
    assert_rate((effect.absolute_ci_lower <= 0.5) & (effect.absolute_ci_upper >= 0.5), 0.95)
    assert abs(combined.effect.mean() - 0.5) < 4.5 * combined.effect.std() / np.sqrt(RUNS)


def test_a_search_keeps_its_error_in_a_ramp_and_finds_as_often_as_the_noncentral_chi_square_says():
    rng = np.random.default_rng(8)
    shares = np.array([[0.9, 0.1], [0.5, 0.5]])
    units = [(800, 100), (300, 900), (100, 400)]
    counts = np.stack(
        [[rng.multinomial(of_phase, share, RUNS) for of_phase, share in zip(of, shares, strict=True)] for of in units]
    )
    rows = counts.transpose(2, 0, 1, 3).reshape(-1, 2, 2)
    runs, at = np.repeat(np.arange(RUNS), len(units)), np.zeros(len(rows), int)
    search = search_sample_ratio(rows, np.broadcast_to(shares, rows.shape), runs, at, alpha=0.05)
    fewest = search.p_value_adjusted.reshape(RUNS, -1).min(axis=1)
    assert (fewest < 0.05).sum() <= stats.binom.isf(1e-5, RUNS, 0.05)
    assert_rate(search.dimension_p_value[::3] < 0.05, 0.05)
    assert search.is_culprit.reshape(RUNS, -1).any(axis=1).mean() < 0.05

    # Sixty segments of twenty units say nothing of an arm that gets a hundredth.
    sizes = [20] * 60 + [4000, 6000, 9000]
    sparse = np.stack([rng.multinomial(size, [0.99, 0.01], 500) for size in sizes], axis=1).reshape(-1, 2)
    runs, at = np.repeat(np.arange(500), len(sizes)), np.zeros(len(sparse), int)
    search = search_sample_ratio(sparse, np.broadcast_to([0.99, 0.01], sparse.shape), runs, at)
    assert_rate(search.dimension_p_value[:: len(sizes)] < 0.05, 0.05)

    lacking = np.stack([rng.multinomial(1000, [0.55, 0.45], RUNS), rng.multinomial(1000, [0.5, 0.5], RUNS)], axis=1)
    found = search_sample_ratio(
        lacking.reshape(-1, 2),
        np.full((2 * RUNS, 2), 0.5),
        np.repeat(np.arange(RUNS), 2),
        np.zeros(2 * RUNS, int),
        alpha=0.05,
    ).p_value_adjusted[::2]
    least, most = (stats.ncx2.sf(stats.chi2.isf(alpha, 1), 1, 1000 * 0.1**2) for alpha in (0.025, 0.05))
    # Holm tests the smaller of two at half the error, so that only where the other fails too it is the full one.
    assert stats.binom.ppf(1e-5, RUNS, least) <= (found < 0.05).sum() <= stats.binom.isf(1e-5, RUNS, most)
