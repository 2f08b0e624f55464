"""A registry with mistakes: the build stops before anything is made, and names file, row and remedy of each."""

import shutil
from pathlib import Path

from tests.warehouse.conftest import PROJECT, Warehouse
from tests.warehouse.registry_files import write_registry

# What is appended to each file, and what the message says of it.
MISTAKES = {
    "experiments.csv": {
        "closed,Ends before it starts,randomised,completed,2026-03-16 00:00:00,2026-03-01 00:00:00,,,": (
            "ended_at == '2026-03-01 00:00:00' is not after started_at == '2026-03-16 00:00:00'"
        ),
        "odd,Unknown words,random,done,yesterday,,,-5,": (
            "assignment == 'random', must be one of randomised, observational"
        ),
    },
    "experiment_variants.csv": {
        "closed,a,true,0.5,": "'closed' has 2 controls, must have exactly one",
        "closed,b,true,0.3,": "'closed': expected_share adds up to 0.8, must add up to 1",
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
    },
    "experiment_metrics.csv": {
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


def copied_registry(warehouse: Warehouse) -> Path:
    registry = warehouse.input_folder / "registry"
    shutil.copytree(PROJECT / "seeds", registry)
    return registry


def test_every_mistake_is_named_with_its_row_and_remedy(warehouse: Warehouse) -> None:
    registry = copied_registry(warehouse)
    expected = {"odd": "status == 'done', must be one of running, completed, invalid"}
    lines = {}
    for name, mistakes in MISTAKES.items():
        good = (registry / name).read_text().splitlines()
        lines.update({row: len(good) + at for at, row in enumerate(mistakes, 1)})
        (registry / name).write_text("\n".join([*good, *mistakes]) + "\n")

    run = warehouse.dbt("seed")

    assert run.returncode != 0
    assert "The registry cannot be used; nothing was built." in run.output
    assert expected["odd"] in run.output
    for name, mistakes in MISTAKES.items():
        for message in mistakes.values():
            said = [line for line in run.output.splitlines() if message in line]
            assert said, f"not said: {message}\n{run.output}"
            assert f"registry/{name}, row " in said[0]
    late = "mobile_banner,late,control,1,2026-03-18 00:00:00,2026-03-30 00:00:00"
    assert f"row {lines[late]}: {MISTAKES['experiment_phases.csv'][late]}" in run.output
    twice = MISTAKES["experiment_metrics.csv"]["checkout_aa,ctr,secondary,,,"]
    assert f"row {lines['checkout_aa,ctr,secondary,,,']}: {twice}" in run.output


def test_the_last_phase_of_an_open_experiment_has_no_end(warehouse: Warehouse) -> None:
    registry = copied_registry(warehouse)
    experiments, phases = (registry / name for name in ("experiments.csv", "experiment_phases.csv"))
    an_end = "2026-03-30 00:00:00"
    opened = [
        line.replace(an_end, "") if line.startswith("search_ramp") else line
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
    registry = copied_registry(warehouse)
    metrics = (registry / "experiment_metrics.csv").read_text()
    (registry / "experiment_metrics.csv").write_text(metrics.replace("role", "rank", 1))

    run = warehouse.dbt("seed")

    assert run.returncode != 0
    assert "registry/experiment_metrics.csv lacks the column 'role'. Add it" in run.output


def test_an_undeclared_covariate_is_named(warehouse: Warehouse) -> None:
    write_registry(warehouse.input_folder, ["a", "b"], {"result": ("outcome", False, "agee")}, covariates="age")

    run = warehouse.dbt("seed")

    assert run.returncode != 0
    said = " ".join(run.output.split())
    assert "metric result: covariates names 'agee', which no semantic model declares as fixed before exposure" in said
