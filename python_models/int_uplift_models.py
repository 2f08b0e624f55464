"""Models of effects unit by unit: see `lifthouse.results.uplift_models`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read fitted units and their outcomes, and return one row per experiment, metric and fold."""
    from lifthouse.results.changes import of_changed_experiments
    from lifthouse.results.uplift_models import uplift_models
    from lifthouse.results.uplift_targets import targets_of

    changed = of_changed_experiments(dbt, session, dbt.ref("int_experiment_inputs"))
    units = dbt.ref("int_uplift_units").filter(changed).filter("is_fitted")
    outcomes = dbt.ref("int_unit_outcomes")
    session.register("fitted_units", units.project("experiment_id, unit_id").to_arrow_table())
    return uplift_models(
        targets_of(
            dbt.ref("int_uplift_targets").filter(changed).df(),
            dbt.ref("experiment_variants").df(),
            dbt.ref("dim_experiment_variants").df(),
        ),
        units.df(),
        outcomes.join(session.sql("from fitted_units"), "experiment_id, unit_id", how="semi").df(),
        learners=tuple(dbt.config.meta_get("learners")),
    )
