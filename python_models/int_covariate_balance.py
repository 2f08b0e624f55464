"""Balance of covariates before and after weighting: see `lifthouse.results.covariate_balance`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read scored units with their covariates, and return one row per weighting and column."""
    from lifthouse.results.changes import of_changed_experiments
    from lifthouse.results.covariate_balance import covariate_balance
    from lifthouse.results.propensities import causal_pairs, scored_units

    changed = of_changed_experiments(dbt, session, dbt.ref("int_experiment_inputs"))
    pairs = causal_pairs(
        dbt.ref("experiments").df(),
        dbt.ref("experiment_variants").filter(changed).df(),
        dbt.ref("int_blocked_experiments").df(),
        also=dbt.config.meta_get("also"),
    )
    most = dbt.config.meta_get("fitted_units")
    scores, covariates = dbt.ref("int_propensity_scores"), dbt.ref("int_unit_covariates")
    balance = covariate_balance(
        pairs,
        lambda pair: scored_units(pair, scores, covariates, most=most),
        largest_difference=dbt.config.meta_get("largest_difference"),
    )
    session.register("covariate_balance_frame", balance)
    return session.sql("select * from covariate_balance_frame")
