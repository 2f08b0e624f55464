"""Units that chose their arm by what is known of them, and what is found of them."""

import numpy as np
import pandas as pd
import pyarrow as pa

from lifthouse.results.propensities import SCHEMA, Pair, propensity_scores
from lifthouse.results.refutations import refutations
from lifthouse.results.treatment_effects import treatment_effects

PAIR = Pair("chosen", "without", "with", None)
METRICS = pd.DataFrame({"experiment_id": ["chosen"], "metric_name": ["earned"], "is_proportion": [False]})
DIFFERENCE = 1.5
# An estimate to refute, as `fct_treatment_effects` has it, by learners that cost little time.
LINEAR = pd.DataFrame(
    {
        **{"experiment_id": ["chosen"], "metric_name": "earned", "treatment_variant_id": "with", "estimand": "ate"},
        **{"estimator": "aipw", "population": "all", "dimension": "all", "segment": "all", "reason": None},
        **{"propensity_learner": "logistic", "outcome_learner": "linear/linear"},
    }
)


def units(seed=0, size=3000, *, hidden=0.0, effect=DIFFERENCE):
    """Covariates, arms and outcomes; `hidden` is the strength of a confounder that the table does not have."""
    random = np.random.default_rng(seed)
    age, unseen = random.normal(size=size), random.normal(size=size)
    town = random.choice(["north", "south"], size)
    chance = 1 / (1 + np.exp(-0.6 * age - 0.4 * (town == "north") - hidden * unseen))
    treated = random.random(size) < chance
    earned = 2 * age + (town == "north") + hidden * unseen + effect * treated + random.normal(size=size)
    names = [f"u{number}" for number in range(size)]
    table = pa.table(
        {
            "experiment_id": ["chosen"] * size,
            "unit_id": names,
            "variant_id": np.where(treated, "with", "without"),
            "age": age,
            "town": town,
            "pre_earned": 2 * age + random.normal(size=size),
        }
    )
    return table, pd.DataFrame({"metric_name": "earned", "unit_id": names, "value": earned, "days_followed": 14.0})


def scored(table, pair=PAIR):
    """Score and join, as the models do in SQL."""

    def batches(_pair, names):
        return table.select(["experiment_id", "unit_id", "variant_id", *names]).to_batches(1000)

    scores = pa.Table.from_batches(propensity_scores([pair], lambda _: table, batches), SCHEMA)
    beside = scores.select(["unit_id", "propensity", "fold", "is_trimmed", "learner"]).append_column(
        "score_reason", scores["reason"]
    )
    return scores, table.join(beside, "unit_id").sort_by("unit_id")


def towns_of(sample):
    return sample["town"].to_pylist() if "town" in sample.column_names else [None] * len(sample)


def found(table, outcomes, pair=PAIR, estimand="ate"):
    """Effects and refutations by name; all units were followed for as long, unless the outcomes say otherwise."""
    outcomes = outcomes.assign(days_followed=outcomes.get("days_followed", 14.0))
    _, sample = scored(table, pair)
    towns = pd.DataFrame({"unit_id": sample["unit_id"].to_pylist(), "town": towns_of(sample)})
    effects = treatment_effects([pair], lambda _: sample, lambda *_: outcomes, lambda *_: towns, METRICS)
    refuted = refutations([pair], lambda _: sample, lambda *_: outcomes, effects, METRICS, estimand=estimand)
    return effects, refuted.set_index("refuter")
