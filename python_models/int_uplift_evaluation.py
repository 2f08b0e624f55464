"""Measures of every learner: see `lifthouse.results.uplift_evaluation`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read models and held-out scores, and call the pure function."""
    from lifthouse.results.changes import of_changed_experiments
    from lifthouse.results.uplift_evaluation import uplift_evaluation
    from lifthouse.results.uplift_targets import targets_of

    changed = of_changed_experiments(dbt, session, dbt.ref("int_experiment_inputs"))
    return uplift_evaluation(
        targets_of(
            dbt.ref("int_uplift_targets").filter(changed).df(),
            dbt.ref("experiment_variants").df(),
            dbt.ref("dim_experiment_variants").df(),
        ),
        dbt.ref("int_uplift_models").filter(changed).df(),
        dbt.ref("int_uplift_held_out").filter(changed).to_arrow_table(),
        confidence=dbt.config.meta_get("confidence"),
    )
