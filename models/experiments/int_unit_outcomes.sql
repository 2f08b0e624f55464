-- The latest value of each metric that is one number a unit: means, conversions and, of units whose days are over, retentions.
-- One row per experiment, metric and unit.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_unit_states') }}, {{ ref('int_metric_caps') }}
-- depends_on: {{ ref('int_unit_observations') }}, {{ ref('int_experiment_inputs') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_experiments',
        post_hook='{{ remember_experiments() }}',
    )
}}
{%- for metric in used_metrics(['mean', 'conversion']) %}
select
    states.experiment_id,
    states.unit_id,
    states.variant_id,
    '{{ metric.name }}' as metric_name,
    {{ capped(metric, 'states.' ~ metric.name ~ '__numerator') }} as value
from {{ ref('int_unit_observations') if metric.is_observed else ref('int_unit_states') }} as states
inner join {{ ref('experiment_metrics') }} as registered
    on
        states.experiment_id = registered.experiment_id
        and registered.metric_name = '{{ metric.name }}'
{%- if has_caps(metric) %}
left join {{ ref('int_metric_caps') }} as caps
    on
        states.experiment_id = caps.experiment_id
        and caps.metric_name = '{{ metric.name }}'
{%- endif %}
where
    {{ of_changed_experiments('states.experiment_id') }}
    {%- if not metric.is_observed %}
    and states.is_latest
    {%- endif %}
union all
{%- endfor %}
select
    experiment_id,
    unit_id,
    variant_id,
    metric_name,
    numerator as value
from {{ ref('int_unit_retentions') }}
where {{ of_changed_experiments() }}
