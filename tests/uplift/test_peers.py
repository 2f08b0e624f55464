"""T-, X- and S-learner over the same boosting give the effects that causalml gives."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from causalml.inference import meta

from lifthouse.uplift.learners import Boosting, fit

SETTINGS = Boosting()


def boosting() -> lightgbm.LGBMRegressor:
    return lightgbm.LGBMRegressor(
        n_estimators=SETTINGS.trees,
        learning_rate=SETTINGS.learning_rate,
        num_leaves=SETTINGS.leaves,
        min_child_samples=SETTINGS.units_a_leaf,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.8,
        n_jobs=1,
        random_state=SETTINGS.seed,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "peer"), [("t_learner", "BaseTRegressor"), ("x_learner", "BaseXRegressor")])
def test_same_effects_as_causalml(name: str, peer: str) -> None:
    rng = np.random.default_rng(51)
    x, treated = rng.normal(size=(5000, 5)), rng.binomial(1, 0.3, 5000)
    outcome = x[:, 0] + treated * x[:, 1].clip(0) + rng.normal(size=5000)

    theirs = getattr(meta, peer)(learner=boosting(), control_name=0)
    chance = {} if name == "t_learner" else {"p": np.full(5000, 0.3)}
    theirs.fit(X=x, treatment=treated, y=outcome, **chance)

    ours = fit(name, x, outcome, treated, propensity=0.3)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(X=x, **chance)[:, 0], rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_s_learner_agrees_with_causalml_but_for_the_place_of_the_flag() -> None:
    rng = np.random.default_rng(52)
    x, treated = rng.normal(size=(5000, 5)), rng.binomial(1, 0.5, 5000)
    outcome = x[:, 0] + treated * (1 + x[:, 1].clip(0)) + rng.normal(size=5000)
    theirs = meta.BaseSRegressor(learner=boosting(), control_name=0)
    theirs.fit(X=x, treatment=treated, y=outcome)
    ours = fit("s_learner", x, outcome, treated, propensity=0.5).predict(x)
    assert np.corrcoef(ours, theirs.predict(X=x)[:, 0])[0, 1] > 0.9
