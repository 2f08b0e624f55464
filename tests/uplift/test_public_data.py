"""Learners on public experiments: no worse than the usual baselines, and honest on a split of others."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.ensemble import RandomForestClassifier

from lifthouse.uplift.calibration import observed_effect
from lifthouse.uplift.cross_fitting import cross_fit, fit_arms
from lifthouse.uplift.encoding import Encoding
from lifthouse.uplift.evaluation import evaluate

DATA = os.environ.get("LIFTHOUSE_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="LIFTHOUSE_DATA names no folder of public data sets")
LEARNERS = ("t_learner", "x_learner", "dr_learner", "linear_dr_learner")


def forest(x: np.ndarray, y: np.ndarray) -> RandomForestClassifier:
    return RandomForestClassifier(100, min_samples_leaf=50, max_features="sqrt", n_jobs=1, random_state=0).fit(x, y)


def test_hillstrom_winner_is_no_worse_than_forest_baselines_on_the_same_folds() -> None:
    rows = pq.read_table(Path(DATA) / "hillstrom.parquet").to_pandas()
    rows = rows[rows["segment"].isin(["Womens E-Mail", "No E-Mail"])]
    outcome, treated = rows["visit"].to_numpy(float), (rows["segment"] == "Womens E-Mail").to_numpy()
    covariates = rows.drop(columns=["segment", "visit", "conversion", "spend", "customer_id", "history_segment"])
    x = Encoding.of(covariates).encode(covariates)
    held_out = cross_fit(LEARNERS, x, outcome, treated.astype(int), [0.5, 0.5])
    scores = {name: held_out.scores[name][:, 0] for name in LEARNERS}
    scores |= {"class_transformation_forest": np.empty(len(rows)), "s_learner_forest": np.empty(len(rows))}
    flagged = np.column_stack([x, treated])
    for fold in range(3):
        rest, inside = held_out.folds != fold, held_out.folds == fold
        same = forest(x[rest], outcome[rest] == treated[rest])
        scores["class_transformation_forest"][inside] = same.predict_proba(x[inside])[:, 1]
        single = forest(flagged[rest], outcome[rest])
        one, zero = (single.predict_proba(np.column_stack([x[inside], np.full(inside.sum(), w)])) for w in (1, 0))
        scores["s_learner_forest"][inside] = (one - zero)[:, 1]

    result = evaluate(outcome, scores, treated, folds=held_out.folds, draws=100)

    assert result.winner == result.best
    assert result.winner in LEARNERS
    for baseline in ("class_transformation_forest", "s_learner_forest"):
        assert result.differences[baseline].ci_lower > 0


def test_larsen_trained_on_one_split_is_better_than_random_on_the_other() -> None:
    rows = pq.read_table(Path(DATA) / "larsen_insurance_uplift.parquet").to_pandas()
    train, valid = rows[rows["split"] == "train"], rows[rows["split"] == "valid"]
    columns = [name for name in rows if name not in {"split", "TREATMENT", "PURCHASE", "UNIQUE_ID", "row_id"}]
    encoding = Encoding.of(train[columns])
    x, of_valid = encoding.encode(train[columns]), encoding.encode(valid[columns])
    models = fit_arms(LEARNERS, x, train["PURCHASE"], train["TREATMENT"], [0.5, 0.5])
    outcome, treated = valid["PURCHASE"].to_numpy(float), valid["TREATMENT"].to_numpy() == 1

    result = evaluate(outcome, {name: models.effect(name, of_valid)[:, 0] for name in LEARNERS}, treated, draws=100)

    average = observed_effect(outcome, treated)
    assert average[1] < 0 < average[2]
    assert result.winner is not None
    auuc = {measure.name: measure for measure in result.measures[result.winner]}["auuc"]
    assert auuc.ci_lower > 0
    assert auuc.p_value < 1e-3


def test_frame_of_any_dtype_gives_the_same_encoding() -> None:
    rows = pq.read_table(Path(DATA) / "hillstrom.parquet").to_pandas().head(2000)
    columns = ["recency", "mens", "zip_code", "channel"]
    plain = Encoding.of(rows[columns]).encode(rows[columns])
    converted = pd.DataFrame(rows[columns]).convert_dtypes()
    np.testing.assert_array_equal(Encoding.of(converted).encode(converted), plain)
