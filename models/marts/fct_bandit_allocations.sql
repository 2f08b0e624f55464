-- How to split the next units of an experiment, by what its primary metric says so far.

with

allocations as (

    select *
    from {{ ref('int_bandit_allocations') }}

),

-- Of these nothing is known, however many units there are.
unavailable_metrics as (

    select *
    from {{ ref('int_unavailable_metrics') }}

)

select
    allocations.experiment_id,
    allocations.variant_id,
    allocations.metric_name,
    allocations.reward,
    case
        when allocations.reason = 'no_units' then coalesce(unavailable_metrics.reason, allocations.reason)
        else allocations.reason
    end as reason,
    allocations.count_units,
    allocations.mean,
    allocations.standard_error,
    allocations.probability_best,
    allocations.current_share,
    allocations.share,
    cast(allocations.as_of_date as date) as as_of_date
from allocations
left join unavailable_metrics on allocations.metric_name = unavailable_metrics.metric_name
