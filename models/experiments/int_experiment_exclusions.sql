-- How many units of each experiment there are, and how many saw more than one variant or were not
-- activated. One row per experiment.

select
    experiment_id,

    count(*) as count_units,
    count(*) filter (where exclusion_reason = 'seen in more than one variant') as count_excluded,
    count(*) filter (where exclusion_reason = 'not activated') as count_not_activated,
    max(first_exposed_at) as last_exposed_at
from {{ ref('fct_experiment_units') }}
group by experiment_id
