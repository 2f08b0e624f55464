-- Whether each experiment can be trusted, check by check.

select
    experiment_id,
    check_name,
    dimension,
    segment,
    status,
    reason,
    statistic,
    p_value,
    is_blocking
from {{ ref('int_experiment_health') }}
