"""`python -m benchmarks.moments_peer <warehouse> <target>`: the same effects by tea-tasting, by ibis on the same table.

tea-tasting adjusts a ratio for the ratio of the period before, lifthouse for its numerator and denominator as two
covariates: adjusted ratios are timed, and not compared.
"""

import json
import sys
import time

import ibis
import tea_tasting

from benchmarks.moments_metrics import METRICS


def main(warehouse: str, _: str) -> None:
    """Run twice, the first time to read the file, and print the second's seconds and the effects."""
    connection = ibis.duckdb.connect(warehouse, read_only=True)
    units = connection.table("int_unit_observations", database="intermediate")
    plain, adjusted = {}, {}
    for name, _, denominator, covariates in METRICS:
        columns = [f"{name}__numerator", *([f"{name}__denominator"] if denominator else [])]
        metric = tea_tasting.RatioOfMeans if denominator else tea_tasting.Mean
        plain[name] = metric(*columns)
        adjusted[name] = metric(*columns, *(f"{covariate}__covariate" for covariate in covariates))
    experiment = tea_tasting.Experiment(adjusted, variant="variant_id")
    for _ in range(2):
        started = time.perf_counter()
        result = experiment.analyze(units, control="control")
        seconds = time.perf_counter() - started
    unadjusted = tea_tasting.Experiment(plain, variant="variant_id").analyze(units, control="control")
    found = {f"{name} none": _numbers(unadjusted[name]) for name in plain}
    found |= {f"{name} cuped": _numbers(result[name]) for name, _, ratio, known in METRICS if known and not ratio}
    print(json.dumps({"seconds": seconds, "effects": found}))


def _numbers(effect: object) -> list[float]:
    names = ("effect_size", "effect_size_ci_lower", "effect_size_ci_upper", "pvalue")
    return [float(getattr(effect, name)) for name in names]


if __name__ == "__main__":
    main(*sys.argv[1:])
