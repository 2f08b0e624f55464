-- Running totals of units since exposure, in experiments with a metric that has days. One row per experiment, unit and day on
-- which it was exposed or did something; <part>_before is the state before that day, null on the day of exposure.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_experiment_inputs') }}, {{ ref('int_unit_inputs') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_units',
        post_hook='{{ remember_experiments() }}',
    )
}}
{%- set metrics = used_metrics(['mean', 'ratio', 'conversion']) | rejectattr('is_observed') | list %}
{%- set parts = metric_parts(metrics) %}
{%- set pooled = {'max': 'max', 'min': 'min'} %}

with

units as (

    select *
    from {{ ref('int_units_segmented') }}
    where
        {{ asks_for(metrics) }}
        and {{ of_changed_units() }}

),

unit_days as (

    select *
    from {{ ref('int_unit_days') }}
    where
        activity_date is not null
        and {{ asks_for(metrics) }}
        and {{ of_changed_units() }}

),

-- A unit is there from its exposure on, whatever it does: if it did something that day, the day is there twice.
days as (

    select
        experiment_id,
        unit_id,
        variant_id,
        exposure_date as activity_date
        {%- for part in parts %},
        cast(null as double) as {{ part.column }}
        {%- endfor %}
    from units

    union all

    select
        experiment_id,
        unit_id,
        cast(null as varchar) as variant_id,
        activity_date
        {%- for part in parts %},
        {{ part.column }}
        {%- endfor %}
    from unit_days

),

-- Totals are of whole days: both rows of a day have the same, and the last of them stays.
running as (

    select
        experiment_id,
        unit_id,
        first_value(variant_id ignore nulls) over unit_days as variant_id,
        activity_date,
        lead(activity_date) over unit_days as next_date,
        activity_date = first_value(activity_date) over unit_days as is_entry
        {%- for part in parts %},
        coalesce({{ pooled.get(part.agg, 'sum') }}({{ part.column }}) over unit_days, 0) as {{ part.column }}
        {%- endfor %}
    from days
    window unit_days as (partition by experiment_id, unit_id order by activity_date)

)

select
    * exclude (next_date),
    next_date is null as is_latest
    {%- for part in parts %},
    lag({{ part.column }}) over unit_days as {{ part.column }}_before
    {%- endfor %}
from running
where next_date is distinct from activity_date
window unit_days as (partition by experiment_id, unit_id order by activity_date)
