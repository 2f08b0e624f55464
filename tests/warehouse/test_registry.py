"""A registry with mistakes: the build stops before anything is made, and names file, row and remedy of each."""

import duckdb
import pytest

from tests.warehouse.conftest import Warehouse
from tests.warehouse.registry_files import copied_registry
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
        "dear,a,true,1,5": "cost_per_unit == '5' of the control of 'dear', must be empty or 0: give the others",
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


@pytest.fixture
def warehouse(registry_warehouse: Warehouse) -> Warehouse:
    return registry_warehouse


def test_every_mistake_is_named_with_its_row_and_remedy(warehouse: Warehouse) -> None:
    registry = copied_registry(warehouse.input_folder)
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
    assert "visit_rate, or one of your own, declared in YAML beside this table (docs/metrics/README.md)" in run.output
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
    registry = copied_registry(warehouse.input_folder)
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


def test_a_missing_column_is_named(warehouse: Warehouse) -> None:
    registry = copied_registry(warehouse.input_folder)
    metrics = (registry / "experiment_metrics.csv").read_text()
    (registry / "experiment_metrics.csv").write_text(metrics.replace("role", "rank", 1))

    run = warehouse.dbt("seed")

    assert run.returncode != 0
    found = "experiment_id, metric_name, rank, minimum_detectable_effect, non_inferiority_margin, value_per_unit"
    assert f"registry/experiment_metrics.csv lacks the column role; found: {found}. Add it" in run.output


def test_semicolons_are_no_commas(warehouse: Warehouse) -> None:
    registry = copied_registry(warehouse.input_folder)
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
    experiments = copied_registry(warehouse.input_folder) / "experiments.csv"
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
