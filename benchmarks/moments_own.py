"""`python -m benchmarks.moments_own <warehouse> <target>`: moments by the models' SQL, effects by the same function."""

import json
import sys
import time
from pathlib import Path

import duckdb
import pandas as pd

from benchmarks.warehouse import MEMORY
from lifthouse.results.effects import experiment_effects
from lifthouse.results.registry import Registry

_MODELS = {
    "intermediate.int_observed_moments": "experiments",
    "intermediate.int_metric_moments": "experiments",
    "main.fct_metric_moments": "marts",
}
_NUMBERS = ["absolute_effect", "absolute_ci_lower", "absolute_ci_upper", "p_value"]


def main(warehouse: str, target: str) -> None:
    """Run twice, the first time to read the file, and print the second's seconds and the effects."""
    compiled = Path(target) / "compiled" / "lifthouse" / "models"
    models = {name: (compiled / folder / f"{name.split('.')[1]}.sql").read_text() for name, folder in _MODELS.items()}
    with duckdb.connect(warehouse, config={"memory_limit": MEMORY}) as connection:
        connection.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
        registry = Registry.from_tables(
            connection.table("registry.experiments").df(),
            connection.table("registry.experiment_variants").df(),
            connection.table("intermediate.int_experiment_metrics").df(),
            pd.DataFrame({"experiment_id": [], "reason": []}),
        )
        quantiles = pd.DataFrame(columns=["experiment_id", "metric_name", "variant_id", "as_of_date"])
        for _ in range(2):
            started = time.perf_counter()
            for name, sql in models.items():
                connection.execute(f"create or replace table {name} as {sql}")
            moments = time.perf_counter() - started
            effects = experiment_effects(connection.table("main.fct_metric_moments").df(), quantiles, registry)
            seconds = time.perf_counter() - started
    effects = effects.query("inference == 'fixed' and is_latest")
    names = effects["segment"] + " " + effects["metric_name"] + " " + effects["variance_reduction"]
    found = dict(zip(names, effects[_NUMBERS].to_numpy(float).tolist(), strict=True))
    print(json.dumps({"seconds": seconds, "moments": moments, "effects": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
