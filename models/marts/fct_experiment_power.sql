-- What each experiment can find by now, what it still needs, and how long that takes.

select
    experiment_id,
    metric_name,
    treatment_variant_id,
    role,
    hypothesis,
    basis,
    variance_reduction,
    reason,
    plan_reason,
    count_units,
    planned_units,
    required_units,
    days_left,
    baseline_mean,
    alpha,
    power_target,
    planned_effect,
    non_inferiority_margin,
    minimum_detectable_effect,
    minimum_detectable_effect_planned,
    power_now,
    power_planned,
    units_per_day,
    is_powered,
    cast(as_of_date as date) as as_of_date
from {{ ref('int_experiment_power') }}
