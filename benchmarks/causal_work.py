"""What `benchmarks.causal` measures, each in a process of its own: `causal_work <work> <file> <units>`."""

import sys
import time

import duckdb
import numpy as np
import pyarrow as pa

from lifthouse.causal.boosting import boosted_classifier, boosted_regressor
from lifthouse.causal.doubly_robust import aipw, cross_fit_outcomes
from lifthouse.causal.propensity import assign_folds, cross_fit
from lifthouse.results.propensities import SCHEMA, UNIT_KEYS, Pair, propensity_scores

COVARIATES = 12
FITTED_UNITS = 200_000
EFFECT = 1.0
_PAIR = Pair("benchmark", "control", "treatment", None)
_UNITS = """
    create table units as
    with drawn as (
        select
            range as number,
            {covariates},
            random() as luck
        from range({units})
    )
    select
        'benchmark' as experiment_id,
        'unit_' || number as unit_id,
        case when luck < 1 / (1 + exp(-(2 * x0 - x1))) then 'treatment' else 'control' end as variant_id,
        {names},
        x0 + x2 * x3 + {effect} * (luck < 1 / (1 + exp(-(2 * x0 - x1))))::int + random() as outcome
    from drawn
"""


def generate(file: str, units: int) -> None:
    """Units with covariates of mean zero, of which the first drives both choice and outcome."""
    names = [f"x{at}" for at in range(COVARIATES)]
    covariates = ", ".join(f"2 * random() - 1 as {name}" for name in names)
    with duckdb.connect(file) as connection:
        connection.execute("select setseed(0.5)")
        connection.execute(_UNITS.format(covariates=covariates, names=", ".join(names), units=units, effect=EFFECT))


def arrays(file: str, units: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Design, arms and outcomes of some units."""
    names = ", ".join(f"x{at}" for at in range(COVARIATES))
    with duckdb.connect(file, read_only=True) as connection:
        columns = connection.execute(
            f"select {names}, variant_id = 'treatment' as treated, outcome from units limit {units}"
        ).fetchnumpy()
    design = np.column_stack([np.asarray(columns[f"x{at}"], float) for at in range(COVARIATES)])
    return design, np.asarray(columns["treated"], bool), np.asarray(columns["outcome"], float)


def estimate(file: str, units: int) -> str:
    """Choose and cross-fit scores and outcomes on all units, and estimate the ATE."""
    design, treated, outcome = arrays(file, units)
    folds = assign_folds(treated, seed=1)
    propensity = cross_fit(design, treated, folds, seed=1)
    nuisances = cross_fit_outcomes(
        design, treated, outcome, propensity.scores, folds, seed=1, propensity_learner=propensity.learner
    )
    found = aipw(design, treated, outcome, nuisances, "ate")
    return f"{propensity.learner} {'/'.join(nuisances.learners)} {found.estimate:.4f} {found.standard_error:.4f}"


def bare(file: str, units: int) -> str:
    """The library's own fits on the same rows, once each: no folds, no choice of learner, no estimate."""
    from sklearn.linear_model import LinearRegression, LogisticRegression  # noqa: PLC0415

    design, treated, outcome = arrays(file, units)
    LogisticRegression(C=1e3, solver="newton-cholesky").fit(design, treated)
    boosted_classifier(units, 1).fit(design, treated)
    for arm in (~treated, treated):
        LinearRegression().fit(design[arm], outcome[arm])
        boosted_regressor(units, 1).fit(design[arm], outcome[arm])
    return "once"


def score(file: str, _: int) -> str:
    """Fit on a bounded sample and score every unit, as the model does, into a table."""
    with duckdb.connect(file) as connection:
        connection.execute("set memory_limit = '1500MB'")
        units = connection.table("units")

        def batches(pair: Pair, names: list[str]):
            return units.filter(pair.condition).project(", ".join([*UNIT_KEYS, *names])).to_arrow_reader(100_000)

        sample = f"select * exclude (outcome) from units using sample reservoir({FITTED_UNITS} rows) repeatable (1)"
        scores = propensity_scores([_PAIR], lambda _: connection.sql(sample).to_arrow_table(), batches)
        connection.register("scores", pa.Table.from_batches(scores, SCHEMA))
        connection.execute("create or replace table scored as select * from scores")
        count, fitted = connection.execute("select count(propensity), count(fold) from scored").fetchone()
    return f"{count} {fitted}"


if __name__ == "__main__":
    work, file, units = sys.argv[1:]
    started = time.perf_counter()
    said = {"generate": generate, "estimate": estimate, "bare": bare, "score": score}[work](file, int(units))
    print(f"{time.perf_counter() - started:.1f} s: {said}")
