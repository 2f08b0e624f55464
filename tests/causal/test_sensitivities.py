"""How strong a hidden confounder must be to undo an effect: published numbers, and what is known by construction."""

import numpy as np
import pandas as pd
import pytest

from lifthouse.causal.estimates import CausalEstimate
from lifthouse.causal.sensitivity import (
    approximate_risk_ratio,
    e_value,
    matched_differences,
    robustness,
    rosenbaum_gamma,
)
from lifthouse.results.sensitivities import sensitivity_rows
from lifthouse.results.treatment_effects import Sample


@pytest.mark.parametrize(("estimand", "without"), [("ate", 0.3), ("att", 0.42)])
def test_e_value_of_a_proportion_is_of_those_whose_effect_it_is(estimand, without):
    """Who is likely to come back chooses the treatment: of the untreated 18% do, of all without it 30% would."""
    random = np.random.default_rng(6)
    loyal = random.random(20_000) < 0.5
    treated = random.random(20_000) < np.where(loyal, 0.8, 0.2)
    returned = (random.random(20_000) < np.where(loyal, 0.5, 0.1) + 0.1 * treated).astype(float)
    assert returned[~treated].mean() == pytest.approx(0.18, abs=0.01)
    unused = np.zeros(20_000)
    sample = Sample(loyal[:, None].astype(float), treated, returned, np.where(loyal, 0.8, 0.2), unused, unused)
    estimate = CausalEstimate(0.1, 0.01, 1.0)
    told = sensitivity_rows(sample, estimate, ["loyal"], 0, estimand=estimand, is_proportion=True, confidence=0.95)
    found = next(row for row in told if row["refuter"] == "e_value")
    assert found["statistic"] == pytest.approx(e_value(1 + 0.1 / without), rel=0.02)


def test_e_value_of_a_number_is_of_its_spread_within_arms():
    """Two standard deviations of a unit are two, though they set the arms apart."""
    random = np.random.default_rng(7)
    treated, unused = np.arange(20_000) % 2 == 0, np.zeros(20_000)
    outcome = random.normal(size=20_000) + 2 * treated
    sample = Sample(random.normal(size=(20_000, 1)), treated, outcome, np.full(20_000, 0.5), unused, unused)
    estimate = CausalEstimate(2.0, 0.1, 1.0)
    told = sensitivity_rows(sample, estimate, ["noise"], 0, estimand="ate", is_proportion=False, confidence=0.95)
    found = next(row for row in told if row["refuter"] == "e_value")
    assert found["statistic"] == pytest.approx(e_value(np.exp(0.91 * 2)), rel=0.03)


@pytest.mark.parametrize("effect", [900.0, -900.0, 5e5])
def test_an_effect_of_hundreds_of_deviations_has_no_e_value(effect):
    assert np.isnan(approximate_risk_ratio(effect, 0.0, 1.0, is_proportion=False))


def test_published_sensitivities():
    """VanderWeele and Ding's examples; Cinelli and Hazlett's formula on statsmodels' fit."""
    for ratio, published in ((3.9, 7.26), (1.8, 3.0), (0.8, 1.81), (0.91, 1.43)):
        assert e_value(ratio) == pytest.approx(published, abs=0.005)
    random = np.random.default_rng(3)
    design = random.normal(size=(783, 2))
    treated = random.random(783) < 1 / (1 + np.exp(-design[:, 0]))
    outcome = design @ [0.5, 0.2] + 0.3 * treated + random.normal(size=783)
    import statsmodels.api as sm  # noqa: PLC0415

    fit = sm.OLS(outcome, sm.add_constant(np.column_stack([treated, design]))).fit()
    f = abs(fit.tvalues[1]) / np.sqrt(fit.df_resid)
    assert robustness(design, treated, outcome).robustness_value == pytest.approx(
        0.5 * (np.sqrt(f**4 + 4 * f**2) - f**2), rel=1e-9
    )


def test_hidden_bias_bound_is_rosenbaums():
    """Lead in the blood of 33 children of exposed workers and of their neighbours: table 4.1, one-sided."""
    exposed = [38, 23, 41, 18, 37, 36, 23, 62, 31, 34, 24, 14, 21, 17, 16, 20, 15, 10, 45, 39, 22, 35, 49, 48, 44]
    exposed += [35, 43, 39, 34, 13, 73, 25, 27]
    others = [16, 18, 18, 24, 19, 11, 10, 15, 16, 18, 18, 13, 19, 10, 16, 16, 24, 13, 9, 14, 21, 19, 7, 18, 19]
    others += [12, 11, 22, 25, 16, 13, 11, 13]
    differences = np.subtract(exposed, others).astype(float)
    for gamma, p_value in ((2, 0.0018), (3, 0.0136), (4, 0.0388), (4.25, 0.0468), (5, 0.0740)):
        assert rosenbaum_gamma(differences, alpha=2 * p_value) == pytest.approx(gamma, abs=0.01)


def test_hidden_bias_bound_is_where_the_signed_rank_test_gives_way():
    differences = np.random.default_rng(5).normal(0.5, 1, 200)
    gamma = rosenbaum_gamma(differences)
    ranks = pd.Series(np.abs(differences)).rank().to_numpy()
    chance = gamma / (1 + gamma)
    z = (ranks[differences > 0].sum() - chance * ranks.sum()) / np.sqrt(chance * (1 - chance) * (ranks**2).sum())
    assert z == pytest.approx(1.959964, abs=1e-4)
    assert rosenbaum_gamma(-differences, sign=-0.1) == gamma
    assert rosenbaum_gamma(np.array([1.0, -1.1, 0.9, -1.0])) == 1.0


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4])
def test_pairs_of_like_units_show_no_effect_where_there_is_none(share):
    """What drives the choice drives the outcome: pairs whose untreated unit always scores lower would show it."""
    bounds, means = [], []
    for seed in range(8):
        random = np.random.default_rng(seed)
        design = random.normal(size=(3000, 2))
        driver = design.sum(axis=1)
        treated = random.random(3000) < 1 / (1 + np.exp(-driver) * (1 / share - 1))
        outcome = 2 * driver + random.normal(size=3000)
        differences = matched_differences(design, treated, outcome, most_pairs=3000, seed=seed)
        assert len(differences) > 0.6 * treated.sum()
        bounds.append(rosenbaum_gamma(differences))
        means.append(differences.mean())
    assert max(bounds) < 1.1
    assert abs(np.mean(means)) < 0.1


def test_pairs_that_speak_for_the_other_sign_bear_no_bias_at_all():
    """The mean effect is above zero because of a few; of most units it is below."""
    differences = np.concatenate([np.full(20, 100.0), np.full(180, -1.0)])
    assert differences.mean() > 0
    assert rosenbaum_gamma(differences, sign=-1) > 1
    assert rosenbaum_gamma(differences, sign=1) == 1.0
