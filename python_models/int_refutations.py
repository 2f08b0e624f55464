"""Attempts to refute effects of treatments that people chose themselves: see `lifthouse.results.refutations`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read estimates and the units they are from, and return one row per refuter."""
    from lifthouse.results.changes import of_changed_experiments
    from lifthouse.results.propensities import causal_pairs, of_sampled_units, scored_units
    from lifthouse.results.refutations import refutations

    changed = of_changed_experiments(dbt, session, dbt.ref("int_experiment_inputs"))
    pairs = causal_pairs(
        dbt.ref("experiments").df(),
        dbt.ref("experiment_variants").filter(changed).df(),
        dbt.ref("int_blocked_experiments").df(),
        also=dbt.config.meta_get("also"),
    )
    most = dbt.config.meta_get("refuted_units")
    scores, covariates = dbt.ref("int_propensity_scores"), dbt.ref("int_unit_covariates")
    outcomes = dbt.ref("int_unit_outcomes")
    found = refutations(
        pairs,
        lambda pair: scored_units(pair, scores, covariates, most=most),
        lambda pair, sample: of_sampled_units(
            outcomes.filter(pair.condition).project("metric_name, unit_id, value, days_followed"), sample, session
        ),
        dbt.ref("int_treatment_effects").df(),
        dbt.ref("int_experiment_metrics").df(),
        estimand=dbt.config.meta_get("estimand"),
        overlap_fails_below=dbt.config.meta_get("overlap_fails_below"),
        confidence=dbt.config.meta_get("confidence"),
    )
    session.register("refutations_frame", found)
    return session.sql("select * from refutations_frame")
