-- How to split the next units of an experiment, by what its primary metric says so far.

select
    experiment_id,
    variant_id,
    metric_name,
    reward,
    reason,
    count_units,
    mean,
    standard_error,
    probability_best,
    current_share,
    share,
    cast(as_of_date as date) as as_of_date
from {{ ref('int_bandit_allocations') }}
