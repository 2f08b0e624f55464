"""Effects of every experiment from moments: see `lifthouse.results.effects`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read moments and registry, and return one row per effect."""
    from lifthouse.results.effects import experiment_effects
    from lifthouse.results.registry import Registry

    registry = Registry.from_tables(
        dbt.ref("experiments").df(),
        dbt.ref("experiment_variants").df(),
        dbt.ref("int_experiment_metrics").df(),
        dbt.ref("int_blocked_experiments").df(),
    )
    effects = experiment_effects(
        dbt.ref("fct_metric_moments").df(),
        dbt.ref("int_metric_quantiles").df(),
        registry,
        confidence=dbt.config.meta_get("confidence"),
        multiplicity=dbt.config.meta_get("multiplicity"),
        spending=dbt.config.meta_get("spending"),
        strata=dbt.config.meta_get("strata"),
    )
    session.register("experiment_effects_frame", effects)
    return session.sql("select * from experiment_effects_frame")
