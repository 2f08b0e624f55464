"""Group-sequential boundaries: a peer's, tables', and their error by simulation."""

import numpy as np
import pytest
from scipy import stats

from lifthouse.statistics.comparison import compare
from lifthouse.statistics.group_sequential import (
    group_sequential_boundaries,
    infer_group_sequential,
    spent_error,
)
from lifthouse.statistics.moments import Moments


def test_spotify_group_sequential():
    """spotify/confidence@e1f8a49291a0 tests/frequentist/test_bounds.py, with more units than planned."""
    units = np.array([100, 190, 270, 340]) + np.array([150, 260, 360, 470])
    boundaries = group_sequential_boundaries((units / units.max()).tolist(), alpha=0.01, spending="quadratic")
    assert 2 * stats.norm.sf(boundaries) == pytest.approx([0.0009526, 0.00241208, 0.00409652, 0.00636134], abs=1e-6)
    assert boundaries == pytest.approx([3.30416465, 3.03415843, 2.8706323, 2.72855038], abs=1e-4)


@pytest.mark.parametrize(
    ("spending", "expected"),
    [  # R's ldbounds and gsDesign print these for five even looks, two-sided .05.
        ("obrien_fleming", [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ("pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
def test_boundaries_of_tables(spending, expected):
    boundaries = group_sequential_boundaries([0.2, 0.4, 0.6, 0.8, 1.0], spending=spending)
    assert boundaries == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock", "quadratic"])
def test_all_looks_together_spend_alpha(spending):
    runs, looks = 40_000, 30
    rng = np.random.default_rng(11)
    paths = rng.normal(size=(runs, looks)).cumsum(axis=1) / np.sqrt(np.arange(1, looks + 1))
    boundaries = group_sequential_boundaries((np.arange(1, looks + 1) / looks).tolist(), spending=spending)
    rejected = (np.abs(paths) > boundaries).any(axis=1).mean()
    assert rejected == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / runs))
    assert (np.abs(paths) > 1.96).any(axis=1).mean() > 0.25  # What looking every day without them does.


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
@pytest.mark.parametrize("increment", [1e-3, 1e-4, 1e-5, 1e-6])
def test_a_look_with_little_news_changes_little(spending, increment):
    with_it = group_sequential_boundaries([0.5, 0.5 + increment, 1.0], spending=spending)
    without = group_sequential_boundaries([0.5, 1.0], spending=spending)
    assert with_it[0] == without[0]
    assert with_it[1] > without[0]
    assert -1e-6 < with_it[2] - without[1] < 1e-3


def test_many_looks_with_little_news_keep_the_error():
    runs = 100_000
    shares = np.concatenate([0.5 + 2e-5 * np.arange(30), [0.8], 0.8 + 1e-5 * np.arange(1, 30), [1.0]])
    steps = np.sqrt(np.diff(shares, prepend=0.0))
    rng = np.random.default_rng(13)
    path, rejected = np.zeros(runs), np.zeros(runs, dtype=bool)
    boundaries = group_sequential_boundaries(shares.tolist(), spending="pocock")
    for share, step, boundary in zip(shares, steps, boundaries, strict=True):
        path += step * rng.normal(size=runs)
        rejected |= np.abs(path) > boundary * np.sqrt(share)
    assert rejected.mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / runs))


@pytest.mark.parametrize("came_at", [0.5, 1.0, 1.5])
def test_looks_at_an_arm_that_came_later_begin_with_it(came_at):
    """Two looks of its own, after two days without it, be they within the plan or beyond."""
    count = np.array([100.0, 200.0, 300.0, 400.0])
    late = np.array([0.0, 0.0, 100.0, 200.0])
    control = Moments.from_sums(count, np.zeros((4, 1)), count[:, None])
    treatment = Moments.from_sums(late, np.zeros((4, 1)), late[:, None])
    information = came_at + np.array([-0.25, 0.0, 0.25, 0.5])
    effect = infer_group_sequential(compare(control, treatment), information)
    reach = (effect.absolute_ci_upper - effect.absolute_effect) / effect.standard_error
    assert reach[2:].tolist() == pytest.approx(group_sequential_boundaries([0.25, 0.5]).tolist())
    assert np.isnan(reach[:2]).all()


@pytest.mark.parametrize(
    ("came_at", "ended_at", "error"),
    [
        # What docs/inference.md says of looks beyond the plan.
        (0.0, 1.0, 0.05),
        (0.0, 1.1, 0.06),
        (0.0, 1.25, 0.07),
        (0.0, 1.5, 0.085),
        # An arm that came later has a plan of its own.
        (0.5, 1.5, 0.05),
        (1.0, 2.0, 0.05),
    ],
)
def test_the_error_grows_with_the_looks_beyond_the_plan(came_at, ended_at, error):
    runs, looks = 40_000, round(20 * ended_at)
    information = np.arange(1, looks + 1) / 20
    count = 1000 * information
    late = count - 1000 * came_at
    is_there = late > 0
    rng = np.random.default_rng(17)
    steps = rng.normal(size=(runs, is_there.sum()))
    paths = np.abs(steps.cumsum(axis=1)) / np.sqrt(np.arange(1, is_there.sum() + 1))
    rejected = np.zeros(runs, bool)
    for look in range(is_there.sum()):
        so_far = slice(None, looks - is_there.sum() + look + 1)
        arms = [
            Moments.from_sums(units, np.zeros((len(units), 1)), units[:, None])
            for units in (count[so_far], np.maximum(late[so_far], 0.0))
        ]
        effect = infer_group_sequential(compare(*arms), information[so_far])
        reach = (effect.absolute_ci_upper - effect.absolute_effect) / effect.standard_error
        rejected |= paths[:, look] > reach[-1]
    assert rejected.mean() == pytest.approx(error, abs=0.006)


def test_one_verdict_and_days_without_units_share_a_look():
    count = np.array([100.0, 200.0, 200.0, 400.0])
    control = Moments.from_sums(count, np.zeros((4, 1)), count[:, None], pivot=5)
    treatment = Moments.from_sums(count, (0.3 * count)[:, None], (1.09 * count)[:, None], pivot=5)
    effect = infer_group_sequential(compare(control, treatment), 2 * count / 1000)
    assert effect.standard_error[1] == effect.standard_error[2]
    assert effect.absolute_ci_lower[1] == effect.absolute_ci_lower[2]
    verdicts = np.stack([effect.p_value < 0.05, effect.absolute_ci_lower > 0, effect.relative_ci_lower > 0])
    assert (verdicts == verdicts[0]).all()
    assert effect.is_significant.tolist() == [False, False, False, True]


def test_bad_plans():
    with pytest.raises(ValueError, match=r"must grow from look to look"):
        group_sequential_boundaries([0.5, 0.5])
    with pytest.raises(ValueError, match=r"fractions reach from 0.0 to 1.0, must be > 0 and <= 1"):
        spent_error([0.0, 1.0])
