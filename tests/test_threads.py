"""Models that dbt builds side by side, in threads of one process, leave each other's memory alone."""

import subprocess
import sys

from threadpoolctl import threadpool_info

from lifthouse.threads import linear_algebra_threads

# Fits for as long as it takes to predict thousands of times beside them, by the functions that the models call.
_SIDE_BY_SIDE = """
import threading
import numpy as np
from lifthouse.causal.boosting import boosted_regressor
from lifthouse.uplift.drivers import shapley_importance
from lifthouse.uplift.learners import fit

rng = np.random.default_rng(0)
x = rng.normal(size=(20_000, 10))
treated = rng.integers(0, 2, len(x)) == 1
y = x[:, 0] * treated + rng.normal(size=len(x))
effects = fit("t_learner", x, y, treated, propensity=0.5)
predicted = threading.Event()

def fit_all_along():
    while not predicted.is_set():
        boosted_regressor(len(x), seed=1).fit(x, y)

fitting = threading.Thread(target=fit_all_along)
fitting.start()
for _ in range(25_000):
    effects.predict(x[:100])
shapley_importance(effects.predict, x[:2000], {"first": np.array([0])}, seed=1)
predicted.set()
fitting.join()
"""


def test_predictions_beside_a_fit_do_not_crash_it() -> None:
    done = subprocess.run([sys.executable, "-c", _SIDE_BY_SIDE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_the_last_to_leave_lifts_the_limit_of_linear_algebra() -> None:
    before = blas_threads()
    first, second = linear_algebra_threads(10), linear_algebra_threads(10)
    with first:
        second.__enter__()
    assert blas_threads() == {1}  # the second is still inside
    second.__exit__(None, None, None)
    assert blas_threads() == before
