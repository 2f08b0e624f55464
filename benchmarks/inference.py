"""Effects of many experiments from moments, as the Python model computes them: batch by batch, into a table."""

import resource
import time

import duckdb
import pandas as pd

from benchmarks.measure import GIB, Figure, say
from lifthouse.results.batches import experiment_batches
from lifthouse.results.conditions import is_one_of
from lifthouse.results.effects import experiment_effects
from lifthouse.results.registry import Registry

# `--events` sets the number of experiments.
EVENTS = 200
METRICS, SEGMENTS, DAYS = 20, 10, 30


def measure(experiments: int) -> list[Figure]:
    """Infer experiments x 20 metrics x 10 segments x 30 days, with CUPED, at a fixed horizon and always valid."""
    connection = duckdb.connect()
    connection.execute("set memory_limit = '1GiB'; set threads = 2")
    connection.execute(
        f"""
        create table moments as
        select 'e' || e as experiment_id, 'm' || m as metric_name, if(arm = 0, 'a', 'b') as variant_id,
            if(s = 0, 'all', 'device') as dimension, if(s = 0, 'all', 's' || s) as segment,
            date '2026-03-01' + cast(day as integer) as activity_date,
            50 + hash(e, m, arm, s, day) % 150 as count_units,
            ['numerator', 'pre_numerator'] as value_names, [5.0, 5.0] as pivots,
            [count_units * 0.01 * (hash(day, s, m, e) % 7), count_units * 0.01 * (hash(s, day, m, e) % 5)] as sums,
            [4.0 * count_units, 2.0 * count_units, 4.0 * count_units] as products
        from range({experiments}) as experiments (e), range({METRICS}) as metrics (m), range(2) as arms (arm),
            range({SEGMENTS}) as segments (s), range({DAYS}) as days (day)
        """
    )
    names = [f"e{at}" for at in range(experiments)]
    registry = Registry.from_tables(
        pd.DataFrame({"experiment_id": names, "assignment": "randomised", "planned_units": float("nan")}),
        pd.DataFrame(
            [(name, variant, variant == "a", 0.5) for name in names for variant in "ab"],
            columns=["experiment_id", "variant_id", "is_control", "expected_share"],
        ),
        pd.DataFrame(
            [(name, f"m{at}", "secondary", float("nan"), "increase", False) for name in names for at in range(METRICS)],
            columns=["experiment_id", "metric_name", "role", "non_inferiority_margin", "direction", "is_proportion"],
        ),
        pd.DataFrame({"experiment_id": [], "reason": []}),
    )
    quantiles = pd.DataFrame(columns=["experiment_id", "metric_name", "variant_id", "as_of_date"])
    moments = connection.table("moments")
    started = time.perf_counter()
    sizes = dict(moments.aggregate("experiment_id, count(*)").fetchall())
    for at, batch in enumerate(experiment_batches(sizes)):
        effects = experiment_effects(moments.filter(is_one_of("experiment_id", batch)).df(), quantiles, registry)
        connection.register("batch", effects)
        connection.execute("insert into effects from batch" if at else "create table effects as from batch")
        connection.unregister("batch")
    seconds = time.perf_counter() - started
    rows = connection.table("effects").count("*").fetchall()[0][0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB
    say(f"inference: {rows:,} effects in {seconds:.1f} s, {peak:.2f} GiB")
    return [
        Figure(
            "inference",
            f"{experiments} experiments x {METRICS} metrics x {SEGMENTS} segments x {DAYS} days, "
            f"{rows / 1e6:.1f} M rows: seconds, peak GiB of the whole process",
            f"{seconds:.0f}, {peak:.2f}",
            "<= 60, <= 2",
        )
    ]
