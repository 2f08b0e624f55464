-- Every included unit enters the moments of each mean, ratio and conversion of its experiment once, if the data allow the metric.

with

units as (

    select
        experiment_id,
        variant_id,

        count(*) as count_units
    from {{ ref('fct_experiment_units') }}
    where is_included
    group by all

),

metrics as (

    select *
    from {{ ref('int_experiment_metrics') }}
    where
        kind in ('mean', 'ratio', 'conversion')
        and metric_name not in (select unavailable.metric_name from {{ ref('int_unavailable_metrics') }} as unavailable)

),

entered as (

    select
        experiment_id,
        metric_name,
        variant_id,

        sum(count_units) as count_units
    from {{ ref('fct_metric_moments') }}
    where dimension = 'all'
    group by all

)

select
    units.experiment_id,
    metrics.metric_name,
    units.variant_id
from units
inner join metrics on units.experiment_id = metrics.experiment_id
left join entered
    on
        units.experiment_id = entered.experiment_id
        and metrics.metric_name = entered.metric_name
        and units.variant_id = entered.variant_id
where coalesce(entered.count_units, 0) != units.count_units
