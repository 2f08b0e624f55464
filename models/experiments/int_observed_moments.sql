-- int_metric_moments of the metrics that are observed a unit: as each unit is one row, all of them are one aggregate, in which a
-- value or a product that several metrics share is summed once. One row per experiment, metric, variant, day of exposure and
-- combination of segments.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_unit_observations') }}, {{ ref('int_metric_caps') }}
-- depends_on: {{ ref('int_unit_states') }}, {{ ref('int_unit_retentions') }}, {{ ref('int_experiment_inputs') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_experiments',
        post_hook='{{ remember_experiments() }}',
    )
}}
{%- set dimensions = ['phase_id'] + segment_dimensions() %}
{%- set metrics = used_metrics(['mean', 'ratio', 'conversion']) | selectattr('is_observed') | list %}
{%- set vector = shared_vector(metrics, 'observed', 'observed', suffix='__covariate') %}
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
        observed.experiment_id
        {%- for value in vector['values'] %},
        coalesce(avg({{ value.sql }}), 0) as pivot_{{ loop.index }}
        {%- endfor %}
    from {{ ref('int_unit_observations') }} as observed
    {%- if capped_metrics %}
    left join caps on observed.experiment_id = caps.experiment_id
    {%- endif %}
    where {{ of_changed_experiments('observed.experiment_id') }}
    group by observed.experiment_id

),

-- The units are read again rather than kept: two scans cost less than one that is written down.
deviations as (

    select
        observed.experiment_id,
        observed.variant_id,
        {%- for dimension in dimensions %}
        observed.{{ adapter.quote(dimension) }},
        {%- endfor %}
        observed.exposure_date
        {%- for value in vector['values'] %},
        {% set deviation = value.sql ~ ' - pivots.pivot_' ~ loop.index -%}
        {{ 'coalesce(' ~ deviation ~ ', 0)' if value.is_covariate else deviation }} as value_{{ loop.index }}
        {%- endfor %}
    from {{ ref('int_unit_observations') }} as observed
    inner join pivots on observed.experiment_id = pivots.experiment_id
    {%- if capped_metrics %}
    left join caps on observed.experiment_id = caps.experiment_id
    {%- endif %}

),

summed as (

    select
        experiment_id,
        variant_id,
        {%- for dimension in dimensions %}
        {{ adapter.quote(dimension) }},
        {%- endfor %}
        exposure_date,

        count(*) as count_units
        {%- for value in vector['values'] %},
        sum(value_{{ loop.index }}) as sum_{{ loop.index }}
        {%- endfor %}
        {%- for one, other in vector.products %},
        sum(value_{{ one }} * value_{{ other }}) as product_{{ one }}_{{ other }}
        {%- endfor %}
    from deviations
    group by all

),

other_days as (

    select
        experiment_id,
        activity_date
    from {{ ref('int_unit_states') }}

    union all

    select
        experiment_id,
        activity_date
    from {{ ref('int_unit_retentions') }}

),

last_days as (

    select
        experiment_id,
        max(activity_date) as last_date
    from other_days
    group by experiment_id

),

-- Where an experiment has metrics of days beside these, all are known up to the same day, on which nothing changes here.
series as (

    select *
    from summed

    union all

    select
        summed.experiment_id,
        summed.variant_id,
        {%- for dimension in dimensions %}
        summed.{{ adapter.quote(dimension) }},
        {%- endfor %}
        last_days.last_date as exposure_date,

        0 as count_units
        {%- for value in vector['values'] %},
        0 as sum_{{ loop.index }}
        {%- endfor %}
        {%- for one, other in vector.products %},
        0 as product_{{ one }}_{{ other }}
        {%- endfor %}
    from summed
    inner join last_days on summed.experiment_id = last_days.experiment_id
    group by all
    having max(summed.exposure_date) < last_days.last_date

)

{{ moments_by_metric(metrics, vector, 'series', 'exposure_date') }}
{%- else %}

{{ no_moments() }}
{%- endif %}
