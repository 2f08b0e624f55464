"""Who is in which part of the range of effects: see `lifthouse.results.uplift_segments`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read models and held-out scores, and call the pure function."""
    from lifthouse.results.changes import of_changed_experiments
    from lifthouse.results.uplift_segments import uplift_segments
    from lifthouse.results.uplift_targets import targets_of

    changed = of_changed_experiments(dbt, session, dbt.ref("int_experiment_inputs"))
    return uplift_segments(
        targets_of(
            dbt.ref("int_uplift_targets").filter(changed).df(),
            dbt.ref("experiment_variants").df(),
            dbt.ref("dim_experiment_variants").df(),
        ),
        dbt.ref("int_uplift_models").filter(changed).df(),
        dbt.ref("int_uplift_held_out").filter(changed).to_arrow_table(),
        dbt.ref("int_uplift_evaluation").filter(changed).df(),
        dbt.ref("int_uplift_units").filter(changed).filter("is_fitted").df(),
        confidence=dbt.config.meta_get("confidence"),
    )
