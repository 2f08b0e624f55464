-- What an experiment of some length could find, from what past ones saw day by day.

select
    metric_name,
    history_experiment_id,
    variance_reduction,
    hypothesis,
    reason,
    count_days,
    count_units,
    required_units,
    required_days,
    baseline_mean,
    standard_deviation,
    variance_reduction_rate,
    units_per_day,
    planned_effect,
    power,
    minimum_detectable_effect
from {{ ref('int_experiment_plans') }}
