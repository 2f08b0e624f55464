"""A hundred A/A tests over the same clickstream, through dbt: false alarms and coverage are what they should be."""

import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest
from scipy import stats

from tests.warehouse.conftest import WITHOUT_TESTS, Warehouse
from tests.warehouse.registry_files import EXPERIMENTS, METRICS, PHASES, VARIANTS

COUNT = 100
METRIC_NAMES = ("ctr", "conversion_rate", "revenue_per_user", "sessions_per_user", "page_load_ms_p95", "page_load_ms")
# A quantile has no interval that is valid at every look.
LOOKED_AT_DAILY = set(METRIC_NAMES) - {"page_load_ms_p95"}
COUNT_DAYS = 14


@pytest.fixture(scope="module")
def hashed(make_warehouse) -> Warehouse:
    """Users of the shop, split in two by a hash for each of the experiments."""
    warehouse = make_warehouse()
    demo = warehouse.folder.parent / "demo"
    lifthouse = Path(sys.executable).with_name("lifthouse")
    subprocess.run([lifthouse, "demo", "--out", demo, "--users", "2500"], check=True)
    duckdb.sql(
        f"""
        copy (from '{demo}/events/*.parquet') to '{warehouse.input_folder}/events.parquet' (format parquet);
        copy (
            select 'aa_' || number as experiment_id,
                if(cast('0x' || md5(number || '|' || user_id)[1:8] as bigint) % 2 = 1, 'b', 'a') as variant_id,
                user_id, min(exposed_at) as exposed_at
            from '{demo}/exposures.parquet', range({COUNT}) as numbers (number)
            where experiment_id = 'checkout_aa'
            group by all
        ) to '{warehouse.input_folder}/exposures.parquet' (format parquet);
        """
    )
    registry = warehouse.input_folder / "registry"
    registry.mkdir()
    names = [f"aa_{number}" for number in range(COUNT)]
    lines = {
        "experiments": [
            f"{name},A/A,randomised,running,2026-03-16 00:00:00,2026-03-30 00:00:00,,,\n" for name in names
        ],
        "experiment_variants": [f"{name},a,true,0.5,\n{name},b,false,0.5,\n" for name in names],
        "experiment_phases": [],
        "experiment_metrics": [f"{name},{metric},primary,,,\n" for name in names for metric in METRIC_NAMES],
    }
    headers = zip(lines, (EXPERIMENTS, VARIANTS, PHASES, METRICS), strict=True)
    for file, header in headers:
        (registry / f"{file}.csv").write_text(header + "".join(lines[file]))
    select = ("--select", "+fct_experiment_effects", "+fct_experiment_health")
    warehouse.built(*select, *WITHOUT_TESTS, variables={"dimensions": []})
    return warehouse


def bounds(count: int, rate: float) -> tuple[float, float]:
    """What a binomial share leaves only once in ten thousand."""
    return (
        float(stats.binom.ppf(5e-5, count, rate)) / count,
        float(stats.binom.ppf(1 - 5e-5, count, rate)) / count,
    )


def bounds_of_mean_square(count: int) -> tuple[float, float]:
    """What the mean of so many squares of standard normals leaves only once in ten thousand."""
    lower, upper = stats.chi2.ppf([5e-5, 1 - 5e-5], count) / count
    return float(lower), float(upper)


def test_false_alarms_are_as_rare_as_stated(hashed: Warehouse) -> None:
    rows = hashed.query(
        "select metric_name, variance_reduction, count(*), avg(cast(p_value < 0.05 as integer)), "
        "avg(cast(absolute_ci_lower <= 0 and absolute_ci_upper >= 0 as integer)), "
        "list(p_value), list(absolute_effect / (absolute_ci_upper - absolute_ci_lower)) "
        "from fct_experiment_effects where is_latest and dimension = 'all' and inference = 'fixed' and reason is null "
        "group by all order by all"
    )
    assert {metric for metric, *_ in rows} == set(METRIC_NAMES)
    assert {variance_reduction for _, variance_reduction, *_ in rows} == {"none", "cuped"}
    for metric, variance_reduction, count, rejected, covered, p_values, shares_of_interval in rows:
        assert count == COUNT, metric
        lower, upper = bounds(count, 0.05)
        assert lower <= rejected <= upper, (metric, variance_reduction, rejected)
        assert covered == pytest.approx(1 - rejected), (metric, variance_reduction)
        # A hundred may well hold no alarm: that intervals are not too wide either is seen by how effects fill them.
        for deviations in (stats.norm.isf(np.array(p_values) / 2), 2 * 1.96 * np.array(shares_of_interval)):
            lower, upper = bounds_of_mean_square(count)
            assert lower <= np.mean(deviations**2) <= upper, (metric, variance_reduction, np.mean(deviations**2))


def test_looking_every_day_raises_no_alarm(hashed: Warehouse) -> None:
    [(pairs, fewest_looks, rejected)] = hashed.query(
        "select count(*), min(count_looks), avg(cast(has_alarm as integer)) from ("
        "select experiment_id, metric_name, count(*) as count_looks, bool_or(is_significant) as has_alarm "
        "from fct_experiment_effects "
        "where inference = 'always_valid' and dimension = 'all' and variance_reduction = 'none' group by all)"
    )
    assert pairs == COUNT * len(LOOKED_AT_DAILY)
    assert fewest_looks == COUNT_DAYS
    assert rejected <= bounds(pairs, 0.05)[1]


def test_the_split_is_found_sound(hashed: Warehouse) -> None:
    [(count, failed)] = hashed.query(
        "select count(*), count(*) filter (where p_value < 0.01) from fct_experiment_health "
        "where check_name = 'sample_ratio'"
    )
    assert count == COUNT
    assert failed / count <= bounds(COUNT, 0.01)[1]
