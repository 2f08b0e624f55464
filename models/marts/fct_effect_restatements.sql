-- Effects that were other in an earlier build: what moved, when, and why.

with

versions as (

    select
        *,
        coalesce(
            count_control = lag(count_control) over versions_in_order
            and count_treatment = lag(count_treatment) over versions_in_order
            and coalesce(reason, '') = coalesce(lag(reason) over versions_in_order, '')
            and coalesce(metric_definition, '') = coalesce(lag(metric_definition) over versions_in_order, '')
            {%- for number in ['absolute_effect', 'standard_error'] %}
            and abs(coalesce({{ number }}, 0) - coalesce(lag({{ number }}) over versions_in_order, 0))
            <= 1e-6 * coalesce(standard_error, 0)
            {%- endfor %},
            false
        ) as is_as_before
    from {{ ref('effects_as_published') }}
    window versions_in_order as (partition by effect_id order by dbt_valid_from)

),

restatements as (

    select
        *,
        lag(dbt_valid_from) over versions_in_order as published_before_at,
        lag(absolute_effect) over versions_in_order as absolute_effect_before,
        lag(standard_error) over versions_in_order as standard_error_before,
        lag(p_value) over versions_in_order as p_value_before,
        lag(count_control) over versions_in_order as count_control_before,
        lag(count_treatment) over versions_in_order as count_treatment_before,
        lag(reason) over versions_in_order as reason_before,
        lag(metric_definition) over versions_in_order as metric_definition_before
    from versions
    -- Sums in another order move the last digits of a number, and all those of one that is zero.
    where not is_as_before
    window versions_in_order as (partition by effect_id order by dbt_valid_from)

)

select
    experiment_id,
    metric_name,
    control_variant_id,
    treatment_variant_id,
    dimension,
    segment,
    variance_reduction,
    case
        when coalesce(metric_definition, '') != coalesce(metric_definition_before, '') then 'the metric is defined otherwise'
        when coalesce(reason, '') != coalesce(reason_before, '') and reason is not null
            then 'withheld or not computable now: ' || reason
        when coalesce(reason, '') != coalesce(reason_before, '') then 'computable now, before: ' || reason_before
        when count_control != count_control_before or count_treatment != count_treatment_before
            then 'other units: exposures came late, or were corrected'
        else 'the same units: other activity (late, corrected), or another cap, measure, covariate or phase'
    end as why,
    count_control + count_treatment as count_units,
    count_control_before + count_treatment_before as count_units_before,
    absolute_effect,
    absolute_effect_before,
    standard_error,
    standard_error_before,
    p_value,
    p_value_before,
    cast(published_before_at as timestamp) as published_before_at,
    cast(dbt_valid_from as timestamp) as restated_at,
    as_of_date
from restatements
where published_before_at is not null
