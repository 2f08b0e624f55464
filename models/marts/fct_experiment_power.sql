-- What each experiment can find by now, what it still needs, and how long that takes.

with

powers as (

    select *
    from {{ ref('int_experiment_power') }}

),

unavailable_metrics as (

    select *
    from {{ ref('int_unavailable_metrics') }}

)

select
    powers.experiment_id,
    powers.metric_name,
    powers.treatment_variant_id,
    powers.role,
    powers.hypothesis,
    powers.basis,
    powers.variance_reduction,
    {{ reason_of_metric('powers') }} as reason,
    powers.plan_reason,
    powers.count_units,
    powers.planned_units,
    powers.required_units,
    powers.days_left,
    powers.baseline_mean,
    powers.alpha,
    powers.power_target,
    powers.planned_effect,
    powers.non_inferiority_margin,
    powers.minimum_detectable_effect,
    powers.minimum_detectable_effect_planned,
    powers.power_now,
    powers.power_planned,
    powers.units_per_day,
    powers.is_powered,
    cast(powers.as_of_date as date) as as_of_date
from powers
left join unavailable_metrics on powers.metric_name = unavailable_metrics.metric_name
