"""Out-of-fold scores of the fitted units: see `lifthouse.results.uplift_held_out`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read models, fitted units and their outcomes, and return one row per experiment, metric and unit."""
    from lifthouse.results.changes import of_changed_experiments
    from lifthouse.results.uplift_held_out import held_out_scores
    from lifthouse.results.uplift_targets import targets_of

    changed = of_changed_experiments(dbt, session, dbt.ref("int_experiment_inputs"))
    units = dbt.ref("int_uplift_units").filter(changed).filter("is_fitted")
    outcomes = dbt.ref("int_unit_outcomes")
    session.register("scored_units", units.project("experiment_id, unit_id").to_arrow_table())
    return held_out_scores(
        targets_of(
            dbt.ref("int_uplift_targets").filter(changed).df(),
            dbt.ref("experiment_variants").df(),
            dbt.ref("dim_experiment_variants").df(),
        ),
        dbt.ref("int_uplift_models").filter(changed).df(),
        units.df(),
        outcomes.join(session.sql("from scored_units"), "experiment_id, unit_id", how="semi").df(),
    )
