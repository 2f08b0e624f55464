"""What should be no effect is none, also where an arm is rare."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import special

from lifthouse.causal.propensity import assign_folds, cross_fit
from lifthouse.results.refutations import refutations
from tests.causal.chosen_units import LINEAR, METRICS, PAIR, found, units


def test_placebos_centre_on_zero():
    tries = [found(*units(seed, 800))[1].loc[["placebo_treatment", "dummy_outcome"]] for seed in range(8)]
    for name in ("placebo_treatment", "dummy_outcome"):
        statistics = np.array([attempt.loc[name, "statistic"] for attempt in tries])
        assert abs(statistics.mean()) < 3.3 / np.sqrt(len(tries))
        assert sum(attempt.loc[name, "verdict"] == "fail" for attempt in tries) <= 1


def refuted_of_a_rare_arm(kind, seed):
    """Refuters and verdicts of forty units of 2,000; learners are linear, to save time."""
    random = np.random.default_rng(seed)
    age, wealth = random.normal(size=(2, 2000))
    treated = random.random(2000) < special.expit(np.log(40 / 1960) + 0.5 * age)
    skewed = age + treated + random.lognormal(0, 1.5, 2000)
    outcome = skewed if kind == "skewed" else (random.random(2000) < 0.03).astype(float)
    design, folds = np.column_stack([age, wealth]), assign_folds(treated, seed=PAIR.seed)
    scores = cross_fit(design, treated, folds, seed=PAIR.seed, learners=("logistic",)).scores
    names = [f"u{number}" for number in range(2000)]
    table = pa.table(
        {
            **{"experiment_id": ["chosen"] * 2000, "unit_id": names},
            **{"variant_id": np.where(treated, "with", "without"), "age": age, "wealth": wealth},
            **{"propensity": scores, "fold": folds, "is_trimmed": [False] * 2000},
            **{"learner": ["logistic"] * 2000, "score_reason": pa.nulls(2000, pa.string())},
        }
    )
    values = pd.DataFrame({"metric_name": "earned", "unit_id": names, "value": outcome, "days_followed": 14.0})
    rows = refutations([PAIR], lambda _: table, lambda *_: values, LINEAR, METRICS)
    return list(zip(rows["refuter"], rows["verdict"], strict=True))


@pytest.mark.parametrize("kind", ["skewed", "rare"])
def test_sound_estimates_of_a_rare_arm_are_not_refuted(kind):
    """Few units tell little of the spread of what is skewed or rare."""
    verdicts = [verdict for seed in range(74, 99) for verdict in refuted_of_a_rare_arm(kind, seed)]
    # Each fails in one of a hundred.
    for refuter in ("placebo_treatment", "dummy_outcome", "random_common_cause", "data_subset"):
        assert verdicts.count((refuter, "fail")) <= 1
        assert verdicts.count((refuter, "pass")) >= 20
