"""How to split the next units: see `lifthouse.results.bandits`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read moments and registry, and return one row per experiment and variant."""
    from lifthouse.results.bandits import bandit_allocations, retired_arms
    from lifthouse.results.registry import Registry

    registry = Registry.from_tables(
        dbt.ref("experiments").df(),
        dbt.ref("experiment_variants").df(),
        dbt.ref("int_experiment_metrics").df(),
        dbt.ref("int_withheld_experiments").df(),
    )
    allocations = bandit_allocations(
        dbt.ref("fct_metric_moments").filter("dimension in ('all', 'phase')").df(),
        registry,
        retired=retired_arms(dbt.ref("dim_experiment_variants").df()),
        method=dbt.config.meta_get("method"),
        floor=dbt.config.meta_get("floor"),
    )
    session.register("bandit_allocations_frame", allocations)
    return session.sql("select * from bandit_allocations_frame")
