"""Public experiments through `dbt build` give the numbers that scipy gives on the same rows."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.warehouse.conftest import WITHOUT_TESTS, WITHOUT_UNIT_TESTS, WITHOUT_UPLIFT, Warehouse
from tests.warehouse.registry_files import EXPERIMENTS, METRICS, PHASES, VARIANTS, write_registry

EFFECTS = """
    select absolute_effect, standard_error, degrees_of_freedom, p_value, absolute_ci_lower, absolute_ci_upper
    from fct_experiment_effects
    where dimension = 'all' and treatment_variant_id = '{}' and control_variant_id = '{}' and metric_name = '{}'
        and variance_reduction = '{}' and inference = 'fixed' and is_latest
"""


def reference(public_data: Path, dataset: str) -> dict[str, Any]:
    computed: dict[str, Any] = json.loads((public_data / "reference.json").read_text())["datasets"][dataset]["computed"]
    return computed


def write_observations(warehouse: Warehouse, sql: str) -> None:
    duckdb.sql(f"copy ({sql}) to '{warehouse.input_folder}/observations.parquet' (format parquet)")


def assert_equal(warehouse: Warehouse, key: tuple[str, str, str, str], expected: dict[str, Any]) -> None:
    rows = warehouse.query_published(EFFECTS.format(*key))
    names = ("ate", "se_welch", "df", "p_welch")
    assert rows[0] == pytest.approx([*(expected[name] for name in names), *expected["ci95"]], rel=1e-6)


def test_hillstrom(warehouse: Warehouse, public_data: Path) -> None:
    source = public_data / "hillstrom.parquet"
    write_observations(
        warehouse,
        "select 'tested' as experiment_id, customer_id as unit_id, segment as variant_id, "
        f"* exclude (customer_id, segment) from '{source}'",
    )
    metrics = {
        "visits": ("visit", True, "history"),
        "conversions": ("conversion", True, ""),
        "spending": ("spend", False, "history"),
        "spending_by_recency": ("spend", False, "recency"),
    }
    write_registry(
        warehouse.input_folder, ["No E-Mail", "Mens E-Mail", "Womens E-Mail"], metrics, covariates="history, recency"
    )

    warehouse.built("--full-refresh", *WITHOUT_TESTS, variables=WITHOUT_UPLIFT)

    expected = reference(public_data, "hillstrom")["metrics"]
    for arm, name in (("Mens E-Mail", "mens_vs_none"), ("Womens E-Mail", "womens_vs_none")):
        for metric, outcome in (("visits", "visit"), ("conversions", "conversion"), ("spending", "spend")):
            assert_equal(warehouse, (arm, "No E-Mail", metric, "none"), expected[f"{name}.{outcome}"])
        for metric, outcome in (
            ("visits", "visit.cuped_history"),
            ("spending", "spend.cuped_history"),
            ("spending_by_recency", "spend.cuped_recency"),
        ):
            rows = warehouse.query_published(EFFECTS.format(arm, "No E-Mail", metric, "cuped"))
            wanted = expected[f"{name}.{outcome}"]
            assert rows[0][:2] == pytest.approx((wanted["ate"], wanted["se_welch"]), rel=1e-6)
        chi_square = warehouse.query_published(
            f"select score_p_value from fct_experiment_effects where dimension = 'all' and metric_name = 'visits' "
            f"and treatment_variant_id = '{arm}' and control_variant_id = 'No E-Mail' and variance_reduction = 'none' "
            "and inference = 'fixed'"
        )
        assert chi_square[0][0] == pytest.approx(expected[f"{name}.visit"]["p_chi2_nocorr"], rel=1e-6)


def test_cookie_cats(warehouse: Warehouse, public_data: Path) -> None:
    source = public_data / "cookie_cats.parquet"
    write_observations(
        warehouse,
        "select 'tested' as experiment_id, userid as unit_id, version as variant_id, "
        f"cast(retention_1 as integer) as retention_1, cast(retention_7 as integer) as retention_7 from '{source}'",
    )
    metrics = {"day_1": ("retention_1", True, ""), "day_7": ("retention_7", True, "")}
    write_registry(warehouse.input_folder, ["gate_30", "gate_40"], metrics)

    warehouse.built("--full-refresh", *WITHOUT_UNIT_TESTS)

    expected = reference(public_data, "cookie_cats")["metrics"]
    for metric in ("retention_1", "retention_7"):
        key = ("gate_40", "gate_30", metric.replace("retention", "day"), "none")
        assert_equal(warehouse, key, expected[f"gate40_vs_gate30.{metric}"])
    health = "select status, p_value from fct_experiment_health where check_name = 'sample_ratio'"
    assert warehouse.query_published(health) == [("warn", pytest.approx(0.008607987810836262, rel=1e-6))]


SPENDING = """version: 2
metrics:
  - name: spending
    label: Spending
    description: Money spent on and after the day of the split.
    type: simple
    type_params: {measure: revenue}
    config: {meta: {experiment: {lookback_days: 200}}}
"""


def test_online_retail(warehouse: Warehouse, public_data: Path) -> None:
    """An A/A test by hash over real orders: half a year of spending, adjusted for the half year before."""
    source = public_data / "online_retail_uci.parquet"
    folder = warehouse.input_folder
    duckdb.sql(
        f"""
        copy (
            select row_number() over () as event_id, cast(CustomerID as varchar) as user_id,
                if(Quantity < 0, 'cancellation', 'purchase') as event_type,
                cast(InvoiceDate as timestamp) as occurred_at, Quantity * UnitPrice as revenue
            from '{source}' where CustomerID is not null
        ) to '{folder}/events.parquet' (format parquet);
        copy (
            select 'split' as experiment_id,
                if(cast('0x' || md5('aa-1|' || user_id)[1:8] as bigint) % 2 = 1, 'treatment', 'control') as variant_id,
                user_id, timestamp '2011-06-10 00:00:00' as exposed_at
            from '{folder}/events.parquet' where occurred_at < '2011-06-10' group by user_id
        ) to '{folder}/exposures.parquet' (format parquet);
        """
    )
    registry = folder / "registry"
    registry.mkdir()
    row = "split,A/A by hash,randomised,completed,2011-06-10 00:00:00,2011-12-31 00:00:00,,,\n"
    (registry / "experiments.csv").write_text(EXPERIMENTS + row)
    rows = "split,control,true,0.5,\nsplit,treatment,false,0.5,\n"
    (registry / "experiment_variants.csv").write_text(VARIANTS + rows)
    (registry / "experiment_phases.csv").write_text(PHASES)
    (registry / "experiment_metrics.csv").write_text(METRICS + "split,spending,primary,,,\n")
    (registry / "metrics.yml").write_text(SPENDING)

    warehouse.built("--full-refresh", *WITHOUT_TESTS, variables=WITHOUT_UPLIFT)

    expected = reference(public_data, "online_retail_uci")["aa_test"]
    for variance_reduction, name in (("none", "raw"), ("cuped", "cuped")):
        assert_equal(warehouse, ("treatment", "control", "spending", variance_reduction), expected[name])
    [(rate,)] = warehouse.query_published(
        "select variance_reduction_rate from fct_experiment_effects where dimension = 'all' "
        "and variance_reduction = 'cuped' and inference = 'fixed' and is_latest"
    )
    assert rate == pytest.approx(expected["cuped"]["variance_reduction"], rel=0.01)
    health = "select status, p_value from fct_experiment_health where check_name = 'sample_ratio'"
    assert warehouse.query_published(health) == [("pass", pytest.approx(expected["srm"]["p"], rel=1e-6))]
