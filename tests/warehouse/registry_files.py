"""Registries for tests, as CSV and YAML in the input folder: the demo's, or one experiment."""

import shutil
from pathlib import Path

from tests.warehouse.conftest import PROJECT

EXPERIMENTS = (
    "experiment_id,description,assignment,status,started_at,ended_at,activation_event_type,planned_units,annual_units\n"
)
VARIANTS = "experiment_id,variant_id,is_control,expected_share,cost_per_unit\n"
PHASES = "experiment_id,phase_id,variant_id,expected_share,started_at,ended_at\n"
METRICS = "experiment_id,metric_name,role,minimum_detectable_effect,non_inferiority_margin,value_per_unit\n"

SEMANTIC_MODEL = """version: 2
semantic_models:
  - name: tested_units
    description: Units of the test.
    model: ref('stg_observations')
    defaults: {{agg_time_dimension: exposed_at}}
    primary_entity: tested_unit
    entities: [{{name: unit, type: foreign, expr: unit_id}}]
    dimensions: [{{name: exposed_at, type: time, type_params: {{time_granularity: day}}}}]
    measures:
{measures}
    config: {{meta: {{experiment: {{covariates: [{covariates}]}}}}}}
metrics:
{metrics}
"""
METRIC = """  - name: {name}
    label: {name}
    description: {name}
    type: simple
    type_params: {{measure: tested_{column}}}
    config: {{meta: {{experiment: {{is_proportion: {is_proportion}, covariates: [{covariates}]}}}}}}
"""


def copied_registry(folder: Path) -> Path:
    """Copy the demo's registry."""
    registry = folder / "registry"
    shutil.copytree(PROJECT / "seeds", registry)
    return registry


def write_registry(
    folder: Path,
    variants: list[str],
    metrics: dict[str, tuple[str, bool, str]],
    *,
    status: str = "completed",
    covariates: str = "",
    assignment: str = "randomised",
) -> None:
    """Write the registry of experiment `tested`, whose first variant is control.

    A metric is name: (column, is proportion, covariates).
    """
    registry = folder / "registry"
    registry.mkdir()
    share = 1 / len(variants)
    (registry / "experiments.csv").write_text(
        f"{EXPERIMENTS}tested,A test,{assignment},{status},2026-03-01 00:00:00,2026-03-15 00:00:00,,,\n"
    )
    rows = [f"tested,{name},{str(at == 0).lower()},{share},\n" for at, name in enumerate(variants)]
    (registry / "experiment_variants.csv").write_text(VARIANTS + "".join(rows))
    (registry / "experiment_phases.csv").write_text(PHASES)
    (registry / "experiment_metrics.csv").write_text(
        METRICS + "".join(f"tested,{name},primary,,,\n" for name in metrics)
    )
    measures = "\n".join(
        f"      - {{name: tested_{column}, agg: sum, expr: {column}, description: {column}}}"
        for column in sorted({column for column, _, _ in metrics.values()})
    )
    declared = "".join(
        METRIC.format(name=name, column=column, is_proportion=str(is_proportion).lower(), covariates=adjusted_for)
        for name, (column, is_proportion, adjusted_for) in metrics.items()
    )
    (registry / "metrics.yml").write_text(
        SEMANTIC_MODEL.format(measures=measures, covariates=covariates, metrics=declared)
    )
