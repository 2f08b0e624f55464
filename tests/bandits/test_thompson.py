"""Shares of Thompson sampling against adaptive quadrature, closed forms and draws; floors; regret in simulation."""

import numpy as np
import pytest
from scipy import integrate, stats

from lifthouse.bandits.simulation import simulated_regret
from lifthouse.bandits.thompson import best_bernoulli, best_normal, top_two, with_floor

RATES = (0.10, 0.12, 0.20)


def by_quadrature(arms):
    """Probability of each arm to be best, integrated piece by piece with scipy."""
    points = sorted(point for arm in arms for point in arm.ppf([1e-9, 0.01, 0.5, 0.99, 1 - 1e-9]))
    chances = []
    for arm in arms:
        others = [other for other in arms if other is not arm]

        def density(x, arm=arm, others=others):
            return arm.pdf(x) * np.prod([other.cdf(x) for other in others])

        pieces = zip([points[0] - 1e-6, *points], [*points, points[-1] + 1e-6], strict=True)
        chances.append(sum(integrate.quad(density, low, high, epsabs=1e-11)[0] for low, high in pieces))
    return np.array(chances)


@pytest.mark.parametrize(
    ("successes", "failures"),
    [
        ([10, 14], [90, 86]),
        ([0, 0, 0], [0, 0, 0]),
        ([5, 500, 50], [95, 9500, 800]),
        ([2, 1, 10_000], [1, 3, 990_000]),
        ([100] * 6, [1000, 1001, 1010, 1100, 900, 1200]),
    ],
)
def test_bernoulli_shares_are_exact(successes, failures):
    arms = [stats.beta(1 + won, 1 + lost) for won, lost in zip(successes, failures, strict=True)]
    shares = best_bernoulli(successes, failures)
    assert shares == pytest.approx(by_quadrature(arms), abs=1e-5)
    assert shares.sum() == pytest.approx(1, abs=1e-12)


def test_two_normal_arms_have_a_closed_form():
    for gap in (0.0, 0.3, 2.0, 6.0):
        expected = stats.norm.cdf(gap / np.hypot(0.2, 0.5))
        assert best_normal([1.0, 1.0 + gap], [0.2, 0.5])[1] == pytest.approx(expected, abs=1e-5)


def test_few_rewards_have_heavy_tails():
    mean, error, degrees = [0.0, 0.3, 0.1], [0.2, 0.5, 0.05], [5.0, 3.0, 9.0]
    arms = [stats.t(df, loc, scale) for df, loc, scale in zip(degrees, mean, error, strict=True)]
    draws = np.stack([arm.rvs(400_000, random_state=at) for at, arm in enumerate(arms)])
    rates = np.bincount(draws.argmax(axis=0), minlength=3) / 400_000
    assert best_normal(mean, error, degrees_of_freedom=degrees) == pytest.approx(rates, abs=3e-3)


def test_top_two_agrees_with_drawing_until_another_arm_wins():
    best = np.array([0.7, 0.2, 0.1])
    rng = np.random.default_rng(1)
    count = np.zeros(3)
    for _ in range(20_000):
        arm = rng.choice(3, p=best)
        if rng.random() >= 0.5:
            other = arm
            while other == arm:
                other = rng.choice(3, p=best)
            arm = other
        count[arm] += 1
    assert top_two(best) == pytest.approx(count / count.sum(), abs=0.015)
    assert top_two(best, leader_share=1.0).tolist() == best.tolist()
    assert top_two([1.0, 0.0, 0.0]).tolist() == [0.5, 0.25, 0.25]
    assert top_two([1.0]).tolist() == [1.0]


@pytest.mark.parametrize(
    ("shares", "floor", "expected"),
    [
        ([0.6, 0.4], 0.0, [0.6, 0.4]),
        ([1.0, 0.0, 0.0], 0.05, [0.9, 0.05, 0.05]),
        ([0.5, 0.3, 0.2, 0.0], [0.1, 0.35, 0.3, 0.2], [0.15, 0.35, 0.3, 0.2]),
        ([0.9, 0.06, 0.04], 0.06, [0.88, 0.06, 0.06]),
        ([0.7, 0.3], 0.5, [0.5, 0.5]),
    ],
)
def test_floors_are_kept_and_shares_add_up(shares, floor, expected):
    raised = with_floor(shares, floor)
    assert raised == pytest.approx(expected, abs=1e-12)
    assert raised.sum() == pytest.approx(1, abs=1e-12)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="at most 1"):
        with_floor([0.5, 0.5], 0.6)
    with pytest.raises(ValueError, match="must be > 0"):
        best_normal([1.0, 2.0], [0.1, 0.0])
    with pytest.raises(ValueError, match="must be >= 0"):
        best_bernoulli([-1, 2], [3, 4])
    with pytest.raises(ValueError, match="leader_share"):
        top_two([0.5, 0.5], leader_share=0.0)
    with pytest.raises(ValueError, match="policy"):
        simulated_regret(RATES, "greedy", horizon=10, replicates=10)
    with pytest.raises(ValueError, match=r"rates == \[1.2, 0.5\], must be >= 0 and <= 1"):
        simulated_regret([1.2, 0.5], "uniform", horizon=10, replicates=10)
    with pytest.raises(ValueError, match=r"epsilon == 1\.5, must be >= 0"):
        simulated_regret(RATES, "epsilon_greedy", horizon=10, replicates=10, epsilon=1.5)


@pytest.mark.parametrize("delay", [0, 50])
def test_simulated_plays_are_those_of_a_plain_loop(delay):
    def played(rng, rates, horizon):
        won, lost, waiting, regret = np.ones(2), np.ones(2), [], 0.0
        for _ in range(horizon):
            if len(waiting) > delay:
                arm, reward = waiting.pop(0)
                won[arm] += reward
                lost[arm] += 1 - reward
            arm = int(np.argmax([rng.beta(*shape) for shape in zip(won, lost, strict=True)]))
            waiting.append((arm, rng.random() < rates[arm]))
            regret += max(rates) - rates[arm]
        return regret

    rng = np.random.default_rng(5)
    plain = np.array([played(rng, [0.1, 0.3], 200) for _ in range(400)])
    ours = simulated_regret([0.1, 0.3], "thompson", horizon=200, replicates=2000, delay=delay)[:, -1]
    noise = np.sqrt(plain.var() / len(plain) + ours.var() / len(ours))
    assert abs(plain.mean() - ours.mean()) < 4.5 * noise < 1  # a delay of 50 costs almost 4


def test_chance_alone_costs_the_mean_gap():
    """Of three arms .2, 0 and .1 below the best: .1 a round with variance 1/150, whatever it is called."""
    for policy, options in (("uniform", {}), ("epsilon_greedy", {"epsilon": 1.0})):
        regret = simulated_regret([0.1, 0.3, 0.2], policy, horizon=200, replicates=4000, **options)[:, -1]
        assert abs(regret.mean() - 20) < 4.5 * np.sqrt(200 / 150 / 4000)
        assert regret.var() == pytest.approx(200 / 150, rel=0.12)


@pytest.fixture(scope="module")
def regret():
    settings = {"horizon": 8000, "replicates": 300, "seed": 7}
    runs = {name: simulated_regret(RATES, name, **settings) for name in ("thompson", "epsilon_greedy", "uniform")}
    runs["delayed"] = simulated_regret(RATES, "thompson", delay=500, **settings)
    return {name: run.mean(axis=0) for name, run in runs.items()}


def test_thompson_beats_uniform_and_epsilon_greedy(regret):
    assert regret["thompson"][-1] < 0.6 * regret["epsilon_greedy"][-1] < 0.6 * regret["uniform"][-1]


def test_thompson_regret_grows_with_the_logarithm(regret):
    """Each doubling of the rounds adds about as much again, where the others' doubles; the rate is Lai and Robbins'."""
    early, late = (regret["thompson"][2 * at - 1] - regret["thompson"][at - 1] for at in (2000, 4000))
    assert late < 1.3 * early
    uniform = regret["uniform"]
    assert uniform[7999] - uniform[3999] == pytest.approx(2 * (uniform[3999] - uniform[1999]), rel=0.05)
    best = max(RATES)
    divergence = [
        rate * np.log(rate / best) + (1 - rate) * np.log((1 - rate) / (1 - best)) for rate in RATES if rate < best
    ]
    slope = sum((best - rate) / each for rate, each in zip(RATES[:2], divergence, strict=True))
    assert 0.4 * slope < late / np.log(2) < 1.6 * slope


def test_delayed_rewards_cost_once_and_not_again(regret):
    """Until the first rewards come every arm is used alike; from then on regret grows as without a delay."""
    extra = regret["delayed"] - regret["thompson"]
    blind = 500 * (max(RATES) - np.mean(RATES))
    assert extra[499] < extra[-1] < 1.5 * blind
    assert extra[-1] - extra[1999] < 0.15 * blind
