"""Estimators agree with statsmodels, causalml and EconML where these have the same one."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from causalml.inference.meta import BaseDRRegressor
from causalml.match import NearestNeighborMatch
from econml.dml import LinearDML
from econml.dr import LinearDRLearner
from sklearn.linear_model import LinearRegression, LogisticRegression
from statsmodels.treatment.treatment_effects import TreatmentEffect

from lifthouse.causal.doubly_robust import Nuisances, aipw, cross_fit_outcomes, double_machine_learning
from lifthouse.causal.matching import CALIPER, logit_scores, matching
from lifthouse.causal.propensity import assign_folds, cross_fit
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


def crossed(units):
    """Cross-fitted nuisances, all of them parametric."""
    design, treated, outcome = units
    folds = assign_folds(treated, seed=1)
    scores = cross_fit(design, treated, folds, seed=1, learners=("logistic",)).scores
    return cross_fit_outcomes(design, treated, outcome, scores, folds, seed=1, learners=(("linear",), ("linear",)))


def test_matching_is_causalmls(units):
    """The same pairs, where no scores tie: its caliper is in standard deviations of the score it is given."""
    design, treated, outcome = units
    frame = pd.DataFrame({"score": logit_scores(design, treated), "treated": treated.astype(int), "outcome": outcome})
    pairs = NearestNeighborMatch(caliper=CALIPER, replace=True, ratio=1, shuffle=False).match(
        frame, "treated", ["score"]
    )
    means = pairs.groupby("treated")["outcome"].mean()
    ours = matching(design, treated, outcome, of_treated=True)
    assert ours.estimate == pytest.approx(means[1] - means[0], abs=1e-9)


def test_doubly_robust_beside_causalmls_learner(units):
    design, treated, outcome = units
    nuisances = crossed(units)
    theirs = BaseDRRegressor(LinearRegression(), control_name=0).estimate_ate(
        X=design, treatment=treated.astype(int), y=outcome, p=nuisances.scores, seed=1
    )
    ours = aipw(design, treated, outcome, nuisances, "ate")
    assert ours.estimate == pytest.approx(float(theirs[0][0]), abs=0.3 * ours.standard_error)


def test_double_machine_learning_is_econmls(units):
    design, treated, outcome = units
    nuisances = crossed(units)
    model = LinearDML(
        model_y=LinearRegression(),
        model_t=LogisticRegression(C=1e3),
        discrete_treatment=True,
        featurizer=None,
        cv=5,
        random_state=1,
    ).fit(outcome, treated.astype(int), X=design)
    ours = double_machine_learning(design, treated, outcome, nuisances, "ate")
    assert ours.estimate == pytest.approx(float(model.ate(design)), abs=0.3 * ours.standard_error)


def test_aipw_is_econmls_doubly_robust_learner(units):
    design, treated, outcome = units
    nuisances = crossed(units)
    model = LinearDRLearner(
        model_propensity=LogisticRegression(C=1e3), model_regression=LinearRegression(), cv=5, random_state=1
    ).fit(outcome, treated.astype(int), X=design)
    ours = aipw(design, treated, outcome, nuisances, "ate")
    assert ours.estimate == pytest.approx(float(model.ate(design)), abs=0.3 * ours.standard_error)
