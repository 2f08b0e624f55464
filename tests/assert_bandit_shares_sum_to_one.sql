-- The next units of an experiment are split over its arms, all of them and no more.

select
    experiment_id,
    sum(share) as share
from {{ ref('fct_bandit_allocations') }}
where reason is null
group by experiment_id
having not coalesce(abs(sum(share) - 1) <= 1e-9, false)
