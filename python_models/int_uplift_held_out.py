"""Out-of-fold scores of the fitted units: see `lifthouse.results.uplift_models`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read models, fitted units and their outcomes, and return one row per experiment, metric and unit."""
    from lifthouse.results.uplift_models import held_out_scores, targets_of

    units = dbt.ref("int_uplift_units").filter("is_fitted")
    outcomes = dbt.ref("int_unit_outcomes")
    session.register("scored_units", units.project("experiment_id, unit_id").to_arrow_table())
    return held_out_scores(
        targets_of(dbt.ref("int_uplift_targets").df(), dbt.ref("experiment_variants").df()),
        dbt.ref("int_uplift_models").df(),
        units.df(),
        outcomes.join(session.sql("from scored_units"), "experiment_id, unit_id", how="semi").df(),
    )
