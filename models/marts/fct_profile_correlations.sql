-- How the metrics and numeric attributes of users move together, over everything ('all') and by arm of each experiment.

select
    experiment_id,
    variant_id,
    column_name,
    other_column_name,
    reason,
    count_users,
    correlation
from {{ ref('int_profile_correlations') }}
