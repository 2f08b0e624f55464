"""Overlap and calibration see what is wrong with scores, and nothing else."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import special

from lifthouse.causal.propensity import assign_folds, cross_fit
from lifthouse.causal.weighting import ipw, share_without_counterpart
from lifthouse.results.refutations import refutations
from tests.causal.chosen_units import LINEAR, METRICS, PAIR, found, scored, units


def test_overlap_is_of_the_scores_that_the_estimate_rests_on():
    """Of few units with heavy tails: scores that have seen them overlap three times as much as those that have not."""
    random = np.random.default_rng(4)
    spent = random.standard_t(2, (300, 4))
    treated = random.random(300) < 1 / (1 + np.exp(-spent.sum(axis=1)))
    names = [f"u{number}" for number in range(300)]
    table = pa.table(
        {"experiment_id": ["chosen"] * 300, "unit_id": names, "variant_id": np.where(treated, "with", "without")}
    )
    for at in range(4):
        table = table.append_column(f"spent_{at}", pa.array(spent[:, at]))
    earned = spent.sum(axis=1) + treated + random.normal(size=300)
    effects, refuted = found(table, pd.DataFrame({"metric_name": "earned", "unit_id": names, "value": earned}))
    robust = effects.query("estimator == 'aipw' and estimand == 'ate' and population == 'all' and segment == 'all'")
    smaller = min(treated.sum(), (~treated).sum())
    share = robust["effective_sample_size"].item() / smaller
    assert refuted.loc["overlap", ["verdict", "statistic"]].tolist() == ["fail", pytest.approx(share)]
    assert share < 0.1 < 0.2 < ipw(spent, treated, earned, "ate").effective_sample_size / smaller


@pytest.mark.parametrize(("region", "verdict"), [(0.2, "fail"), (0.06, "warn"), (0.0, "pass")])
def test_overlap_sees_a_kind_of_unit_that_is_always_treated(region, verdict):
    """Its weights are all one, so that the effective sample size does not."""
    table, outcomes = units()
    always = np.arange(len(table)) % 100 < 100 * region
    treated = np.where(always, "with", table["variant_id"].to_pylist())
    table = table.set_column(table.column_names.index("variant_id"), "variant_id", pa.array(treated))
    table = table.append_column("region", pa.array(np.where(always, "island", "mainland")))
    _, refuted = found(table, outcomes)
    overlap = refuted.loc["overlap"]
    assert overlap["verdict"] == verdict
    assert overlap["statistic"] > 0.5
    alone = float(re.search(r"(\d+\.\d)% of those whose effect it is are like nobody", overlap["reason"])[1])
    assert 100 * region - 0.05 <= alone < 100 * region + 0.5


@pytest.mark.parametrize(("size", "few"), [(2000, 40), (20_000, 60)])
def test_a_rare_arm_is_no_lack_of_overlap(size, few):
    """By true scores: nobody is certain to be in either arm, though the few leave large gaps between their scores."""
    for seed in range(50):
        random = np.random.default_rng(seed)
        likes = 0.7 * random.normal(size=size)
        treated = np.zeros(size, dtype=bool)
        treated[random.choice(size, few, replace=False, p=np.exp(likes) / np.exp(likes).sum())] = True
        scores = special.expit(np.log(few / size) + likes - 0.7**2 / 2)
        assert share_without_counterpart(scores, treated, "ate") < 0.04
        # A kind of unit that is never treated has no counterpart, however rare the treated are.
        never = ~treated & (np.arange(size) % 5 == 0)
        assert share_without_counterpart(np.where(never, 1e-6, scores), treated, "ate") == pytest.approx(0.2, abs=0.02)


def test_scores_that_are_all_the_same_have_no_calibration():
    table, outcomes = units(size=1500)
    effects, _ = found(table, outcomes)
    _, sample = scored(table)
    same = sample.set_column(sample.schema.get_field_index("propensity"), "propensity", pa.array([0.5] * 1500))
    refuted = refutations([PAIR], lambda _: same, lambda *_: outcomes, effects, METRICS).set_index("refuter")
    assert refuted.loc["calibration", ["verdict", "reason"]].tolist() == [
        "not_applicable",
        "scores hardly differ between units",
    ]


@pytest.mark.parametrize(("size", "drives"), [(2000, 0.0), (2000, 0.05), (400, 0.4)])
def test_scores_by_which_hardly_anything_can_be_told_are_not_suspected(size, drives):
    """Of an assignment as good as random out-of-fold scores lean to the wrong side; of few units the slope is noise."""
    warnings = 0
    for seed in range(20):
        random = np.random.default_rng([seed, 77])
        design = random.normal(size=(size, 5))
        treated = random.random(size) < special.expit(drives * design[:, 0])
        folds = assign_folds(treated, seed=seed)
        scores = cross_fit(design, treated, folds, seed=seed, learners=("logistic",)).scores
        warnings += calibration_of(scores, treated)["verdict"] == "warn"
    assert warnings <= 1


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "pass"), (2.0, "warn"), (0.5, "warn")])
def test_scores_that_are_too_bold_or_too_timid_are_told(factor, verdict):
    random = np.random.default_rng(8)
    logits = random.normal(size=3000)
    treated = random.random(3000) < special.expit(logits)
    found = calibration_of(special.expit(factor * logits), treated)
    assert found["verdict"] == verdict
    assert found["statistic"] == pytest.approx(1 / factor, rel=0.1)


def calibration_of(scores, treated):
    names = [f"u{number}" for number in range(len(scores))]
    table = pa.table(
        {
            **{"experiment_id": ["chosen"] * len(scores), "unit_id": names},
            **{"variant_id": np.where(treated, "with", "without"), "age": np.arange(len(scores))},
            **{"propensity": scores, "fold": np.arange(len(scores)) % 5, "is_trimmed": [False] * len(scores)},
            **{"learner": ["logistic"] * len(scores), "score_reason": pa.nulls(len(scores), pa.string())},
        }
    )
    nothing = pd.DataFrame({"metric_name": [], "unit_id": [], "value": [], "days_followed": []})
    rows = refutations([PAIR], lambda _: table, lambda *_: nothing, LINEAR.iloc[:0], METRICS)
    return rows.set_index("refuter").loc["calibration"]
