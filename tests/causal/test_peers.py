"""Estimators agree with statsmodels where it has the same one."""

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.treatment.treatment_effects import TreatmentEffect

from lifthouse.causal.doubly_robust import Nuisances, aipw
from lifthouse.causal.regression import difference_in_means, regression
from lifthouse.causal.weighting import ipw


@pytest.fixture(scope="module")
def units():
    random = np.random.default_rng(7)
    design = random.normal(size=(3000, 3))
    scores = 1 / (1 + np.exp(-0.8 * design[:, 0] + 0.5 * design[:, 1]))
    treated = random.random(3000) < scores
    outcome = design @ [1.0, 2.0, -1.0] + treated * (1 + 0.5 * design[:, 0]) + random.normal(size=3000)
    return design, treated, outcome


def test_difference_in_means_is_welch(units):
    _, treated, outcome = units
    ours = difference_in_means(treated, outcome)
    theirs = sm.stats.CompareMeans(sm.stats.DescrStatsW(outcome[treated]), sm.stats.DescrStatsW(outcome[~treated]))
    np.testing.assert_allclose(ours.interval(0.95), theirs.tconfint_diff(usevar="unequal"), rtol=1e-9)


@pytest.mark.parametrize("of_treated", [False, True])
def test_regression_is_interacted_least_squares(units, of_treated):
    design, treated, outcome = units
    whom = treated if of_treated else np.ones(3000, bool)
    centred = design - design[whom].mean(axis=0)
    columns = np.column_stack([treated, centred, treated[:, None] * centred])
    theirs = sm.OLS(outcome, sm.add_constant(columns)).fit(cov_type="HC2")
    ours = regression(design, treated, outcome, of_treated=of_treated)
    sampled = (centred[whom] @ theirs.params[5:]).var() / whom.sum()
    assert ours.estimate == pytest.approx(theirs.params[1], rel=1e-9)
    assert ours.standard_error**2 - sampled == pytest.approx(theirs.bse[1] ** 2, rel=1e-9)


@pytest.mark.parametrize("estimand", ["ate", "att"])
def test_ipw_and_its_error(units, estimand):
    design, treated, outcome = units
    with_constant = sm.add_constant(design)
    scores = sm.Logit(treated.astype(float), with_constant).fit(disp=0, tol=1e-12)
    model = sm.OLS(outcome, with_constant)
    peer = TreatmentEffect(model, treated.astype(float), results_select=scores)
    theirs = peer.ipw(effect_group="all" if estimand == "ate" else 1)
    ours = ipw(design, treated, outcome, estimand)
    assert ours.estimate == pytest.approx(theirs.results_gmm.params[0], rel=1e-6)
    assert ours.standard_error == pytest.approx(theirs.results_gmm.bse[0], rel=5e-3)


def test_aipw_on_the_same_nuisances(units):
    design, treated, outcome = units
    with_constant = sm.add_constant(design)
    scores = sm.Logit(treated.astype(float), with_constant).fit(disp=0, tol=1e-12)
    expected = [sm.OLS(outcome[arm], with_constant[arm]).fit().predict(with_constant) for arm in (~treated, treated)]
    peer = TreatmentEffect(sm.OLS(outcome, with_constant), treated.astype(float), results_select=scores).aipw()
    ours = aipw(design, treated, outcome, Nuisances(scores.predict(), *expected, ("linear", "linear")), "ate")
    # Theirs doesn't normalise the residuals' weights.
    assert ours.estimate == pytest.approx(peer.results_gmm.params[0], abs=0.05 * ours.standard_error)
    assert ours.standard_error == pytest.approx(peer.results_gmm.bse[0], rel=0.02)
