"""A registry with mistakes: the build stops before anything is made, and names file, row and remedy of each."""

import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.warehouse.conftest import PROJECT, Warehouse
from tests.warehouse.registry_files import write_registry
from tests.warehouse.small_shop import GOOD, write_input

# What is appended to each file, and what the message says of it.
MISTAKES = {
    "experiments.csv": {
        "closed,Ends before it starts,randomised,completed,2026-03-16 00:00:00,2026-03-01 00:00:00,,,": (
            "ended_at == '2026-03-01 00:00:00' is not after started_at == '2026-03-16 00:00:00'"
        ),
        "odd,Unknown words,random,done,yesterday,,,-5,": (
            "assignment == 'random', must be one of randomised, observational"
        ),
        "forgotten,Has no end,randomised,completed,2026-03-16 00:00:00,,,,": (
            "status is completed, but ended_at is empty: units would go on coming in; write when it ended"
        ),
        ",Without a name,randomised,running,2026-03-16 00:00:00,,,,": "experiment_id is empty; every row needs one",
        "abroad,Begins elsewhere,randomised,running,2026-03-16T00:00:00+02:00,,,,": (
            "started_at == '2026-03-16T00:00:00+02:00' is not in UTC, as all times of the registry are; convert it"
        ),
        "apart,An offset apart,randomised,running,2026-03-16 00:00:00 +02:00,,,,": (
            "started_at == '2026-03-16 00:00:00 +02:00' has something behind the time, which would be dropped; write it"
        ),
        "evening,A clock of twelve,randomised,running,2026-03-16 10:00:00 PM,,,,": (
            "started_at == '2026-03-16 10:00:00 PM' has something behind the time, which would be dropped; "
            "write it in UTC, like 2026-03-16 00:00:00"
        ),
        "half,Half a unit,randomised,running,2026-03-16T00:00:00Z,,,1000.5,": (
            "planned_units == '1000.5', must be a whole number, or empty"
        ),
        "#2,No comment,randomised,bad,2026-03-16 00:00:00,,,,": (
            "status == 'bad', must be one of running, completed, invalid"
        ),
    },
    "experiment_variants.csv": {
        "closed,a,true,0.5,": "'closed' has 2 controls, must have exactly one",
        "closed,b,true,0.3,": "'closed': expected_share adds up to 0.8, must add up to 1",
        ",a,true,1,": "experiment_id is empty; every row needs one",
        "odd,a,false,1,": "'odd' has 0 controls, must have exactly one",
        "nowhere,a,true,1,": "experiment_id == 'nowhere' is not in experiments.csv",
    },
    "experiment_phases.csv": {
        "checkout_aa,one,control,0.5,2026-03-16 00:00:00,2026-03-20 00:00:00": (
            "phase 'one' of 'checkout_aa': expected_share adds up to 0.5"
        ),
        "checkout_aa,two,control,0.5,2026-03-18 00:00:00,2026-03-25 00:00:00": (
            "phase 'two' of 'checkout_aa' overlaps with phase 'one'; end one before the other starts"
        ),
        "checkout_aa,two,placebo,0.5,2026-03-18 00:00:00,2026-03-25 00:00:00": (
            "variant_id == 'placebo' is not a variant of 'checkout_aa'"
        ),
        "checkout_aa,three,control,1,2026-03-27 00:00:00,": (
            "'checkout_aa' is in no phase from 2026-03-25 00:00:00 to 2026-03-27 00:00:00; phases cover an experiment"
        ),
        "mobile_banner,late,control,1,2026-03-18 00:00:00,2026-03-30 00:00:00": (
            "'mobile_banner' is in no phase from 2026-03-16 00:00:00 to 2026-03-18 00:00:00"
        ),
        "recommendation_v2,first,control,1,2026-03-16 00:00:00,": "phase 'next' of 'recommendation_v2' overlaps",
        "recommendation_v2,next,control,1,2026-03-20 00:00:00,": "phase 'next' of 'recommendation_v2' overlaps with",
        ",three,control,0.5,2026-03-16 00:00:00,2026-03-20 00:00:00": "experiment_id is empty; every row needs one",
        "abroad,one,control,1,2026-03-27 00:00:00,2026-03-28 00:00:00-06": (
            "ended_at == '2026-03-28 00:00:00-06' is not in UTC"
        ),
    },
    "experiment_metrics.csv": {
        ",ctr,primary,,,": "experiment_id is empty; every row needs one",
        "checkout_aa,click_rate,secondary,,,": "metric_name == 'click_rate' is not a metric of the semantic layer",
        "checkout_aa,retention_d21,,,,": "role == '', must be one of primary, secondary, guardrail",
        "checkout_aa,tasks_per_user,guardrail,,-0.1,": "non_inferiority_margin == '-0.1', must be a number > 0",
        "mobile_banner,tasks_per_user,secondary,,,-1": (
            "value_per_unit == '-1', but the direction of tasks_per_user is increase; correct the sign"
        ),
        "mobile_banner,page_load_ms,secondary,,,2": (
            "value_per_unit == '2', but the direction of page_load_ms is decrease; correct the sign"
        ),
        "checkout_aa,ctr,secondary,,,": "experiment_id, metric_name == checkout_aa, ctr is there twice",
    },
}
# Mistakes that a row makes together with another, of which they are said.
SAID_OF = {
    "closed,b,true,0.3,": "closed,a,true,0.5,",
    "recommendation_v2,first,control,1,2026-03-16 00:00:00,": "recommendation_v2,next,control,1,2026-03-20 00:00:00,",
}


@pytest.fixture(scope="module")
def input_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("input")


@pytest.fixture
def warehouse(input_folder: Path, tmp_path: Path) -> Warehouse:
    """An empty warehouse. Its registry is always in the same place, and need not be parsed again for other rows."""
    write_input(input_folder, {})
    return Warehouse(tmp_path, input_folder)


def copied_registry(warehouse: Warehouse) -> Path:
    registry = warehouse.input_folder / "registry"
    shutil.copytree(PROJECT / "seeds", registry)
    return registry


def test_every_mistake_is_named_with_its_row_and_remedy(warehouse: Warehouse) -> None:
    registry = copied_registry(warehouse)
    expected = ["status == 'done', must be one of running, completed, invalid"]
    for name, mistakes in MISTAKES.items():
        good = (registry / name).read_text().splitlines()
        numbers = {row: len(good) + at for at, row in enumerate(mistakes, 1)}
        expected += [
            f"registry/{name}, row {numbers[SAID_OF.get(row, row)]}: {message}" for row, message in mistakes.items()
        ]
        (registry / name).write_text("\n".join([*good, *mistakes]) + "\n")

    run = warehouse.dbt("seed")

    assert run.returncode != 0
    assert "The registry cannot be used; nothing was built." in run.output
    assert [said for said in expected if said not in run.output] == [], run.output
    assert ": None" not in run.output


def test_what_vars_name_must_be_registered(warehouse: Warehouse) -> None:
    """A wrong name would do nothing, and nothing would say so."""
    named = {
        "causal_experiments": ["checkout_aa", "checkout_bb"],
        "uplift_metrics": ["none", "checkout_aa.ctr", "checkout_aa.clicks"],
    }

    run = warehouse.dbt("seed", variables=named)

    assert run.returncode != 0
    assert "experiments.csv: var causal_experiments names 'checkout_bb', which is in no row; correct" in run.output
    assert "experiment_metrics.csv: var uplift_metrics names 'checkout_aa.clicks', which is in no row" in run.output
    assert run.output.count("which is in no row") == 2


def test_the_last_phase_of_an_open_experiment_has_no_end(warehouse: Warehouse) -> None:
    registry = copied_registry(warehouse)
    experiments, phases = (registry / name for name in ("experiments.csv", "experiment_phases.csv"))
    an_end = "2026-03-30 00:00:00"
    opened = [
        line.replace(an_end, "").replace("completed", "running") if line.startswith("search_ramp") else line
        for line in experiments.read_text().splitlines()
    ]
    experiments.write_text("\n".join(opened) + "\n")

    run = warehouse.dbt("seed")

    assert run.returncode != 0
    assert f"experiment_phases.csv, row 4: 'search_ramp' is in no phase from {an_end} on; " in run.output

    phases.write_text(phases.read_text().replace(an_end, ""))
    run = warehouse.dbt("seed")
    assert run.returncode == 0, run.output
    open_phases = warehouse.query("select distinct phase_id from registry.experiment_phases where ended_at is null")
    assert open_phases == [("ramp_50",)]


def test_metrics_of_the_documentation_can_be_registered(warehouse: Warehouse) -> None:
    registry = copied_registry(warehouse)
    page = (PROJECT / "docs" / "metrics" / "README.md").read_text()
    blocks = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "model: ref(" in block]
    assert len(blocks) == 2
    for at, block in enumerate(blocks):
        (registry / f"documented_{at}.yml").write_text(block)
    with (registry / "experiment_metrics.csv").open("a") as metrics:
        metrics.write("checkout_aa,searches_per_user,secondary,,,\n")

    run = warehouse.dbt("seed")

    assert run.returncode == 0, run.output


def test_a_missing_column_is_named(warehouse: Warehouse) -> None:
    registry = copied_registry(warehouse)
    metrics = (registry / "experiment_metrics.csv").read_text()
    (registry / "experiment_metrics.csv").write_text(metrics.replace("role", "rank", 1))

    run = warehouse.dbt("seed")

    assert run.returncode != 0
    found = "experiment_id, metric_name, rank, minimum_detectable_effect, non_inferiority_margin, value_per_unit"
    assert f"registry/experiment_metrics.csv lacks the column role; found: {found}. Add it" in run.output


def test_semicolons_are_no_commas(warehouse: Warehouse) -> None:
    registry = copied_registry(warehouse)
    variants = (registry / "experiment_variants.csv").read_text()
    (registry / "experiment_variants.csv").write_text(variants.replace(",", ";"))

    run = warehouse.dbt("seed")

    assert run.returncode != 0
    assert "experiment_variants.csv lacks the column experiment_id, variant_id, is_control" in run.output
    assert (
        "found: experiment_id;variant_id;is_control;expected_share;cost_per_unit. Add it, after a comma" in run.output
    )


def test_columns_may_change_places_and_others_come_beside_them(warehouse: Warehouse) -> None:
    write_input(warehouse.input_folder, GOOD)
    experiments = copied_registry(warehouse) / "experiments.csv"
    with duckdb.connect() as connection:
        connection.execute(f"create table given as from read_csv('{experiments}', all_varchar = true)")
        before = connection.execute("select planned_units, annual_units from given").fetchall()
        assert ("20000", "1000000") in before
        assert warehouse.dbt("seed").returncode == 0
        connection.execute(f"""
            copy (
                select annual_units, 'ann' as "Owner's Name", experiment_id as "order", * exclude (annual_units)
                from given
            ) to '{experiments}' (header)
        """)

    run = warehouse.dbt("seed")

    assert run.returncode == 0, run.output
    loaded = warehouse.query("""
        select cast(planned_units as varchar), cast(annual_units as varchar), "Owner's Name", "order" = experiment_id
        from registry.experiments
    """)
    assert sorted(loaded, key=str) == sorted(((*units, "ann", True) for units in before), key=str)


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
