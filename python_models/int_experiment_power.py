"""What experiments can find, and when: see `lifthouse.results.power`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read effects and registry, and return one row per experiment, metric and treatment."""
    from lifthouse.results.planning import EFFECTS_THAT_PLAN
    from lifthouse.results.power import experiment_power
    from lifthouse.results.registry import Registry

    variants = dbt.ref("experiment_variants").df()
    registry = Registry.from_tables(
        dbt.ref("experiments").df(),
        variants,
        dbt.ref("int_experiment_metrics").df(),
        dbt.ref("int_withheld_experiments").df(),
    )
    power = experiment_power(
        dbt.ref("fct_experiment_effects").filter(EFFECTS_THAT_PLAN).df(),
        variants,
        registry,
        confidence=dbt.config.meta_get("confidence"),
        target=dbt.config.meta_get("target"),
    )
    session.register("experiment_power_frame", power)
    return session.sql("select * from experiment_power_frame")
