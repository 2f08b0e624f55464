"""Public experiments through `dbt build` give the numbers that scipy gives on the same rows."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.warehouse.conftest import WITHOUT_UNIT_TESTS, Warehouse
from tests.warehouse.registry_files import write_registry

EFFECTS = """
    select absolute_effect, standard_error, degrees_of_freedom, p_value, absolute_ci_lower, absolute_ci_upper
    from fct_experiment_effects
    where dimension = 'all' and treatment_variant_id = '{}' and control_variant_id = '{}' and metric_name = '{}'
        and variance_reduction = '{}'
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

    warehouse.built("--full-refresh", *WITHOUT_UNIT_TESTS)

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
            f"and treatment_variant_id = '{arm}' and control_variant_id = 'No E-Mail' and variance_reduction = 'none'"
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
