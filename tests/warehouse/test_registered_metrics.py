"""Metrics and covariates of a registry: what experiments can't use stops the build, and is named with the reason."""

import re
from typing import Any

import pytest
import yaml

from tests.warehouse.conftest import PROJECT, Warehouse
from tests.warehouse.registry_files import copied_registry, write_registry


@pytest.fixture
def warehouse(registry_warehouse: Warehouse) -> Warehouse:
    return registry_warehouse


def test_metrics_of_the_documentation_can_be_registered(warehouse: Warehouse) -> None:
    registry = copied_registry(warehouse.input_folder)
    page = (PROJECT / "docs" / "metrics" / "README.md").read_text()
    blocks = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "model: ref(" in block]
    assert len(blocks) == 2
    for at, block in enumerate(blocks):
        (registry / f"documented_{at}.yml").write_text(block)
    with (registry / "experiment_metrics.csv").open("a") as metrics:
        metrics.write("checkout_aa,searches_per_user,secondary,,,\n")

    run = warehouse.dbt("seed")

    assert run.returncode == 0, run.output


def test_an_undeclared_covariate_is_named(warehouse: Warehouse) -> None:
    write_registry(warehouse.input_folder, ["a", "b"], {"result": ("outcome", False, "agee")}, covariates="age")

    run = warehouse.dbt("seed")

    assert run.returncode != 0
    said = " ".join(run.output.split())
    assert "metric result: covariates names 'agee', which no semantic model declares as fixed before exposure" in said


def test_a_covariate_called_like_a_column_beside_it_is_named(warehouse: Warehouse) -> None:
    write_registry(warehouse.input_folder, ["a", "b"], {"result": ("outcome", False, "")}, covariates="age, Value")

    run = warehouse.dbt("seed")

    assert run.returncode != 0
    said = " ".join(run.output.split())
    assert "semantic model tested_units: covariates names 'Value', which is what lifthouse calls something else" in said
    assert "'age'" not in said


# What is declared of a simple metric, and what the message says of it.
MISTAKES_OF_METRICS = {
    "window_days: -7": "metric result: window_days == '-7', must be a whole number of days > 0",
    "lookback_days: a week": "metric result: lookback_days == 'a week', must be a whole number of days > 0",
    "quantile_over: sessions": "metric result: quantile_over == 'sessions', must be events or units",
}


def test_what_a_metric_may_not_declare_is_named(warehouse: Warehouse) -> None:
    write_registry(warehouse.input_folder, ["a", "b"], {"result": ("outcome", False, "")})
    metrics = warehouse.input_folder / "registry" / "metrics.yml"
    sound = metrics.read_text()
    for declared, message in MISTAKES_OF_METRICS.items():
        metrics.write_text(sound.replace("is_proportion: false", declared))

        run = warehouse.dbt("seed")

        assert run.returncode != 0, declared
        assert message in " ".join(run.output.split())


FILTER = {"filter": "{{ Dimension('tested_unit__exposed_at') }} > '2026-03-01'"}


def simple(measure: str | dict[str, Any] = "tested_outcome", **settings: Any) -> dict[str, Any]:
    return {
        "type": "simple",
        "type_params": {"measure": measure},
        "config": {"meta": {"experiment": settings}},
    }


def ratio(numerator: Any, denominator: Any) -> dict[str, Any]:
    return {"type": "ratio", "type_params": {"numerator": numerator, "denominator": denominator}}


def conversion(**settings: Any) -> dict[str, Any]:
    measures = {kind: {"name": "tested_rows"} for kind in ("base_measure", "conversion_measure")}
    return {
        "type": "conversion",
        "type_params": {"conversion_type_params": {"entity": "unit", **measures, **settings}},
    }


# Metrics that experiments can't use, and why.
UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "filtered": (simple() | FILTER, "it has a filter; put the condition into the measure's expr instead"),
    "of_filtered_measure": (simple({"name": "tested_outcome"} | FILTER), "it has a filter;"),
    "of_filtered": (ratio("filtered", "result"), "it has a filter;"),
    "filtered_below": (ratio("result", {"name": "result"} | FILTER), "it has a filter;"),
    "of_an_expression": (
        simple("trimmed_outcome"),
        "the entity unit of its semantic model trimmed_units has the expr 'trim(unit_id)', must be the name of a",
    ),
    "of_impressions": (
        simple("shown_outcome"),
        "its semantic model shown_units reads fct_impressions, for which experiments do not wait; write -- depends_on: "
        "{{ ref('fct_impressions') }} at the top of models/experiments/int_unit_inputs.sql",
    ),
    "by_another_day": (
        simple("tested_on_another_day"),
        "its measure tested_on_another_day is dated by seen_at, must be by exposed_at",
    ),
    "last_of_each": (simple("tested_last"), "its measure tested_last has a non_additive_dimension;"),
    "counted": (conversion(calculation="conversions"), "its calculation is conversions, must be conversion_rate"),
    "of_the_same_kind": (
        conversion(constant_properties=[{"base_property": "exposed_at", "conversion_property": "exposed_at"}]),
        "it has constant_properties, which experiments do not follow",
    ),
    "quantile_of_a_mean": (simple(quantile_over="units"), "quantile_over says nothing of a mean; leave it out"),
    "adjusted_median": (
        simple("tested_median", lookback_days=7),
        "lookback_days says nothing of a quantile; leave it out",
    ),
    "windowed_retention": (
        simple(retention_from_day=7, retention_to_day=13, window_days=28),
        "window_days says nothing of a retention; leave it out",
    ),
    "endless_retention": (
        simple(retention_from_day=7),
        "retention_from_day == '7', retention_to_day == 'None', must be whole numbers of days, 0 or later, in this",
    ),
    "retention_from_nowhere": (
        simple(retention_to_day=7),
        "retention_from_day == 'None', retention_to_day == '7', must be",
    ),
    "backward_retention": (
        simple(retention_from_day=14, retention_to_day=7),
        "retention_from_day == '14', retention_to_day == '7', must be",
    ),
    "average_of_days": (
        simple("tested_average", retention_from_day=0),
        "retention_from_day says nothing of a ratio; leave it out",
    ),
    "half_a_prior": (
        simple(is_proportion=True, prior_mean=0.1),
        "prior_mean is of a prior, which a proportion has with a prior_standard_deviation only; declare that too",
    ),
    "capped_average": (
        simple("tested_average", cap_upper=100),
        "cap_upper is for totals of a unit, and this is a ratio; leave it out, or cap what is measured in the",
    ),
    "capped_in_percent": (simple(cap_upper_percentile=99), "cap_upper_percentile == '99', must be in [0, 1]"),
    "lifted": (
        simple(cap_lower_percentile=0.05, cap_ignores_zeros=True),
        "cap_lower_percentile with cap_ignores_zeros would lift every unit with a total of 0",
    ),
}
MEASURES: list[dict[str, Any]] = [
    {"name": "tested_on_another_day", "agg": "sum", "expr": "outcome", "agg_time_dimension": "seen_at"},
    {
        "name": "tested_last",
        "agg": "sum",
        "expr": "outcome",
        "non_additive_dimension": {"name": "exposed_at", "window_choice": "max", "window_groupings": ["unit"]},
    },
    {"name": "tested_rows", "agg": "count", "expr": "unit_id"},
    {"name": "tested_median", "agg": "median", "expr": "outcome"},
    {"name": "tested_average", "agg": "average", "expr": "outcome"},
]


def test_metrics_that_experiments_cannot_use_are_named(warehouse: Warehouse) -> None:
    write_registry(warehouse.input_folder, ["a", "b"], {"result": ("outcome", False, "")})
    registry = warehouse.input_folder / "registry"
    sound = (registry / "metrics.yml").read_text()
    # The same units, under a name that is worked out.
    trimmed = sound.replace("tested_", "trimmed_").replace("expr: unit_id", "expr: trim(unit_id)")
    (registry / "trimmed.yml").write_text(trimmed.partition("metrics:\n")[0])
    shown = sound.replace("tested_", "shown_").replace("stg_observations", "fct_impressions")
    (registry / "shown.yml").write_text(shown.partition("metrics:\n")[0])
    declared = yaml.safe_load(sound)
    [tested_units] = declared["semantic_models"]
    tested_units["dimensions"].append({**tested_units["dimensions"][0], "name": "seen_at"})
    tested_units["measures"] += MEASURES
    declared["metrics"] += [{"name": name, "label": name, **metric} for name, (metric, _) in UNUSABLE.items()]
    (registry / "metrics.yml").write_text(yaml.safe_dump(declared))
    with (registry / "experiment_metrics.csv").open("a") as rows:
        rows.writelines(f"tested,{name},secondary,,,\n" for name in UNUSABLE)

    run = warehouse.dbt("seed")

    assert run.returncode != 0
    said = " ".join(run.output.split())
    expected = [
        f"experiment_metrics.csv, row {row}: metric_name == '{name}' can't be used by experiments: {why}"
        for row, (name, (_, why)) in enumerate(UNUSABLE.items(), 3)
    ]
    assert [message for message in expected if message not in said] == [], run.output
