"""`fct_bandit_allocations` from a few moments."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lifthouse.bandits.thompson import best_bernoulli
from lifthouse.results.bandits import COLUMNS, bandit_allocations, retired_arms
from lifthouse.results.registry import Registry

ARMS = ("a", "b", "c")


def registry(role="primary", kind="mean", *, is_proportion=True, direction="increase", blocked=()):
    experiments = pd.DataFrame({"experiment_id": ["x"], "assignment": ["randomised"], "planned_units": [np.nan]})
    variants = pd.DataFrame(
        {"experiment_id": "x", "variant_id": ARMS, "is_control": [True, False, False], "expected_share": 1 / 3}
    )
    metrics = pd.DataFrame(
        {
            "experiment_id": ["x"],
            "metric_name": ["m"],
            "role": [role],
            "kind": [kind],
            "direction": [direction],
            "is_proportion": [is_proportion],
        }
    )
    stopped = pd.DataFrame({"experiment_id": list(blocked), "reason": "blocked: sample ratio"})
    return Registry.from_tables(experiments, variants, metrics, stopped)


def moments(*arms, segment=("all", "all"), day=1, squares=None):
    """One row per arm of (name, units, sum); a unit's value is 0 or 1 unless squares are given."""
    return pd.DataFrame(
        [
            {
                "experiment_id": "x",
                "metric_name": "m",
                "variant_id": name,
                "dimension": segment[0],
                "segment": segment[1],
                "activity_date": pd.Timestamp("2026-03-01") + pd.Timedelta(days=day - 1),
                "count_units": units,
                "value_names": ["numerator"],
                "pivots": [0.0],
                "sums": [float(total)],
                "products": [float(total if squares is None else squares[at])],
            }
            for at, (name, units, total) in enumerate(arms)
        ]
    )


GOOD = moments(("a", 100, 10), ("b", 100, 14), ("c", 200, 22))


def test_proportions_are_matched_exactly():
    rows = bandit_allocations(GOOD, registry(), floor=0.0)
    assert rows["share"].tolist() == pytest.approx(best_bernoulli([10, 14, 22], [90, 86, 178]).tolist(), abs=1e-12)
    assert rows["reward"].eq("bernoulli").all()
    assert rows["current_share"].tolist() == [0.25, 0.25, 0.5]
    assert rows["reason"].isna().all()


def test_floor_top_two_and_direction():
    lopsided = moments(("a", 1000, 100), ("b", 1000, 200), ("c", 1000, 120))
    rows = bandit_allocations(lopsided, registry())
    assert rows["share"].tolist() == pytest.approx([0.05, 0.9, 0.05], abs=1e-6)
    rows = bandit_allocations(lopsided, registry(), floor=0.9)
    assert rows["share"].tolist() == pytest.approx([1 / 3] * 3)
    rows = bandit_allocations(lopsided, registry(), method="top_two", floor=0.0)
    assert rows["share"].iloc[1] == pytest.approx(0.5, abs=1e-3)
    assert rows["share"].iloc[2] > rows["share"].iloc[0]
    rows = bandit_allocations(lopsided, registry(direction="decrease"))
    assert rows["share"].idxmax() == 0


def test_means_have_a_t_distribution():
    two = moments(("a", 10, 20), ("b", 10, 30), ("c", 1000, 0), squares=[130, 180, 10])
    rows = bandit_allocations(two, registry(is_proportion=False), floor=0.0)
    assert rows["reward"].eq("normal").all()
    assert rows["mean"].tolist() == [2.0, 3.0, 0.0]
    draws = np.stack(
        [stats.t(9, mean, error).rvs(400_000, random_state=at) for at, (mean, error) in enumerate([(2, 1), (3, 1)])]
    )
    assert rows["probability_best"].iloc[1] == pytest.approx((draws[1] > draws[0].clip(min=0)).mean(), abs=5e-3)


def test_a_good_week_is_no_good_arm():
    """All arms earn .1 and then .3; b got most of its units in the good week, and looks best without weighting."""
    weeks = [
        (("a", 4500, 450), ("b", 500, 50), ("c", 4500, 450)),
        (("a", 500, 150), ("b", 4500, 1350), ("c", 500, 150)),
    ]
    phases = [moments(*arms, segment=("phase", f"week_{at}"), day=1 + 7 * at) for at, arms in enumerate(weeks)]
    whole = [moments(*arms, day=1 + 7 * at) for at, arms in enumerate(weeks)]
    rows = bandit_allocations(pd.concat([*whole, *phases]), registry())
    every = sum(units for arms in weeks for _, units, _ in arms)
    expected = (9500 * 0.1 + 5500 * 0.3) / every
    assert rows["mean"].tolist() == pytest.approx([expected] * 3)
    assert rows["probability_best"].max() < 0.45
    assert rows["reward"].eq("normal").all()


def in_phases(*arms_by_phase, squares=None):
    """Phases one after the other, a week each, and all units besides."""
    return pd.concat(
        moments(*arms, segment=segment, day=1 + 7 * at, squares=squares)
        for at, arms in enumerate(arms_by_phase)
        for segment in (("all", "all"), ("phase", f"week_{at}"))
    )


def test_a_phase_that_lacks_an_arm_is_left_out():
    """Arm c is new in the second week; before it a and b had other means, which say nothing against c."""
    second = (("a", 300, 30), ("b", 300, 60), ("c", 300, 90))
    for last_of_first in ((), (("c", 1, 1),)):
        first = (("a", 500, 450), ("b", 500, 450), *last_of_first)
        rows = bandit_allocations(in_phases(first, second), registry(), floor=0.0)
        assert rows["mean"].tolist() == pytest.approx([0.1, 0.2, 0.3])
        alone = bandit_allocations(moments(*second), registry(is_proportion=False), floor=0.0)
        assert rows["probability_best"].tolist() == pytest.approx(alone["probability_best"].tolist(), abs=1e-4)


def test_a_retired_arm_has_no_share_and_decides_nothing_of_the_others():
    """Arm b was the best of the first week and gets nothing in the second, in which a and c changed places."""
    first, second = (("a", 500, 50), ("b", 500, 450), ("c", 500, 100)), (("a", 500, 300), ("c", 500, 100))
    rows = bandit_allocations(in_phases(first, second), registry(), retired={("x", "b")}, floor=0.1)
    rows = rows.set_index("variant_id")
    two_weeks_and_arms = in_phases((first[0], first[2]), second)
    alone = bandit_allocations(two_weeks_and_arms, registry(), retired={("x", "b")}, floor=0.1).set_index("variant_id")
    assert rows.loc["b", ["reason", "count_units"]].tolist() == ["retired", 500]
    assert rows.loc["b", ["share", "probability_best", "mean"]].isna().all()
    assert rows["current_share"].tolist() == pytest.approx([0.4, 0.4, 0.2])
    compared = ["mean", "standard_error", "probability_best", "share", "reward", "reason"]
    pd.testing.assert_frame_equal(rows.loc[["a", "c"], compared], alone.loc[["a", "c"], compared])
    assert rows["share"].tolist() == pytest.approx([0.9, 0.1, np.nan], nan_ok=True)


@pytest.mark.parametrize("known", [GOOD, in_phases((("b", 9, 0),), (("a", 9, 0), ("b", 9, 0)))])
def test_the_last_arm_gets_everything(known):
    rows = bandit_allocations(known, registry(), retired={("x", "a"), ("x", "c")}).set_index("variant_id")
    assert rows["share"].to_dict() == pytest.approx({"a": np.nan, "b": 1, "c": np.nan}, nan_ok=True)
    assert rows["reason"].fillna("").to_dict() == {"a": "retired", "b": "", "c": "retired"}


def test_arms_without_a_share_in_the_last_phase_are_retired():
    phases = pd.DataFrame(
        [
            ("x", "one", "a", 0.5, "2026-03-01"),
            ("x", "one", "b", 0.5, "2026-03-01"),
            ("x", "two", "a", 1.0, "2026-03-08"),
            ("x", "two", "c", 0.0, "2026-03-08"),
            ("begun", "one", "a", 1.0, "2026-03-01"),
            ("begun", "all", "b", 0.0, "2026-03-01"),
            ("observed", "all", "a", np.nan, "2026-03-01"),
        ],
        columns=["experiment_id", "phase_id", "variant_id", "expected_share", "started_at"],
    )
    retired = retired_arms(phases.assign(started_at=pd.to_datetime(phases["started_at"])))
    assert retired == {("x", "b"), ("x", "c"), ("begun", "b")}


def test_a_phase_without_variance_counts():
    rows = bandit_allocations(
        in_phases((("a", 100, 0), ("b", 100, 0), ("c", 100, 0)), (("a", 100, 10), ("b", 100, 20), ("c", 100, 30))),
        registry(),
    )
    assert rows["mean"].tolist() == pytest.approx([0.05, 0.1, 0.15])
    assert rows["reason"].isna().all()


@pytest.mark.parametrize(
    ("rows", "options", "reason"),
    [
        (
            in_phases((("a", 100, 10), ("b", 100, 14)), (("a", 100, 10), ("b", 100, 14), ("c", 1, 0))),
            {},
            "no_phase_with_all_arms",
        ),
        (moments(("a", 9, 9), ("b", 9, 9), ("c", 9, 9)), {"is_proportion": False}, "zero_variance"),
        (GOOD, {"role": "secondary"}, "no_primary_metric"),
        (GOOD.head(0), {}, "no_units"),
        (GOOD.head(0), {"kind": "quantile"}, "no_reward_of_a_unit"),
        (GOOD, {"blocked": ["x"]}, "blocked: sample ratio"),
        (GOOD.head(2), {"is_proportion": False}, "too_few_units"),
    ],
)
def test_without_a_share_there_is_a_reason(rows, options, reason):
    found = bandit_allocations(rows, registry(**options))
    assert list(found) == list(COLUMNS)
    assert found["reason"].tolist() == [reason] * 3
    assert found["share"].isna().all()


def test_a_proportion_without_units_is_explored():
    rows = bandit_allocations(GOOD.head(2), registry())
    assert rows["share"].iloc[2] > 0.8
