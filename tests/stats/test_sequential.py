"""Always-valid inference: the peer's numbers, one verdict, and the error rate of somebody who looks every day."""

import numpy as np
import pytest
from scipy import integrate, stats

from lifthouse.statistics.comparison import compare
from lifthouse.statistics.conventions import delta_relative
from lifthouse.statistics.effects import infer
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.sequential import (
    always_valid_critical_value,
    infer_always_valid,
    infer_by_probability_ratio,
    mixture_scale,
)
from tests.stats.peer_inputs import mean_arm, proportion_arm


def test_gb_seq_rho():
    assert mixture_scale(5000).item() == pytest.approx(0.03984006677137368, abs=1e-12)


@pytest.mark.parametrize(
    ("arms", "expected_units", "interval", "tolerance"),
    [
        ((mean_arm(3000, 1396.87, 52377.9767), mean_arm(3461, 2422.7, 134698.29)), 1000, (-0.55844, 1.56516), 1e-5),
        (
            (
                proportion_arm(3000, 1396).with_population_covariance(),
                proportion_arm(3461, 2422).with_population_covariance(),
            ),
            5000,
            (0.40098, 0.60675),
            1e-5,
        ),
        ((mean_arm(100, 270, 848.79), mean_arm(120, 300, 869)), 600, (-0.233322085, None), 1e-8),
    ],
)
def test_gb_seq_intervals_of_the_lift(arms, expected_units, interval, tolerance):
    """GrowthBook's sequence around the lift, by our critical value and the delta method; ours are Fieller's."""
    comparison = compare(*arms)
    lift = delta_relative(comparison)
    critical = always_valid_critical_value(
        comparison.count_control + comparison.count_treatment, mixture_scale(expected_units)
    )

    bounds = (
        lift.relative_effect - critical * lift.standard_error,
        lift.relative_effect + critical * lift.standard_error,
    )

    for bound, expected in zip(bounds, interval, strict=True):
        assert expected is None or bound.item() == pytest.approx(expected, abs=tolerance)


def test_gb_seq_p_value():
    """GrowthBook's always-valid p-value, of the lift; ours is of the difference."""
    comparison = compare(mean_arm(100, 270, 848.79), mean_arm(120, 300, 869))
    lift = delta_relative(comparison)
    spread = 220 * mixture_scale(600) ** 2
    statistic = lift.relative_effect / lift.standard_error

    p_value = np.sqrt(spread + 1) * np.exp(-(statistic**2) / (2 * (1 + 1 / spread)))

    assert p_value.item() == pytest.approx(0.892332229, abs=1e-8)
    assert infer_always_valid(comparison, 600).p_value.item() > 0.5


def test_p_value_and_both_intervals_give_one_verdict():
    rng = np.random.default_rng(3)
    values = rng.exponential(size=(2, 2000, 300)) * np.array([1.0, 1.25])[:, None, None]
    comparison = compare(*(Moments.from_values(arm[:, :, None]) for arm in values))

    effect = infer_always_valid(comparison, 600)

    relative = (effect.relative_ci_lower > 0) | (effect.relative_ci_upper < 0)
    assert 0.1 < effect.is_significant.mean() < 0.9
    assert (effect.is_significant == (effect.p_value < 0.05)).all()
    assert (effect.is_significant == relative).all()


@pytest.mark.parametrize("draw", ["normal", "exponential"])
def test_looking_every_day_keeps_the_error_rate(draw):
    """30 looks at a true null: at most alpha for the sequence; naive looks reject several times as often."""
    rng = np.random.default_rng(11)
    runs, looks, daily = 2000, 30, 40
    sequence, naive = np.zeros(runs, dtype=bool), np.zeros(runs, dtype=bool)
    values = getattr(rng, draw)(size=(2, runs, looks * daily))
    for look in range(3, looks + 1):
        seen = values[:, :, : look * daily]
        comparison = compare(*(Moments.from_values(arm[:, :, None]) for arm in seen))
        sequence |= infer_always_valid(comparison, 2 * looks * daily).is_significant
        naive |= infer(comparison).is_significant

    assert sequence.sum() <= stats.binom.ppf(0.999, runs, 0.05)
    assert naive.mean() > 0.15


def test_one_sided_is_tighter_and_agrees_with_its_p_value():
    """gb_seq_rho: growthbook/growthbook@8f1db4456915 packages/stats/gbstats/frequentist/tests.py::sequential_rho."""
    assert mixture_scale(5000, alternative="greater") == pytest.approx(0.03557768852889753, abs=1e-12)
    arms = (
        Moments.from_sums([500] * 3, [[0.0]] * 3, [[500.0]] * 3),
        Moments.from_sums([500] * 3, [[60.0], [100.0], [150.0]], [[507.2], [520.0], [545.0]]),
    )
    comparison = compare(*arms)
    both, upper = infer_always_valid(comparison, 1000), infer_always_valid(comparison, 1000, alternative="greater")
    assert (upper.absolute_ci_lower > both.absolute_ci_lower).all()
    assert np.isinf(upper.absolute_ci_upper).all()
    assert ((upper.p_value < 0.05) == (upper.absolute_ci_lower > 0)).all()
    lower = infer_always_valid(comparison, 1000, alternative="less")
    assert (lower.p_value == 1).all()


def test_probability_ratio_is_the_mixture_likelihood():
    """The p-value is one over the likelihood of a normal mixture against no effect, integrated here by quadrature."""
    comparison = compare(Moments.from_sums([500], [[0.0]], [[500.0]]), Moments.from_sums([500], [[100.0]], [[520.0]]))
    effect = infer_by_probability_ratio(comparison, 0.1)
    error = effect.standard_error.item()
    likelihood = integrate.quad(
        lambda delta: stats.norm.pdf(0.2, delta, error) * stats.norm.pdf(delta, 0, 0.1), -1, 1, points=[0.2]
    )[0]
    assert effect.p_value.item() == pytest.approx(stats.norm.pdf(0.2, 0, error) / likelihood, rel=1e-8)
    with pytest.raises(ValueError, match=r"smallest effect_scale == 0.0, must be > 0"):
        infer_by_probability_ratio(comparison, 0)


def test_looks_nearly_hold_from_ten_units_of_the_smaller_arm_on():
    """90% and 10% of 100 units a day, of whom 5% convert. With no spread of ten who did not, 16% were wrong."""
    rng = np.random.default_rng(12)
    runs, days = 2000, 40
    converted = np.stack([rng.binomial(90, 0.05, size=(runs, days)), rng.binomial(10, 0.05, size=(runs, days))])
    totals = converted.cumsum(axis=2)
    wrong = np.zeros((runs, days), dtype=bool)
    for day in range(days):
        arms = [
            Moments.from_sums(np.full(runs, (day + 1.0) * size), totals[arm, :, day, None], totals[arm, :, day, None])
            for arm, size in enumerate((90, 10))
        ]
        wrong[:, day] = infer_always_valid(compare(*arms), 100 * days).is_significant

    assert wrong.any(axis=1).sum() <= stats.binom.ppf(0.999, runs, 0.06)
