"""Effects of treatments that people chose themselves: see `lifthouse.results.treatment_effects`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read scored units with their covariates and outcomes, and return one row per estimate."""
    from lifthouse.results.propensities import causal_pairs
    from lifthouse.results.treatment_effects import treatment_effects

    metrics = dbt.ref("int_experiment_metrics").df()
    scores = dbt.ref("int_propensity_scores")
    covariates = dbt.ref("int_unit_covariates")
    outcomes = dbt.ref("int_unit_outcomes")
    pairs = causal_pairs(
        dbt.ref("experiments").df(),
        dbt.ref("experiment_variants").df(),
        dbt.ref("int_blocked_experiments").df(),
        also=dbt.config.meta_get("also") or [],
    )

    def sampled_units(pair: Any) -> Any:
        scored = scores.filter(pair.scored_condition).project(
            "experiment_id, unit_id, propensity, fold, is_trimmed, learner, reason as score_reason"
        )
        sample = scored.join(covariates, "experiment_id, unit_id").order("hash(unit_id), unit_id")
        return sample.limit(dbt.config.meta_get("fitted_units")).to_arrow_table()

    def values(pair: Any) -> Any:
        return outcomes.filter(pair.condition).project("metric_name, unit_id, value").df()

    effects = treatment_effects(pairs, sampled_units, values, metrics, confidence=dbt.config.meta_get("confidence"))
    session.register("treatment_effects_frame", effects)
    return session.sql("select * from treatment_effects_frame")
