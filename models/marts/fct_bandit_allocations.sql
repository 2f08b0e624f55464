-- How to split the next units of an experiment, by what its primary metric says so far.

with

allocations as (

    select *
    from {{ ref('int_bandit_allocations') }}

),

unavailable_metrics as (

    select *
    from {{ ref('int_unavailable_metrics') }}

)

select
    allocations.experiment_id,
    allocations.variant_id,
    allocations.metric_name,
    allocations.reward,
    {{ reason_of_metric('allocations') }} as reason,
    allocations.count_units,
    allocations.mean,
    allocations.standard_error,
    allocations.probability_best,
    allocations.current_share,
    allocations.share,
    cast(allocations.as_of_date as date) as as_of_date
from allocations
left join unavailable_metrics on allocations.metric_name = unavailable_metrics.metric_name
