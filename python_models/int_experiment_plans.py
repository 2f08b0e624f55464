"""How long an experiment on each metric would run: see `lifthouse.results.planning`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read effects and definitions, and return one row per metric and length."""
    from lifthouse.results.planning import EFFECTS_THAT_PLAN, Planned, experiment_plans, history_of_metrics

    history = history_of_metrics(
        dbt.ref("fct_experiment_effects").filter(EFFECTS_THAT_PLAN).df(),
        dict(dbt.ref("experiment_variants").filter("is_control").project("experiment_id, variant_id").fetchall()),
        dbt.ref("dim_metrics").df(),
    )
    planned = Planned(
        effect=dbt.config.meta_get("effect"),
        confidence=dbt.config.meta_get("confidence"),
        power=dbt.config.meta_get("target"),
    )
    session.register("experiment_plans_frame", experiment_plans(history, planned, dbt.config.meta_get("days")))
    return session.sql("select * from experiment_plans_frame")
