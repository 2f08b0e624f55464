"""Whether experiments can be trusted: see `lifthouse.results.health`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read counts and moments, and return one row per check."""
    from lifthouse.results.health import experiment_health

    variants = dbt.ref("experiment_variants").df()
    controls = dict(variants.loc[variants["is_control"], ["experiment_id", "variant_id"]].itertuples(index=False))
    health = experiment_health(
        dbt.ref("experiments").df(),
        dbt.ref("dim_experiment_variants").df(),
        dbt.ref("int_experiment_unit_counts").df(),
        dbt.ref("int_experiment_exclusions").df(),
        dbt.ref("fct_metric_moments").filter("dimension in ('all', 'phase')").df(),
        metrics=dbt.ref("experiment_metrics").df(),
        unavailable=dbt.ref("int_unavailable_metrics").df(),
        covariate_gaps=dbt.ref("int_covariate_gaps").df(),
        overlaps=dbt.ref("int_overlap_moments").df(),
        stretches=dbt.ref("int_novelty_moments").df(),
        controls=controls,
        fail_below=dbt.config.meta_get("fail_below"),
        warn_below=dbt.config.meta_get("warn_below"),
        largest_exclusion_rate=dbt.config.meta_get("largest_exclusion_rate"),
    )
    session.register("experiment_health_frame", health)
    return session.sql("select * from experiment_health_frame")
