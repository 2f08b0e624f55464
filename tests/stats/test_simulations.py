"""False positives and coverage of every method, within what chance allows in that many runs.

Each check takes bounds from the binomial: were the method exact, one seeded check in a hundred thousand would fail.
"""

import numpy as np
import pytest
from scipy import stats

from lifthouse.statistics.adjustment import adjusted_comparison
from lifthouse.statistics.balance import covariate_balance, interaction, novelty_trend
from lifthouse.statistics.comparison import compare, compare_estimates
from lifthouse.statistics.effects import infer
from lifthouse.statistics.heterogeneity import segment_differences
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.multiplicity import adjusted_p_values
from lifthouse.statistics.non_inferiority import against_margin
from lifthouse.statistics.proportions import compare_proportions
from lifthouse.statistics.quantiles import grid_levels, quantile_estimate
from lifthouse.statistics.reasons import Reason
from lifthouse.statistics.sample_ratio import anytime_p_values, log_e_value, sample_ratio
from lifthouse.statistics.stratification import stratified_comparison

RUNS = 4000
BATCH = 500


def assert_rate(hits, rate):
    """As many hits as a true rate gives by chance."""
    hits = np.asarray(hits)
    low, high = stats.binom.interval(1 - 1e-5, hits.size, rate)
    assert low <= hits.sum() <= high, (
        f"rate == {hits.mean():.4f}, must be in [{low / hits.size:.4f}, {high / hits.size:.4f}]"
    )


def simulated(draw, seed, runs=RUNS):
    """Moments of both arms of many experiments; `draw(rng, n_runs, arm)` gives (n_runs, units, k)."""
    rng = np.random.default_rng(seed)
    arms = ([], [])
    for _ in range(runs // BATCH):
        for arm in (0, 1):
            arms[arm].append(Moments.from_values(draw(rng, BATCH, arm)))
    names = ("count", "mean", "covariance")
    return [Moments(*(np.concatenate([getattr(part, name) for part in parts]) for name in names)) for parts in arms]


def assert_covers(effect, absolute, relative, confidence=0.95):
    assert (effect.relative_reason == Reason.NONE).all()
    assert_rate((effect.absolute_ci_lower <= absolute) & (absolute <= effect.absolute_ci_upper), confidence)
    assert_rate((effect.relative_ci_lower <= relative) & (relative <= effect.relative_ci_upper), confidence)


def revenue(rng, n_runs, arm, units=2000, payers=0.1, lift=0.0):
    """Mostly zeros, then lognormal: mean 0.1 * exp(0.5 + 0.32) with a standard deviation six times as large."""
    pays = rng.random((n_runs, units)) < payers * (1 + lift * arm)
    return (pays * rng.lognormal(0.5, 0.8, size=(n_runs, units)))[..., None]


def test_welch_with_few_units_and_unequal_arms():
    def draw(rng, n_runs, arm):
        return rng.normal(10 + arm, (1.0, 3.0)[arm], size=(n_runs, (12, 6)[arm], 1))

    assert_covers(infer(compare(*simulated(draw, 1, 16_000))), 1.0, 0.1)


@pytest.mark.parametrize(("units", "rate"), [((445, 2555), 0.003), ((75, 675), 0.04), ((500, 500), 0.003)])
def test_false_alarms_of_rare_outcomes_are_no_more_than_meant(units, rate):
    """In a quarter of the first experiments nobody of control converts."""
    rng = np.random.default_rng(4)
    ones = [rng.binomial(count, rate, size=(RUNS, 1)).astype(float) for count in units]
    effect = infer(
        compare(*(Moments.from_sums(np.full(RUNS, count), of, of) for count, of in zip(units, ones, strict=True)))
    )
    assert (effect.p_value < 0.05).mean() < 0.065


def test_welch_on_skewed_revenue():
    effect = infer(compare(*simulated(lambda rng, n, arm: revenue(rng, n, arm, lift=0.2), 2)))
    mean = 0.1 * np.exp(0.5 + 0.32)
    assert_covers(effect, 0.2 * mean, 0.2)
    null = infer(compare(*simulated(revenue, 3)))
    assert_rate(null.p_value < 0.05, 0.05)
    assert_rate(null.p_value < 0.01, 0.01)


def test_one_sided_tests_and_margins():
    def draw(rng, n_runs, arm):
        return rng.normal(5, 1, size=(n_runs, 50, 1)) - 0.5 * arm

    comparison = compare(*simulated(draw, 4, 8000))
    # At the margin itself a non-inferior verdict is a false positive.
    assert_rate(against_margin(comparison, 0.5, scale="absolute").is_non_inferior, 0.025)
    assert_rate(against_margin(comparison, 0.1, scale="relative").is_non_inferior, 0.025)
    for alternative in ("greater", "less"):
        effect = infer(comparison, alternative=alternative)
        assert_rate((effect.absolute_ci_lower <= -0.5) & (effect.absolute_ci_upper >= -0.5), 0.95)
        assert_rate((effect.relative_ci_lower <= -0.1) & (effect.relative_ci_upper >= -0.1), 0.95)


def sessions_and_clicks(rng, n_runs, arm, units=400, lift=0.0):
    """Clicks over sessions, with a taste of each user that ties his sessions together, and both before."""
    taste = 0.9 * rng.beta(2, 6, size=(n_runs, units))
    activity = rng.gamma(2.0, 2.0, size=(n_runs, units))
    sessions, before = 1 + rng.poisson(activity), 1 + rng.poisson(activity)
    clicks = rng.binomial(sessions, taste * (1 + lift * arm))
    return np.stack([clicks, sessions, rng.binomial(before, taste), before], axis=-1).astype(float)


def test_ratio_by_delta_method():
    arms = simulated(lambda rng, n, arm: sessions_and_clicks(rng, n, arm, lift=0.1), 5)
    assert_covers(infer(compare(*arms, denominator=1)), 0.0225, 0.1)
    null = simulated(sessions_and_clicks, 6)
    assert_rate(infer(compare(*null, denominator=1)).p_value < 0.05, 0.05)


def test_cuped_for_means_and_ratios():
    arms = simulated(lambda rng, n, arm: sessions_and_clicks(rng, n, arm, lift=0.1), 7)
    plain, adjusted = compare(*arms, denominator=1), adjusted_comparison(*arms, [2, 3], denominator=1)
    assert_covers(infer(adjusted), 0.0225, 0.1)
    assert (adjusted.variance < plain.variance).mean() > 0.99
    # Mean of clicks: 0.225 in each of 1 + 4 sessions.
    for baseline in ("adjusted", "unadjusted"):
        assert_covers(infer(adjusted_comparison(*arms, [2, 3], baseline=baseline)), 0.1125, 0.1)
    assert_covers(infer(adjusted_comparison(*arms, [2])), 0.1125, 0.1)


def test_post_stratification():
    shift = np.array([0.0, 3.0, 9.0])
    rng = np.random.default_rng(8)
    pairs, plain = [[], []], [[], []]
    for arm in (0, 1):
        stratum = rng.choice(3, p=[0.5, 0.4, 0.1], size=(RUNS, 120))
        values = 10 + shift[stratum] * (1 + 0.1 * arm) + arm + rng.normal(size=stratum.shape)
        plain[arm] = Moments.from_values(values[..., None])
        for which in range(3):
            inside = stratum == which
            count, total = inside.sum(axis=1), (values * inside).sum(axis=1)
            pairs[arm].append((count, total, (values**2 * inside).sum(axis=1)))
    arms = []
    for side in pairs:
        count, total, squares = (np.concatenate([part[item] for part in side]) for item in range(3))
        arms.append(Moments.from_sums(count, total[:, None], squares[:, None]))
    comparison = stratified_comparison(*arms, np.tile(np.arange(RUNS), 3), RUNS)
    truth = 1 + 0.1 * (0.4 * 3 + 0.1 * 9)
    assert_covers(infer(comparison), truth, truth / (10 + 0.4 * 3 + 0.1 * 9))
    assert comparison.variance.mean() < 0.5 * compare(*plain).variance.mean()


def clustered_quantiles(rng, level, shift, runs=1500, units=300, events=5):
    """Events that a user's own speed ties together: log-normal in all, quantile in closed form."""
    count = 1 + rng.poisson(events - 1.0, size=(runs, units))
    slot = np.arange(count.max()) < count[..., None]
    latency = np.exp(rng.normal(0, 0.4, size=(runs, units, 1)) + rng.normal(0, 0.3, size=slot.shape) + shift)
    latency[~slot] = np.nan
    levels = grid_levels(level)
    at = int(np.argmin(np.abs(levels - level)))
    grid = np.empty((runs, len(levels)))
    for run in range(runs):
        grid[run] = np.quantile(latency[run][slot[run]], levels)
    below = (latency <= grid[:, at, None, None]).sum(axis=2)
    moments = Moments.from_values(np.stack([below, count], axis=-1))
    return quantile_estimate(level, grid, units=moments)


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_quantiles_of_clustered_events(level):
    rng = np.random.default_rng(9)
    estimates = [clustered_quantiles(rng, level, shift) for shift in (0.0, 0.05)]
    assert all((one.reason == Reason.NONE).all() for one in estimates)
    control, treatment = (np.exp(0.5 * stats.norm.ppf(level) + shift) for shift in (0.0, 0.05))
    effect = infer(compare_estimates(*estimates))
    assert_covers(effect, treatment - control, treatment / control - 1)


def test_quantile_of_units():
    rng = np.random.default_rng(10)
    levels = grid_levels(0.9)
    draws = rng.exponential(size=(2, 3000, 500))
    grids = [np.quantile(side, levels, axis=1).T for side in draws]
    estimates = [quantile_estimate(0.9, grid, count=np.full(3000, 500.0)) for grid in grids]
    assert_rate(infer(compare_estimates(*estimates)).p_value < 0.05, 0.05)


def test_score_interval_of_proportions():
    rng = np.random.default_rng(11)
    control, treatment = rng.binomial(400, 0.2, 20_000), rng.binomial(300, 0.25, 20_000)
    effect = compare_proportions(control, 400, treatment, 300)
    covered = (effect.absolute_ci_lower <= 0.05) & (effect.absolute_ci_upper >= 0.05)
    related = (effect.relative_ci_lower <= 0.25) & (effect.relative_ci_upper >= 0.25)
    # Counts are discrete, so no interval is exact: half a point is allowed on top of chance.
    assert abs(covered.mean() - 0.95) < 0.005 + 4.5 * np.sqrt(0.95 * 0.05 / 20_000)
    assert abs(related.mean() - 0.95) < 0.005 + 4.5 * np.sqrt(0.95 * 0.05 / 20_000)


def test_segment_differences_with_small_segments():
    def draw(rng, n_runs, arm):
        return rng.normal(arm, 1 + arm, size=(n_runs, 10, 1))

    effect = infer(compare(*simulated(draw, 12, 20_000)))
    groups = np.repeat(np.arange(4000), 5)
    test = segment_differences(effect.absolute_effect, effect.standard_error, effect.degrees_of_freedom, groups, 4000)
    assert_rate(test.p_value < 0.05, 0.05)


def test_families_keep_their_promise():
    p_values = np.random.default_rng(13).random((RUNS, 8))
    p_values[:, 5:] *= 1e-6
    families = np.repeat(np.arange(RUNS), 8)
    for method in ("holm", "hochberg"):
        adjusted = adjusted_p_values(p_values.ravel(), families, method=method).reshape(RUNS, 8)
        assert (adjusted[:, :5] < 0.05).any(axis=1).mean() < stats.binom.ppf(1 - 1e-5, RUNS, 0.05) / RUNS
    for method in ("benjamini-hochberg", "benjamini-yekutieli"):
        found = adjusted_p_values(p_values.ravel(), families, method=method).reshape(RUNS, 8) < 0.05
        rate = (found[:, :5].sum(axis=1) / np.maximum(found.sum(axis=1), 1)).mean()
        assert rate < 0.05 + 4.5 * 0.1 / np.sqrt(RUNS)


def test_sample_ratio_at_a_look_and_at_all_looks():
    rng = np.random.default_rng(14)
    daily = rng.multinomial(200, [0.5, 0.3, 0.2], size=(RUNS, 30))
    shares = np.array([0.5, 0.3, 0.2])
    total = daily.sum(axis=1)
    assert_rate(sample_ratio(total, np.broadcast_to(shares, total.shape)).p_value < 0.05, 0.05)
    anytime = anytime_p_values(log_e_value(daily.cumsum(axis=1), shares))
    assert (anytime[:, -1] < 0.05).sum() <= stats.binom.ppf(1 - 1e-5, RUNS, 0.05)
    ramped = np.stack([rng.multinomial(400, [0.9, 0.1], RUNS), rng.multinomial(900, [0.5, 0.5], RUNS)], axis=1)
    meant = np.broadcast_to([[0.9, 0.1], [0.5, 0.5]], ramped.shape)
    assert_rate(sample_ratio(ramped, meant).p_value < 0.05, 0.05)


def test_balance_interaction_and_novelty_find_nothing_where_there_is_nothing():
    arms = simulated(revenue, 15)
    assert_rate(covariate_balance(*arms).p_value < 0.05, 0.05)

    def draw(rng, n_runs, arm):
        taste = rng.normal(size=(n_runs, 60, 1))
        return 2 * arm + taste + rng.normal(size=(n_runs, 60, 4))

    first, second = simulated(draw, 16), simulated(draw, 17)
    assert_rate(interaction(first[0], first[1], second[0], second[1]).p_value < 0.05, 0.05)
    assert_rate(novelty_trend(*first, [0.0, 1.5, 4.5, 10.0]).p_value < 0.05, 0.05)
