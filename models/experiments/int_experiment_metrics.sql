-- What each experiment wants to know, with the definition of the metric beside it. One row per experiment and metric.

with

registered as (

    select *
    from {{ ref('experiment_metrics') }}

),

metrics as (

    select *
    from {{ ref('dim_metrics') }}

)

select
    registered.experiment_id,
    registered.metric_name,
    registered.role,
    metrics.kind,
    metrics.direction,
    metrics.quantile_over,
    metrics.prior_scale,
    registered.minimum_detectable_effect,
    registered.non_inferiority_margin,
    registered.value_per_unit,
    metrics.quantile,
    metrics.prior_mean,
    metrics.prior_standard_deviation,
    metrics.window_days,
    metrics.lookback_days,
    metrics.retention_from_day,
    metrics.retention_to_day,
    metrics.is_proportion
from registered
inner join metrics on registered.metric_name = metrics.metric_name
