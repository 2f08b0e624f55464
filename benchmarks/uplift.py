"""The X-learner against the bare fits it is made of, and the memory of scoring units as a stream."""

import resource
import sys
import time
from collections.abc import Iterator

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.measure import GIB, Figure, say
from lifthouse.results.uplift_evaluation import uplift_evaluation
from lifthouse.results.uplift_held_out import held_out_scores
from lifthouse.results.uplift_models import uplift_models
from lifthouse.results.uplift_scores import uplift_scores
from lifthouse.results.uplift_targets import Target
from lifthouse.threads import MODEL_THREADS
from lifthouse.uplift.learners import Boosting, fit

# `--events` sets the fitted units; ten times as many are scored.
EVENTS = 1_000_000
COVARIATES = 12
_BATCH = 100_000


def measure(units: int) -> list[Figure]:
    """Fit an X-learner on units x 12, and score ten times as many units in batches."""
    rng = np.random.default_rng(0)
    covariates, treated = rng.normal(size=(units, COVARIATES)), rng.random(units) < 0.5
    outcome = covariates[:, 0] + treated * covariates[:, 1].clip(0) + rng.normal(size=units)

    started = time.perf_counter()
    fit("x_learner", covariates, outcome, treated, propensity=0.5).predict(covariates)
    whole = time.perf_counter() - started
    bare = _bare_seconds(covariates, outcome, treated)
    say(f"x_learner {whole:.1f} s, bare fits {bare:.1f} s")
    scored = 10 * units
    seconds = _score(scored)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB
    return [
        Figure(
            "uplift",
            f"X-learner on {units / 1e6:g} M x {COVARIATES}, with its scores: seconds, times the bare fits",
            f"{whole:.1f}, {whole / bare:.2f}",
            "<= 1.3",
        ),
        Figure(
            "uplift",
            f"{scored / 1e6:g} M units scored as a stream: seconds, peak GiB of the whole process",
            f"{seconds:.0f}, {peak:.2f}",
            "memory <= 4",
        ),
    ]


def _bare_seconds(covariates: np.ndarray, outcome: np.ndarray, treated: np.ndarray) -> float:
    """Seconds of the four fits of an X-learner with LightGBM alone, and of the predictions between and after them."""
    settings = Boosting()

    def fitted(x: np.ndarray, y: np.ndarray) -> lightgbm.LGBMRegressor:
        return lightgbm.LGBMRegressor(
            n_estimators=settings.trees,
            learning_rate=settings.learning_rate,
            num_leaves=settings.leaves,
            min_child_samples=settings.units_a_leaf,
            subsample=0.8,
            subsample_freq=1,
            colsample_bytree=0.8,
            n_jobs=MODEL_THREADS,
            random_state=0,
            deterministic=True,
            force_row_wise=True,
            verbose=-1,
        ).fit(x, y)

    started = time.perf_counter()
    one, zero = (fitted(covariates[arm], outcome[arm]) for arm in (treated, ~treated))
    gained = outcome[treated] - zero.booster_.predict(covariates[treated], num_threads=MODEL_THREADS)
    missed = one.booster_.predict(covariates[~treated], num_threads=MODEL_THREADS) - outcome[~treated]
    for model in (fitted(covariates[treated], gained), fitted(covariates[~treated], missed)):
        model.booster_.predict(covariates, num_threads=MODEL_THREADS)
    return time.perf_counter() - started


def _frame(first: int, size: int, rng: np.random.Generator) -> pd.DataFrame:
    covariates = rng.normal(size=(size, COVARIATES))
    frame = pd.DataFrame(covariates, columns=[f"x{at}" for at in range(COVARIATES)])
    frame.insert(0, "unit_id", [f"u{at:09}" for at in range(first, first + size)])
    frame.insert(0, "experiment_id", "e")
    return frame.assign(variant_id=np.where(rng.random(size) < 0.5, "a", "b"), fold=np.arange(size) % 3)


def _score(units: int) -> float:
    """Seconds of scoring so many units, whose rows come and go in batches."""
    rng = np.random.default_rng(1)
    target = Target("e", "m", ("a", "b"), (0.5, 0.5), (0.0,), float("nan"), 1.0, None)
    fitted = _frame(0, 20_000, rng)
    effect = (fitted["variant_id"] == "b") * fitted["x1"].clip(0)
    value = fitted["x0"] + effect + rng.normal(size=len(fitted))
    outcomes = fitted[["experiment_id", "unit_id"]].assign(metric_name="m", value=value)
    models = uplift_models([target], fitted, outcomes, learners=("x_learner",)).to_pandas()
    held_out = held_out_scores([target], models, fitted, outcomes)
    evaluation = uplift_evaluation([target], models, held_out).to_pandas()

    def others() -> Iterator[pa.RecordBatch]:
        for first in range(0, units, _BATCH):
            yield from pa.Table.from_pandas(_frame(first, _BATCH, rng), preserve_index=False).to_batches()

    started = time.perf_counter()
    rows = sum(batch.num_rows for batch in uplift_scores([target], models, held_out, evaluation, others()))
    if rows < units:
        sys.exit(f"{rows} rows scored, must be at least {units}")
    return time.perf_counter() - started
