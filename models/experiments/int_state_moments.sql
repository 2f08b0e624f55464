-- int_metric_moments of the metrics whose units have running totals: a day adds what a unit's values are after it, less what they
-- were before. All metrics are one aggregate, in which a value or a product that several metrics share is summed once.
-- One row per experiment, metric, variant, day and combination of segments.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_unit_states') }}, {{ ref('int_unit_covariates') }}
-- depends_on: {{ ref('int_units_segmented') }}, {{ ref('int_metric_caps') }}, {{ ref('int_experiment_inputs') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_experiments',
        post_hook='{{ remember_experiments() }}',
    )
}}
{%- set dimensions = ['phase_id'] + segment_dimensions() %}
{%- set metrics = used_metrics(['mean', 'ratio', 'conversion']) | rejectattr('is_observed') | list %}
{%- set vector = shared_vector(metrics, 'states', 'covariates') %}
{%- set capped_metrics = [] %}
{%- for metric in metrics if has_caps(metric) %}{% do capped_metrics.append(metric) %}{% endfor %}
{%- if metrics %}

with

{% if capped_metrics -%}
caps as (

    {{ caps_side_by_side(capped_metrics) }}

),

{% endif -%}
pivots as (

    select
        states.experiment_id
        {%- for value in vector['values'] %},
        coalesce(avg({{ value.sql }}), 0) as pivot_{{ loop.index }}
        {%- endfor %}
    from {{ ref('int_unit_states') }} as states
    inner join {{ ref('int_unit_covariates') }} as covariates
        on
            states.experiment_id = covariates.experiment_id
            and states.unit_id = covariates.unit_id
    {%- if capped_metrics %}
    left join caps on states.experiment_id = caps.experiment_id
    {%- endif %}
    where
        states.is_latest
        and {{ of_changed_experiments('states.experiment_id') }}
    group by states.experiment_id

),

-- A unit adds what its values are now, less what they were: nothing yet on the day it enters.
changes as (

    select
        states.experiment_id,
        states.activity_date,
        states.is_entry,
        {%- for value in vector['values'] %}
        {%- set pivot = 'pivots.pivot_' ~ loop.index %}
        coalesce({{ value.sql }} - {{ pivot }}, 0) as now_{{ loop.index }},
        case
            when states.is_entry then 0
            else {{ 'coalesce(' ~ value.sql ~ ' - ' ~ pivot ~ ', 0)' if value.is_covariate else value.before ~ ' - ' ~ pivot }}
        end as then_{{ loop.index }},
        {%- endfor %}
        units.variant_id
        {%- for dimension in dimensions %},
        units.{{ adapter.quote(dimension) }}
        {%- endfor %}
    from {{ ref('int_unit_states') }} as states
    inner join pivots on states.experiment_id = pivots.experiment_id
    inner join {{ ref('int_units_segmented') }} as units
        on
            states.experiment_id = units.experiment_id
            and states.unit_id = units.unit_id
    inner join {{ ref('int_unit_covariates') }} as covariates
        on
            states.experiment_id = covariates.experiment_id
            and states.unit_id = covariates.unit_id
    {%- if capped_metrics %}
    left join caps on states.experiment_id = caps.experiment_id
    {%- endif %}

),

summed as (

    select
        experiment_id,
        variant_id,
        {%- for dimension in dimensions %}
        {{ adapter.quote(dimension) }},
        {%- endfor %}
        activity_date,

        count(*) filter (where is_entry) as count_units
        {%- for value in vector['values'] %},
        sum(now_{{ loop.index }} - then_{{ loop.index }}) as sum_{{ loop.index }}
        {%- endfor %}
        {%- for one, other in vector.products %},
        sum(now_{{ one }} * now_{{ other }} - then_{{ one }} * then_{{ other }}) as product_{{ one }}_{{ other }}
        {%- endfor %}
    from changes
    group by all

)

{{ moments_by_metric(metrics, vector, 'summed', 'activity_date') }}
{%- else %}

{{ no_moments() }}
{%- endif %}
