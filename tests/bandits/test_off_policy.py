"""Values of policies that did not run: by hand, in simulation, and on the Open Bandit data."""

import duckdb
import numpy as np
import pandas as pd
import pytest

from lifthouse.bandits.off_policy import off_policy_value


def test_by_hand():
    ips = off_policy_value(
        [1, 0, 1, 1], [0.5, 0.5, 0.25, 0.25], [0.5, 0.5, 0.5, 0.0], estimator="ips", least_effective_size=1
    )
    snips = off_policy_value([1, 0, 1, 1], [0.5, 0.5, 0.25, 0.25], [0.5, 0.5, 0.5, 0.0], least_effective_size=1)
    # Weights 1, 1, 2, 0.
    assert ips.value == pytest.approx(3 / 4)
    assert snips.value == pytest.approx(3 / 4)
    assert ips.effective_sample_size == pytest.approx(16 / 6)
    assert (ips.mean_weight, ips.max_weight, ips.reason) == (1.0, 2.0, None)
    assert snips.standard_error == pytest.approx(np.sqrt(0.25**2 + 0.75**2 + 4 * 0.25**2) / 4)


def rounds(rng, size=4000):
    """Two contexts and three actions; the log prefers the action that the other policy avoids."""
    context = rng.integers(2, size=size)
    propensity = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])[context]
    target = np.array([[0.1, 0.3, 0.6], [0.5, 0.2, 0.3]])[context]
    rate = np.array([[0.2, 0.4, 0.6], [0.5, 0.1, 0.3]])[context]
    action = (rng.random(size)[:, None] > propensity.cumsum(axis=1)).sum(axis=1).clip(max=2)
    at = np.arange(size)
    reward = rng.binomial(1, rate[at, action])
    return reward, propensity[at, action], target[at, action], rate[at, action], (target * rate).sum(axis=1)


TRUTH = 0.5 * (0.02 + 0.12 + 0.36) + 0.5 * (0.25 + 0.02 + 0.09)


@pytest.mark.parametrize("estimator", ["ips", "snips", "doubly_robust"])
def test_unbiased_and_covering(estimator):
    rng = np.random.default_rng(5)
    values = []
    for _ in range(400):
        reward, propensity, target, predicted, of_target = rounds(rng)
        values.append(
            off_policy_value(
                reward, propensity, target, estimator=estimator, predicted=predicted, predicted_of_target=of_target
            )
        )
    found = np.array([value.value for value in values])
    assert found.mean() == pytest.approx(TRUTH, abs=4 * found.std() / 20)
    assert np.mean([value.ci_lower < TRUTH < value.ci_upper for value in values]) == pytest.approx(0.95, abs=0.035)
    assert np.mean([value.standard_error for value in values]) == pytest.approx(found.std(), rel=0.12)


def test_doubly_robust_stands_either_being_wrong_and_has_less_noise():
    rng = np.random.default_rng(6)
    reward, propensity, target, predicted, of_target = rounds(rng, size=200_000)
    options = {"estimator": "doubly_robust", "largest_weight_error": np.inf}
    wrong_model = off_policy_value(
        reward,
        propensity,
        target,
        predicted=np.full_like(predicted, 0.9),
        predicted_of_target=np.full_like(of_target, 0.9),
        **options,
    )
    wrong_log = off_policy_value(
        reward, np.full_like(propensity, 1 / 3), target, predicted=predicted, predicted_of_target=of_target, **options
    )
    right = off_policy_value(reward, propensity, target, predicted=predicted, predicted_of_target=of_target, **options)
    for value in (wrong_model, wrong_log, right):
        assert value.value == pytest.approx(TRUTH, abs=4 * value.standard_error)
    assert right.standard_error < off_policy_value(reward, propensity, target, estimator="ips").standard_error


def test_hopeless_weights_are_refused():
    few = off_policy_value(np.ones(1000), np.full(1000, 0.01), np.r_[np.ones(5), np.zeros(995)])
    assert few.reason == "effective sample size 5.0 of 1,000 rounds, must be at least 100"
    assert np.isnan([few.value, few.standard_error, few.ci_lower, few.ci_upper]).all()
    wrong = off_policy_value(np.ones(1000), np.full(1000, 0.25), np.full(1000, 0.5))
    assert wrong.reason is not None
    assert wrong.reason.startswith("mean weight 2.000, must be within 4 standard errors")
    never = off_policy_value(np.ones(1000), np.full(1000, 0.5), np.zeros(1000))
    assert never.reason == "effective sample size 0.0 of 1,000 rounds, must be at least 100"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [0.5, 0.0], [0.5, 0.5]), "propensity"),
        (([1, 2], [0.5, 0.5], [0.5, 1.5]), "target"),
        (([1], [0.5, 0.5], [0.5, 0.5]), "shapes"),
        (([], [], []), "shapes"),
        (([np.nan, 2], [0.5, 0.5], [0.5, 0.5]), "reward: must be finite"),
        (([1, -np.inf], [0.5, 0.5], [0.5, 0.5]), "reward: must be finite"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        off_policy_value(*arguments)


def test_doubly_robust_needs_predictions():
    with pytest.raises(ValueError, match="needs predicted"):
        off_policy_value([1, 0], [0.5, 0.5], [0.5, 0.5], estimator="doubly_robust")
    unknown = {"predicted": [0.5, np.nan], "predicted_of_target": [0.5, 0.5]}
    with pytest.raises(ValueError, match="predicted_of_target: must be finite"):
        off_policy_value([1, 0], [0.5, 0.5], [0.5, 0.5], estimator="doubly_robust", **unknown)


@pytest.fixture(scope="module")
def logs(public_data) -> dict[tuple[str, str], pd.DataFrame]:
    frame = duckdb.sql(f"from '{public_data / 'open_bandit_small.parquet'}'").df()
    return {
        (str(campaign), str(policy)): rows
        for (campaign, policy), rows in frame.groupby(["campaign", "behavior_policy"])
    }


def shares_of(policy, log):
    """Share of the log's item among the rounds of a policy at its position."""
    shares = policy.groupby(["position", "item_id"]).size() / policy.groupby("position").size()
    return shares.reindex(list(zip(log["position"], log["item_id"], strict=True))).fillna(0.0).to_numpy()


@pytest.mark.parametrize(
    ("campaign", "ips", "ips_error", "snips", "size"),
    [
        ("men", 0.005656266700835461, 0.0013975995323738805, 0.005739864701951365, 2869.275271787956),
        ("women", 0.0058056917829497874, 0.0012047556431301419, 0.005833036087191038, 3491.957542828274),
    ],
)
def test_open_bandit_random_log_of_thompson(logs, campaign, ips, ips_error, snips, size):
    log = logs[campaign, "random"]
    target = shares_of(logs[campaign, "bts"], log)
    found = off_policy_value(log["click"], log["propensity_score"], target, estimator="ips")
    assert (found.value, found.standard_error) == (pytest.approx(ips, rel=1e-9), pytest.approx(ips_error, rel=1e-9))
    assert found.effective_sample_size == pytest.approx(size, rel=1e-9)
    assert off_policy_value(log["click"], log["propensity_score"], target).value == pytest.approx(snips, rel=1e-9)


def test_open_bandit_thompson_log_of_uniform(logs):
    men, women = logs["men", "bts"], logs["women", "bts"]
    fair = off_policy_value(men["click"], men["propensity_score"], np.full(len(men), 1 / 34))
    assert fair.value == pytest.approx(0.003189423162277403, rel=1e-9)
    assert fair.effective_sample_size == pytest.approx(655.7098495873269, rel=1e-9)
    hopeless = off_policy_value(women["click"], women["propensity_score"], np.full(len(women), 1 / 46))
    assert hopeless.effective_sample_size == pytest.approx(2.077822692483687, rel=1e-6)
    assert hopeless.reason == "effective sample size 2.1 of 10,000 rounds, must be at least 100"
    assert np.isnan(hopeless.value)
