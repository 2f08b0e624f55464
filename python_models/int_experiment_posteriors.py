"""Posteriors of every effect from moments: see `lifthouse.results.posteriors`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read moments and registry, and return one row per posterior."""
    from lifthouse.results.posteriors import experiment_posteriors
    from lifthouse.results.registry import Registry

    registry = Registry.from_tables(
        dbt.ref("experiments").df(),
        dbt.ref("experiment_variants").df(),
        dbt.ref("int_experiment_metrics").df(),
        dbt.ref("int_blocked_experiments").df(),
    )
    posteriors = experiment_posteriors(
        dbt.ref("fct_metric_moments").df(),
        registry,
        confidence=dbt.config.meta_get("confidence"),
        acceptable_loss=dbt.config.meta_get("acceptable_loss"),
    )
    session.register("experiment_posteriors_frame", posteriors)
    return session.sql("select * from experiment_posteriors_frame")
