"""Always-valid inference: the peer's numbers, one verdict, and the error rate of somebody who looks every day."""

import numpy as np
import pytest
from scipy import stats

from lifthouse.statistics.comparison import compare
from lifthouse.statistics.conventions import delta_relative
from lifthouse.statistics.effects import infer
from lifthouse.statistics.moments import Moments
from lifthouse.statistics.sequential import always_valid_critical_value, infer_always_valid, mixture_scale
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
