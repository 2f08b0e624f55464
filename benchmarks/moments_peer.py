"""`python -m benchmarks.moments_peer <warehouse> <target>`: the same effects by tea-tasting, by ibis on the same table.

It answers for one table at a time, so that each segment is an analysis of its own.

tea-tasting adjusts a ratio for the ratio of the period before, lifthouse for its numerator and denominator as two
covariates: adjusted ratios are timed, and not
compared.
"""

import json
import sys
import time

import ibis
import tea_tasting

from benchmarks.moments_metrics import METRICS, SEGMENTS


def main(warehouse: str, _: str) -> None:
    """Run twice, the first time to read the file; print the second's seconds, for all units and in all, and effects."""
    connection = ibis.duckdb.connect(warehouse, read_only=True)
    units = connection.table("int_unit_observations", database="intermediate")
    metrics: dict[str, tea_tasting.metrics.MetricBase] = {}
    for name, _, denominator, covariates in METRICS:
        columns = [f"{name}__numerator", *([f"{name}__denominator"] if denominator else [])]
        metric = tea_tasting.RatioOfMeans if denominator else tea_tasting.Mean
        metrics[f"{name} none"] = metric(*columns)
        if covariates:
            metrics[f"{name} cuped"] = metric(*columns, *(f"{covariate}__covariate" for covariate in covariates))
    experiment = tea_tasting.Experiment(metrics, variant="variant_id")
    comparable = [
        f"{name} {method}" for name, _, ratio, _ in METRICS for method in ("none", *(() if ratio else ("cuped",)))
    ]
    for _ in range(2):
        started = time.perf_counter()
        results = {"all": experiment.analyze(units, control="control")}
        all_units = time.perf_counter() - started
        for dimension, segments in SEGMENTS.items():
            for segment in segments:
                results[segment] = experiment.analyze(units.filter(units[dimension] == segment), control="control")
        seconds = time.perf_counter() - started
    found = {
        f"{segment} {name}": _numbers(result[name])
        for segment, result in results.items()
        for name in comparable
        if name in metrics
    }
    print(json.dumps({"seconds": seconds, "all_units": all_units, "effects": found}))


def _numbers(effect: object) -> list[float]:
    names = ("effect_size", "effect_size_ci_lower", "effect_size_ci_upper", "pvalue")
    return [float(getattr(effect, name)) for name in names]


if __name__ == "__main__":
    main(*sys.argv[1:])
