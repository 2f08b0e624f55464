"""Posteriors: peers' numbers, quadrature done elsewhere, simulation under the prior."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from lifthouse.statistics.beta_binomial import beta_binomial_posterior
from lifthouse.statistics.posterior import expected_gain, normal_posterior


def relative(control, treatment):
    """Lift and its variance by the delta method, from pairs of mean and variance of the mean."""
    (m0, v0), (m1, v1) = control, treatment
    return m1 / m0 - 1, v1 / m0**2 + m1**2 * v0 / m0**4, m1 * np.sqrt(v0) / m0**2


@pytest.mark.parametrize(
    ("control", "treatment", "expected"),
    [  # growthbook/growthbook@8f1db4456915: TestBinom and TestNorm, gb_bayes_binom_flat and gb_bayes_mean_flat.
        (
            (0.49, 0.49 * 0.51 / 100),
            (0.51, 0.51 * 0.49 / 100),
            (0.04082, 0.14725, -0.24779, 0.32943, 0.60918, 0.0814, 0.04058),
        ),
        (
            (10.0, (1002.25 - 1000) / 9 / 10),
            (10.5, (1111.5 - 1102.5) / 9 / 10),
            (0.05, 0.03572, -0.02, 0.12, 0.91923, 0.05131, 0.00131),
        ),
    ],
)
def test_growthbook_flat(control, treatment, expected):
    effect, variance, shared = (np.array([[value]]) for value in relative(control, treatment))
    posterior = normal_posterior(effect, variance, shared)
    got = [
        posterior.mean,
        posterior.standard_deviation,
        posterior.ci_lower,
        posterior.ci_upper,
        posterior.probability_beats_control,
        posterior.expected_loss_of_control,
        posterior.expected_loss,
    ]
    assert [value.item() for value in got] == pytest.approx(expected, abs=1e-5)


def test_growthbook_expected_loss():
    mean, spread = np.array([0.1, 0.01, -0.01]), np.array([0.05, 4.5e-9, 4.5e-9])
    assert expected_gain(mean, spread) == pytest.approx([0.1004245351308, 0.01, 0.0], abs=1e-10)
    assert expected_gain(-mean, spread) == pytest.approx([0.0004245351308414, 0.0, 0.01], abs=1e-10)


def joint_normal(effect, own, shared, prior_mean, prior_spread):
    """Textbook update of the whole vector, with matrices."""
    covariance = np.diag(own) + np.outer(shared, shared)
    precision = np.linalg.inv(covariance) + np.eye(len(effect)) / prior_spread**2
    posterior = np.linalg.inv(precision)
    return posterior @ (np.linalg.solve(covariance, effect) + prior_mean / prior_spread**2), posterior


def test_several_arms_agree_with_quadrature():
    effect, own, shared = np.array([0.03, 0.05]), np.array([0.001, 0.0015]), np.array([0.04, 0.05])
    mean, covariance = joint_normal(effect, own, shared, 0.01, 0.08)
    posterior = normal_posterior(
        effect[None], (own + shared**2)[None], shared[None], prior_mean=0.01, prior_standard_deviation=0.08
    )
    assert posterior.mean[0] == pytest.approx(mean, rel=1e-12)
    assert posterior.standard_deviation[0] == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-12)
    for arm in (0, 1):
        other, slope = 1 - arm, covariance[0, 1] / covariance[arm, arm]
        spread = np.sqrt(covariance[other, other] - slope * covariance[0, 1])

        def best(x, arm=arm, other=other, slope=slope, spread=spread):
            below = stats.norm.cdf(x, mean[other] + slope * (x - mean[arm]), spread)
            return below * stats.norm.pdf(x, mean[arm], np.sqrt(covariance[arm, arm]))

        assert posterior.probability_best[0, arm] == pytest.approx(integrate.quad(best, 0, 1)[0], abs=1e-5)


@pytest.mark.parametrize(
    ("effect", "own", "shared"),
    [  # Control's noise is ten and thirty times the arms' own, one arm is far smaller, one or both do not vary.
        ((0.03, 0.05), (0.005, 0.004), (0.05, 0.05)),
        ((0.03, 0.031), (0.0016, 0.0016), (0.05, 0.0501)),
        ((0.03, 0.02), (0.01, 0.33), (0.01, 0.01)),
        ((0.01, 0.02), (0.0, 0.02), (0.02, 0.02)),
        ((-0.02, -0.01), (0.0, 0.0), (0.02, 0.03)),
    ],
)
def test_uneven_arms_agree_with_the_bivariate_normal(effect, own, shared):
    mean, loading = np.array(effect), np.array(shared)
    variance = np.array(own) ** 2 + loading**2
    posterior = normal_posterior(mean[None], variance[None], loading[None])
    # One billionth of an arm's variance is its own, where it has no other.
    covariance = np.outer(loading, loading)
    np.fill_diagonal(covariance, variance * (1 + 1e-9 * (np.array(own) == 0)))
    for arm in (0, 1):
        lead = np.eye(2)[[arm, arm]] - np.array([[0, 0], np.eye(2)[1 - arm]])
        best = stats.multivariate_normal.cdf(lead @ mean, cov=lead @ covariance @ lead.T)
        assert posterior.probability_best[0, arm] == pytest.approx(best, abs=1e-5)
    top = mean.max() + 8 * np.sqrt(variance.max())
    both_below = stats.multivariate_normal(mean, covariance)
    gain = integrate.quad(lambda x: 1 - both_below.cdf([x, x]), 0, top, epsabs=1e-8, limit=200)[0]
    within = 1e-5 * np.sqrt(variance)
    assert (np.abs(posterior.expected_loss[0] - (gain - mean)) < within).all()
    assert abs(posterior.expected_loss_of_control.item() - gain) < within.min()


def test_losses_of_several_arms_agree_with_simulation():
    effect, own, shared = np.array([0.03, 0.05, -0.02]), np.full(3, 0.001), np.full(3, 0.03)
    mean, covariance = joint_normal(effect, own, shared, 0.0, 0.1)
    posterior = normal_posterior(effect[None], (own + shared**2)[None], shared[None], prior_standard_deviation=0.1)
    runs = 400_000
    draws = np.random.default_rng(3).multivariate_normal(mean, covariance, runs)
    regret = np.maximum(draws.max(axis=1), 0)[:, None] - draws
    within = 4 * regret.std(axis=0) / np.sqrt(runs)
    assert (np.abs(posterior.expected_loss[0] - regret.mean(axis=0)) < within).all()


def test_beta_binomial_agrees_with_quadrature():
    successes, counts = np.array([[12, 20, 9]]), np.array([[100, 110, 60]])
    posterior = beta_binomial_posterior(successes, counts, equivalence=0.1)
    arms = [stats.beta(s + 1, n - s + 1) for s, n in zip(successes[0], counts[0], strict=True)]

    def chance(integrand):
        return integrate.quad(integrand, 0, 1, epsabs=1e-12, limit=200)[0]

    for at, arm in enumerate(arms[1:]):
        other = arms[2 - at]
        assert posterior.probability_beats_control[0, at] == pytest.approx(
            chance(lambda x, arm=arm: arm.pdf(x) * arms[0].cdf(x)), abs=1e-8
        )
        assert posterior.probability_best[0, at] == pytest.approx(
            chance(lambda x, arm=arm, other=other: arm.pdf(x) * arms[0].cdf(x) * other.cdf(x)), abs=1e-8
        )
        inside = chance(lambda x, arm=arm: arms[0].pdf(x) * (arm.cdf(1.1 * x) - arm.cdf(0.9 * x)))
        assert posterior.probability_equivalent[0, at] == pytest.approx(inside, abs=1e-8)
        for bound, level in ((posterior.ci_lower, 0.025), (posterior.ci_upper, 0.975)):
            ratio = 1 + bound[0, at]
            assert chance(lambda x, arm=arm, ratio=ratio: arms[0].pdf(x) * arm.cdf(ratio * x)) == pytest.approx(
                level, abs=1e-8
            )
        mean = arm.mean() * chance(lambda x: arms[0].pdf(x) / x) - 1
        assert posterior.mean[0, at] == pytest.approx(mean, rel=1e-8)


@pytest.mark.parametrize(
    ("successes", "counts"),
    [  # Arms with hardly any success or failure, of the same size or not, and a small arm beside a large one.
        *[((hits, 1), (100, units)) for hits in (0, 1, 2) for units in (100, 10_000)],
        ((10_000, 9_999), (10_000, 10_000)),
        ((5, 100_300), (50, 1_000_000)),
        ((10_500, 10), (100_000, 100)),
    ],
)
def test_uneven_betas_agree_with_quadrature(successes, counts):
    posterior = beta_binomial_posterior([successes], [counts])
    control, treatment = (stats.beta(s + 1, n - s + 1) for s, n in zip(successes, counts, strict=True))

    def integral(integrand):
        cuts = np.concatenate([arm.ppf([1e-6, 0.01, 0.5, 0.99, 1 - 1e-6]) for arm in (control, treatment)])
        return integrate.quad(integrand, 0, 1, points=np.sort(cuts), epsabs=1e-12, epsrel=1e-10, limit=400)[0]

    best = integral(lambda x: treatment.pdf(x) * control.cdf(x))
    assert posterior.probability_best.item() == pytest.approx(best, abs=1e-7)
    assert posterior.probability_beats_control.item() == pytest.approx(best, abs=1e-7)
    best_mean = integral(lambda x: 1 - treatment.cdf(x) * control.cdf(x))
    loss = (best_mean - treatment.mean()) / control.mean()
    assert posterior.expected_loss.item() == pytest.approx(loss, abs=1e-6)


def test_every_beta_interval_has_its_level():
    rng = np.random.default_rng(1)
    counts = rng.integers(500, 5000, (3000, 2))
    successes = rng.binomial(counts, 0.1)
    posterior = beta_binomial_posterior(successes, counts)
    a, b = successes + 1, counts - successes + 1
    levels = (np.arange(400) + 0.5) / 400
    control = special.betaincinv(a[:, :1], b[:, :1], levels)
    for bound, level in ((posterior.ci_lower, 0.025), (posterior.ci_upper, 0.975)):
        below = special.betainc(a[:, 1:], b[:, 1:], np.clip(control * (1 + bound), 0, 1)).mean(axis=1)
        assert below == pytest.approx(level, abs=1e-4)


@pytest.mark.parametrize("larger_is_better", [True, False])
def test_beta_intervals_of_an_arm_that_always_succeeds_have_their_level(larger_is_better):
    successes, counts = (
        np.array([[0, 2], [20, 30], [5, 3], [5, 0], [90, 100]]),
        np.array([[1, 2], [30, 30], [5, 3], [9, 0], [100, 100]]),
    )
    posterior = beta_binomial_posterior(successes, counts, larger_is_better=larger_is_better)
    sign = 1 if larger_is_better else -1
    control, treatment = (stats.beta(s + 1, n - s + 1) for s, n in zip(successes.T, counts.T, strict=True))
    shares = (np.arange(100_000)[:, None] + 0.5) / 100_000
    for bound, level in ((posterior.ci_lower, 0.025), (posterior.ci_upper, 0.975)):
        below = treatment.cdf(control.ppf(shares) * (1 + sign * bound[:, 0])).mean(axis=0)
        assert below == pytest.approx(level if larger_is_better else 1 - level, abs=1e-5)


def test_moments_that_a_ratio_lacks():
    posterior = beta_binomial_posterior([[0, 3], [1, 3], [2, 3]], np.full((3, 2), 100))
    assert np.isnan(posterior.mean[:, 0]).tolist() == [True, False, False]
    assert np.isnan(posterior.standard_deviation[:, 0]).tolist() == [True, True, False]


def test_fewer_can_be_better():
    more = beta_binomial_posterior([[20, 12]], [[100, 100]], larger_is_better=True)
    fewer = beta_binomial_posterior([[20, 12]], [[100, 100]], larger_is_better=False)
    assert fewer.probability_beats_control.item() == pytest.approx(1 - more.probability_beats_control.item())
    assert (fewer.ci_lower.item(), fewer.ci_upper.item()) == (-more.ci_upper.item(), -more.ci_lower.item())
    assert fewer.expected_loss.item() == pytest.approx(more.expected_loss_of_control.item())


def test_credible_intervals_cover_under_their_prior():
    runs, rng = 20_000, np.random.default_rng(5)
    truth = rng.normal(0.02, 0.05, (runs, 2))
    shared, own = np.full((runs, 2), 0.02), np.full((runs, 2), 0.0009)
    seen = truth + rng.normal(0, 0.02, (runs, 1)) + rng.normal(0, 0.03, (runs, 2))
    posterior = normal_posterior(seen, own + shared**2, shared, prior_mean=0.02, prior_standard_deviation=0.05)
    covered = ((posterior.ci_lower < truth) & (truth < posterior.ci_upper)).mean(axis=0)
    bound = 4 * np.sqrt(0.95 * 0.05 / runs)
    assert np.abs(covered - 0.95) == pytest.approx(0, abs=bound)
    # A probability of 0.7 to be best means being best seven times in ten.
    best = (truth == truth.max(axis=1, keepdims=True)) & (truth > 0)
    for lower in (0.2, 0.4, 0.6, 0.8):
        among = (posterior.probability_best >= lower) & (posterior.probability_best < lower + 0.2)
        expected = posterior.probability_best[among].mean()
        assert best[among].mean() == pytest.approx(expected, abs=4 * np.sqrt(0.25 / among.sum()))


def test_beta_intervals_cover_under_their_prior():
    runs, rng = 3_000, np.random.default_rng(6)
    rates = rng.beta(1, 1, (runs, 2))
    posterior = beta_binomial_posterior(rng.binomial(200, rates), np.full((runs, 2), 200))
    lift = rates[:, 1] / rates[:, 0] - 1
    covered = ((posterior.ci_lower[:, 0] < lift) & (lift < posterior.ci_upper[:, 0])).mean()
    assert covered == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / runs))


def test_priors_need_spread():
    with pytest.raises(ValueError, match=r"prior_standard_deviation == 0, must be > 0"):
        normal_posterior(np.zeros((1, 1)), np.ones((1, 1)), np.ones((1, 1)), prior_standard_deviation=0)
    with pytest.raises(ValueError, match=r"successes must be >= 0 and <= counts"):
        beta_binomial_posterior([[3, 1]], [[2, 2]])


def test_an_arm_without_estimate_leaves_the_others_alone():
    effect, variance, shared = np.array([[0.05, np.nan]]), np.full((1, 2), 0.002), np.full((1, 2), 0.02)
    together = normal_posterior(effect, variance, shared, prior_standard_deviation=0.1)
    alone = normal_posterior(effect[:, :1], variance[:, :1], shared[:, :1], prior_standard_deviation=0.1)
    assert together.mean[0, 0] == pytest.approx(alone.mean.item())
    assert together.ci_lower[0, 0] == pytest.approx(alone.ci_lower.item())
    assert np.isnan(together.mean[0, 1])
    assert np.isnan(together.probability_best).all()
