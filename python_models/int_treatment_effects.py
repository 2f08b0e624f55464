"""Effects of treatments that people chose themselves: see `lifthouse.results.treatment_effects`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read scored units with their covariates and outcomes, and return one row per estimate."""
    from lifthouse.results.changes import of_changed_experiments
    from lifthouse.results.propensities import causal_pairs, of_sampled_units, scored_units
    from lifthouse.results.treatment_effects import treatment_effects

    changed = of_changed_experiments(dbt, session, dbt.ref("int_experiment_inputs"))
    pairs = causal_pairs(
        dbt.ref("experiments").df(),
        dbt.ref("experiment_variants").filter(changed).df(),
        dbt.ref("int_blocked_experiments").df(),
        also=dbt.config.meta_get("also"),
    )
    most = dbt.config.meta_get("fitted_units")
    scores, covariates = dbt.ref("int_propensity_scores"), dbt.ref("int_unit_covariates")
    outcomes, units = dbt.ref("int_unit_outcomes"), dbt.ref("int_units_segmented")
    dimensions = [f'"{name}"' for name in dbt.config.meta_get("dimensions") if name in units.columns]
    effects = treatment_effects(
        pairs,
        lambda pair: scored_units(pair, scores, covariates, most=most),
        lambda pair, sample: of_sampled_units(
            outcomes.filter(pair.condition).project("metric_name, unit_id, value"), sample, session
        ),
        lambda pair, sample: of_sampled_units(
            units.filter(pair.condition).project(", ".join(["unit_id", *dimensions])), sample, session
        ),
        dbt.ref("int_experiment_metrics").df(),
        confidence=dbt.config.meta_get("confidence"),
    )
    session.register("treatment_effects_frame", effects)
    return session.sql("select * from treatment_effects_frame")
