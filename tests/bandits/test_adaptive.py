"""Means under adaptive allocation: plain ones are biased, weighted ones are not, and their intervals cover."""

import numpy as np
import pytest
from scipy import stats

from lifthouse.bandits.adaptive import adaptive_estimates
from lifthouse.statistics.comparison import compare
from lifthouse.statistics.effects import infer
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.stratification import combined_comparison

REPLICATES = 2000
BATCHES, SIZE, FLOOR = 12, 50, 0.05


@pytest.fixture(scope="module")
def plays():
    """Rounds of Thompson bandits with a floor and two equal arms, where giving up an unlucky one does the most harm.

    Shares change from batch to batch; with two normal arms they have a closed form.
    """
    rng = np.random.default_rng(11)
    shape = (REPLICATES, BATCHES * SIZE)
    arms, shares, rewards = np.empty(shape, int), np.empty((*shape, 2)), rng.normal(size=shape)
    share = np.full(REPLICATES, 0.5)
    for batch in range(BATCHES):
        at = slice(batch * SIZE, (batch + 1) * SIZE)
        shares[:, at] = np.stack([1 - share, share], axis=1)[:, None, :]
        arms[:, at] = rng.random((REPLICATES, SIZE)) < share[:, None]
        so_far, is_one = rewards[:, : at.stop], arms[:, : at.stop] == 1
        counts = [np.maximum((is_one == which).sum(axis=1), 0.1) for which in (False, True)]
        means = [np.where(is_one == which, so_far, 0).sum(axis=1) / count for which, count in enumerate(counts)]
        best = stats.norm.cdf((means[1] - means[0]) / np.sqrt(1 / counts[0] + 1 / counts[1]))
        share = np.clip(best, FLOOR, 1 - FLOOR)
    return list(zip(arms, rewards, shares, strict=True))


def bias(means):
    """Mean error of both arms, and its noise."""
    return np.mean(means), np.std(means) / np.sqrt(np.size(means))


def test_plain_means_are_biased_and_weighted_ones_are_not(plays):
    plain = [[reward[arm == which].mean() for which in (0, 1)] for arm, reward, _ in plays]
    constant = [adaptive_estimates(*play, weighting="constant").mean for play in plays]
    stabilised = [adaptive_estimates(*play).mean for play in plays]
    off, noise = bias(plain)
    assert off < -10 * noise
    left, noise = bias(constant)
    assert abs(left) < 4 * noise
    left, noise = bias(stabilised)
    assert abs(left) < 0.6 * abs(off), "half of the bias is the price of less noise"


def test_naive_intervals_miss_on_one_side(plays):
    too_low, too_high = [], []
    for arm, reward, _ in plays:
        for which in (0, 1):
            mine = reward[arm == which]
            z = mine.mean() / (mine.std(ddof=1) / np.sqrt(len(mine)))
            too_low.append(z < -1.96)
            too_high.append(z > 1.96)
    assert np.mean(too_low) > 0.035
    assert np.mean(too_low) > 1.5 * np.mean(too_high)


@pytest.mark.parametrize("weighting", ["constant", "stabilised"])
def test_intervals_cover(plays, weighting):
    covered, false_alarms = [], []
    for arm, reward, shares in plays:
        estimates = adaptive_estimates(arm, reward, shares, weighting=weighting)
        covered.append((estimates.ci_lower < 0) & (estimates.ci_upper > 0))
        false_alarms.append(estimates.effect_p_value[1] < 0.05)
    noise = 4 * np.sqrt(0.05 * 0.95 / REPLICATES)
    assert np.mean(covered, axis=0).min() > 0.95 - noise
    assert np.mean(false_alarms) < 0.05 + noise


def test_constant_shares_give_the_plain_difference():
    rng = np.random.default_rng(3)
    arm = rng.binomial(1, 0.3, size=20_000)
    reward = rng.normal(1 + 0.2 * arm, 2.0)
    estimates = adaptive_estimates(arm, reward, np.tile([0.7, 0.3], (20_000, 1)))
    plain = reward[arm == 1].mean() - reward[arm == 0].mean()
    error = 2 * np.sqrt(1 / (arm == 1).sum() + 1 / (arm == 0).sum())
    assert estimates.effect[1] == pytest.approx(plain, abs=0.2 * error)
    assert estimates.effect_standard_error[1] == pytest.approx(error, rel=0.03)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"smallest share == 0\.0"):
        adaptive_estimates([0, 1], [1.0, 2.0], [[1.0, 0.0], [0.5, 0.5]])
    with pytest.raises(ValueError, match="shapes"):
        adaptive_estimates([0, 1], [1.0], [[0.5, 0.5], [0.5, 0.5]])
    for arm in (-1, 2, 0.5, np.nan):
        with pytest.raises(ValueError, match=r"arms range over .* must be whole, in \[0, 2\)"):
            adaptive_estimates([0, arm], [1.0, 2.0], [[0.5, 0.5], [0.5, 0.5]])
    for reward in (np.nan, np.inf):
        with pytest.raises(ValueError, match="reward: must be finite"):
            adaptive_estimates([0, 1], [1.0, reward], [[0.5, 0.5], [0.5, 0.5]])


def test_effects_within_phases_of_a_bandit_cover_despite_a_trend():
    """What `fct_experiment_effects` makes of a bandit whose periods are phases, with rewards that rise by the week."""
    rng = np.random.default_rng(12)
    replicates, weeks, units, truth = 4000, 8, 400, 0.2
    share = np.full(replicates, 0.5)
    sums, counts = np.zeros((2, replicates)), np.zeros((2, replicates))
    states = []
    for week in range(weeks):
        arriving = np.stack([units - (treated := rng.binomial(units, share)), treated]).astype(float)
        mean = 0.3 * week + truth * np.array([[0.0], [1.0]]) + rng.normal(size=(2, replicates)) / np.sqrt(arriving)
        variance = rng.chisquare(arriving - 1) / (arriving - 1)
        states.append(
            [Moments(n, m[:, None], v[:, None, None]) for n, m, v in zip(arriving, mean, variance, strict=True)]
        )
        sums, counts = sums + arriving * mean, counts + arriving
        gap = np.diff(sums / counts, axis=0)[0]
        share = np.clip(stats.norm.cdf(gap / np.sqrt((1 / counts).sum(axis=0))), FLOOR, 1 - FLOOR)
    stacked = [
        Moments(
            *(
                np.concatenate([getattr(arms[which], name) for arms in states])
                for name in ("count", "mean", "covariance")
            )
        )
        for which in (0, 1)
    ]
    within = combined_comparison(compare(*stacked), np.tile(np.arange(replicates), weeks), replicates)
    effect = infer(within)
    covered = ((effect.absolute_ci_lower < truth) & (effect.absolute_ci_upper > truth)).mean()
    assert abs(effect.absolute_effect.mean() - truth) < 4 * effect.absolute_effect.std() / np.sqrt(replicates)
    assert abs(covered - 0.95) < 4 * np.sqrt(0.05 * 0.95 / replicates)
    assert np.diff(sums / counts, axis=0).mean() > 2 * truth, "plain means take the trend for an effect"
