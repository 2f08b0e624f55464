"""Effects of every experiment from moments: see `lifthouse.results.effects`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read moments and registry, and return one row per effect."""
    from lifthouse.results.batches import experiment_batches
    from lifthouse.results.changes import of_changed_experiments
    from lifthouse.results.conditions import is_one_of
    from lifthouse.results.effects import experiment_effects
    from lifthouse.results.registry import Registry

    registry = Registry.from_tables(
        dbt.ref("experiments").df(),
        dbt.ref("experiment_variants").df(),
        dbt.ref("int_experiment_metrics").df(),
        dbt.ref("int_withheld_experiments").df(),
    )
    changed = of_changed_experiments(dbt, session, dbt.ref("int_experiment_inputs"))
    moments, quantiles = (
        dbt.ref("fct_metric_moments").filter(changed),
        dbt.ref("int_metric_quantiles").filter(changed),
    )
    counted = [table.aggregate("experiment_id, count(*)").fetchall() for table in (quantiles, moments)]
    sizes = dict(counted[0]) | dict(counted[1])
    for at, batch in enumerate(experiment_batches(sizes)):
        in_batch = is_one_of("experiment_id", batch)
        effects = experiment_effects(
            moments.filter(in_batch).df(),
            quantiles.filter(in_batch).df(),
            registry,
            confidence=dbt.config.meta_get("confidence"),
            multiplicity=dbt.config.meta_get("multiplicity"),
            spending=dbt.config.meta_get("spending"),
            strata=dbt.config.meta_get("strata"),
        )
        session.register("experiment_effects_batch", effects)
        into = "insert into experiment_effects" if at else "create or replace temp table experiment_effects as"
        session.execute(f"{into} from experiment_effects_batch")
    return session.sql("select * from experiment_effects")
