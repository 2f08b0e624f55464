-- How many units of each experiment count, and how many saw more than one variant. One row per experiment.

select
    experiment_id,

    count(*) as count_units,
    count(*) filter (where not is_included) as count_excluded,
    max(first_exposed_at) as last_exposed_at
from {{ ref('fct_experiment_units') }}
group by experiment_id
