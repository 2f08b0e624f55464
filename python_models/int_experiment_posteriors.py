"""Posteriors of every effect from moments: see `lifthouse.results.posteriors`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read moments and registry, and return one row per posterior."""
    from lifthouse.results.batches import experiment_batches
    from lifthouse.results.changes import of_changed_experiments
    from lifthouse.results.conditions import is_one_of
    from lifthouse.results.posteriors import experiment_posteriors
    from lifthouse.results.registry import Registry

    registry = Registry.from_tables(
        dbt.ref("experiments").df(),
        dbt.ref("experiment_variants").df(),
        dbt.ref("int_experiment_metrics").df(),
        dbt.ref("int_withheld_experiments").df(),
    )
    changed = of_changed_experiments(dbt, session, dbt.ref("int_experiment_inputs"))
    moments = dbt.ref("fct_metric_moments").filter(changed)
    sizes = dict(moments.aggregate("experiment_id, count(*)").fetchall())
    for at, batch in enumerate(experiment_batches(sizes)):
        posteriors = experiment_posteriors(
            moments.filter(is_one_of("experiment_id", batch)).df(),
            registry,
            confidence=dbt.config.meta_get("confidence"),
            acceptable_loss=dbt.config.meta_get("acceptable_loss"),
        )
        session.register("experiment_posteriors_batch", posteriors)
        into = "insert into experiment_posteriors" if at else "create or replace temp table experiment_posteriors as"
        session.execute(f"{into} from experiment_posteriors_batch")
    return session.sql("select * from experiment_posteriors")
