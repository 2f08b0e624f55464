"""Policy values: unbiased, intervals that cover, rules that spend what they may."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lifthouse.uplift.policy import arm_scores, budget_split, policy_value, tier_of, top_share, tree_rule

RUNS = 400


def test_interval_of_a_policy_covers_and_doubly_robust_is_shorter_than_plain() -> None:
    rng = np.random.default_rng(21)
    shares = np.array([0.5, 0.3, 0.2])
    covered, lengths, plain = 0, 0.0, 0.0
    driver = rng.normal(size=2_000_000)
    truth = float((0.4 * driver + 0.1)[driver > 0.5].sum() / len(driver))
    for _ in range(RUNS):
        x = rng.normal(size=1000)
        arm = rng.choice(3, 1000, p=shares)
        outcome = x + np.where(arm == 1, 0.4 * x + 0.1, 0) - 0.3 * (arm == 2) + rng.normal(size=1000)
        # Good models of the outcome, but not perfect ones.
        expected = np.column_stack([0.9 * x, 1.3 * x, 0.9 * x - 0.2])
        chances = np.column_stack([x > 0.5, np.zeros(1000)]).astype(float)
        value = policy_value(arm_scores(outcome, arm, expected, shares), chances)
        covered += value.ci_lower <= truth <= value.ci_upper
        lengths += value.ci_upper - value.ci_lower
        without = policy_value(arm_scores(outcome, arm, np.zeros((1000, 3)), shares), chances)
        plain += without.ci_upper - without.ci_lower
    low, high = stats.binom.ppf([5e-5, 1 - 5e-5], RUNS, 0.95)
    assert low <= covered <= high
    assert lengths < 0.9 * plain


def test_no_model_at_all_is_inverse_probability_weighting() -> None:
    outcome, arm = np.array([1.0, 3.0, 2.0, 0.0]), np.array([0, 1, 1, 0])
    scores = arm_scores(outcome, arm, np.zeros((4, 2)), [0.5, 0.5])
    assert policy_value(scores, np.ones((4, 1))).value == pytest.approx((3 + 2) / 2 - (1 + 0) / 2)


def test_shares_may_differ_between_units() -> None:
    rng = np.random.default_rng(22)
    chance = rng.uniform(0.2, 0.8, 50_000)
    arm = (rng.random(50_000) < chance).astype(int)
    outcome = 2 * chance + 0.5 * arm + rng.normal(size=50_000)
    scores = arm_scores(outcome, arm, np.zeros((50_000, 2)), np.column_stack([1 - chance, chance]))
    value = policy_value(scores, np.ones((50_000, 1)))
    assert abs(value.value - 0.5) < 4 * value.standard_error


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9, 1.0])
def test_budget_is_spent_and_tiers_get_their_split(share: float) -> None:
    ranks = (np.arange(1000) + 0.5) / 1000
    chance = budget_split(ranks, share)
    assert chance.sum() == pytest.approx(share * 1000)
    assert ((chance >= 0) & (chance <= 1)).all()
    by_tier = np.bincount(tier_of(ranks), chance) / chance.sum()
    if share <= 0.2:
        assert by_tier == pytest.approx([0, 0.05, 0.15, 0.3, 0.5])


def test_top_share_keeps_to_the_eligible() -> None:
    chance = top_share([0.9, 0.8, 0.1, 0.2], 0.75, eligible=np.array([True, False, True, False]))
    assert chance.tolist() == [1, 0, 1, 0]


def test_tree_finds_the_rule_and_says_it() -> None:
    rng = np.random.default_rng(23)
    x = rng.normal(size=(4000, 3))
    arm = rng.integers(0, 3, 4000)
    outcome = np.where(arm == 1, 2 * (x[:, 1] > 0), 0) + np.where(arm == 2, 2 * (x[:, 1] <= 0), 0)
    scores = arm_scores(outcome + rng.normal(size=4000), arm, np.zeros((4000, 3)), [1 / 3] * 3)
    rule = tree_rule(
        scores,
        x,
        rng.integers(0, 3, 4000),
        columns=["a", "b", "c"],
        arms=["control", "one", "two"],
        costs=np.array([0.5, 0.5]),
    )
    assert (rule.chances[:, 0] == (x[:, 1] > 0)).mean() > 0.95
    assert (rule.chances[:, 1] == (x[:, 1] <= 0)).mean() > 0.95
    assert all("b" in line for line in rule.text.splitlines())
    assert {line.split(": ")[1] for line in rule.text.splitlines()} == {"one", "two"}


def test_a_rule_of_a_few_units_is_one_for_everybody() -> None:
    gains = np.column_stack([np.zeros(4), np.ones(4)])
    rule = tree_rule(
        gains, np.arange(4.0)[:, None], np.arange(4) % 2, columns=["age"], arms=["no", "yes"], costs=np.zeros(1)
    )
    assert rule.text == "everybody: yes"
    assert rule.chances.tolist() == [[1.0]] * 4


def test_a_rule_takes_numbers_beyond_single_precision() -> None:
    spent = np.where(np.arange(2000) % 4 == 0, 1e39, np.where(np.arange(2000) % 4 == 1, -1e39, 1.0))
    gains = np.column_stack([np.zeros(2000), np.where(spent > 1, 1.0, -1.0)])
    rule = tree_rule(
        gains, spent[:, None], np.arange(2000) % 3, columns=["spent"], arms=["no", "yes"], costs=np.zeros(1), depth=1
    )
    assert (rule.chances[:, 0] == (spent > 1)).all()


def test_a_rule_speaks_of_what_is_not_known() -> None:
    rng = np.random.default_rng(24)
    age = np.where(rng.random(2000) < 0.3, np.nan, rng.normal(40, 10, 2000))
    gains = np.column_stack([np.zeros(2000), np.where(np.isnan(age), 1.0, -1.0)])
    rule = tree_rule(
        gains, age[:, None], np.arange(2000) % 3, columns=["age"], arms=["no", "yes"], costs=np.zeros(1), depth=1
    )
    assert rule.text.splitlines() == ["age is missing: yes", "age is known: no"]


def test_a_rule_says_where_a_cut_is_and_that_what_is_not_known_is_below() -> None:
    days = np.where(np.arange(2000) % 4 == 0, np.nan, 20_000.0 + np.arange(2000))
    late = days > 21_001.5
    gains = np.column_stack([np.zeros(2000), np.where(late, 1.0, np.where(np.isnan(days), -1.1, -1.0))])
    given = {"columns": ["day"], "arms": ["no", "yes"], "costs": np.zeros(1)}
    rule = tree_rule(gains, days[:, None], np.arange(2000) % 3, depth=1, **given)
    assert rule.text.splitlines() == ["(day <= 21001.5 or day is missing): no", "day > 21001.5: yes"]
    deeper = tree_rule(gains, days[:, None], np.arange(2000) % 3, depth=2, **given)
    assert deeper.text.splitlines()[:2] == [
        "(day <= 21001.5 or day is missing) and day is missing: no",
        "(day <= 21001.5 or day is missing) and day is known: no",
    ]


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="smallest share"):
        arm_scores([1.0], [0], [[1.0, 2.0]], [1.0, 0.0])
    with pytest.raises(ValueError, match="must agree"):
        arm_scores([1.0, 2.0], [0], [[1.0, 2.0]], [0.5, 0.5])
