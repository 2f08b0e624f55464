"""Intervals cover as often as they say, and refuters find what was planted; every seed is fixed."""

import numpy as np
import pytest
from scipy import stats

from lifthouse.causal.doubly_robust import Nuisances, aipw, cross_fit_outcomes, double_machine_learning
from lifthouse.causal.matching import matching, stratification
from lifthouse.causal.propensity import assign_folds, cross_fit
from lifthouse.causal.regression import regression
from lifthouse.causal.weighting import ESTIMANDS, ipw

SETS = 300
UNITS = 1000
# With 300 intervals of 95%, fewer than so many or more than so many that cover come by chance once in a thousand times.
BOUNDS = stats.binom.ppf([0.0005, 0.9995], SETS, 0.95)


def draw(random, units=UNITS):
    """Units whose chance of treatment and outcome are known; the effect is 1 + 0.5 x."""
    design = random.normal(size=(units, 3))
    scores = 1 / (1 + np.exp(-0.7 * design[:, 0] + 0.5 * design[:, 1]))
    treated = random.random(units) < scores
    base, gain = design @ [1.0, 0.5, -0.5], 1 + 0.5 * design[:, 0]
    return design, scores, treated, base, gain, base + gain * treated + random.normal(size=units)


def truths():
    _, scores, _, _, gain, _ = draw(np.random.default_rng(0), 2_000_000)
    weights = {"ate": np.ones(len(scores)), "att": scores, "ato": scores * (1 - scores)}
    return {estimand: float(np.average(gain, weights=weights[estimand])) for estimand in ESTIMANDS}


@pytest.fixture(scope="module")
def simulated():
    """Whether each estimator's interval covers, by set: {name: [bool]}."""
    expected = truths()
    covers: dict[str, list[bool]] = {}

    def note(name, estimate, estimand):
        lower, upper = estimate.interval(0.95)
        covers.setdefault(name, []).append(lower < expected[estimand] < upper)

    for seed in range(SETS):
        design, _, treated, _, _, outcome = draw(np.random.default_rng(1000 + seed))
        folds = assign_folds(treated, seed=seed)
        fitted = cross_fit(design, treated, folds, seed=seed, learners=("logistic",)).scores
        nuisances = cross_fit_outcomes(
            design, treated, outcome, fitted, folds, seed=seed, learners=(("linear",), ("linear",))
        )
        constant = np.full(UNITS, treated.mean())
        # One nuisance knows nothing: the mean of each arm, or everybody's chance.
        blind = Nuisances(
            fitted,
            np.full(UNITS, outcome[~treated].mean()),
            np.full(UNITS, outcome[treated].mean()),
            nuisances.learners,
        )
        unweighted = Nuisances(constant, nuisances.untreated, nuisances.treated, nuisances.learners)
        for estimand in ESTIMANDS:
            note(f"ipw {estimand}", ipw(design, treated, outcome, estimand), estimand)
            note(f"aipw {estimand}", aipw(design, treated, outcome, nuisances, estimand), estimand)
            note(f"dml {estimand}", double_machine_learning(design, treated, outcome, nuisances, estimand), estimand)
        for estimand in ("ate", "att"):
            of_treated = estimand == "att"
            note(f"regression {estimand}", regression(design, treated, outcome, of_treated=of_treated), estimand)
            note(f"matching {estimand}", matching(design, treated, outcome, of_treated=of_treated), estimand)
            note(f"aipw {estimand}, outcomes wrong", aipw(design, treated, outcome, blind, estimand), estimand)
            note(f"aipw {estimand}, scores wrong", aipw(design, treated, outcome, unweighted, estimand), estimand)
        many = stratification(design, treated, outcome, of_treated=False, strata=20)
        note("stratification ate", many, "ate")
    return covers


CASES = [
    *(f"{estimator} {estimand}" for estimator in ("ipw", "aipw", "dml") for estimand in ESTIMANDS),
    *(f"{estimator} {estimand}" for estimator in ("regression", "matching") for estimand in ("ate", "att")),
    *(f"aipw {estimand}, {what} wrong" for estimand in ("ate", "att") for what in ("outcomes", "scores")),
    "stratification ate",
]


@pytest.mark.parametrize("name", CASES)
def test_intervals_cover_as_often_as_they_say(simulated, name):
    lower, upper = BOUNDS
    assert lower <= sum(simulated[name]) <= upper, f"{sum(simulated[name])} of {SETS} cover"


@pytest.mark.parametrize("of_treated", [False, True])
def test_matching_covers_where_an_arm_is_rare_and_tails_are_heavy(of_treated):
    """About 40 treated of 1,000: the correction for estimated scores may come out larger than the variance."""
    covered = 0
    for seed in range(SETS):
        random = np.random.default_rng(seed)
        design = random.standard_t(2.5, size=(UNITS, 3))
        design /= design.std(axis=0)
        treated = random.random(UNITS) < 1 / (1 + np.exp(-0.7 * design[:, 0]) * 30)
        outcome = design @ [1.0, 0.75, 0.5] + treated + random.normal(size=UNITS)
        estimate = matching(design, treated, outcome, of_treated=of_treated)
        assert estimate.reason is None
        lower, upper = estimate.interval(0.95)
        covered += lower < 1 < upper
    assert BOUNDS[0] <= covered <= BOUNDS[1], f"{covered} of {SETS} cover"
