-- What was known of units before exposure: declared attributes of users, declared columns of observations, and each metric's
-- value in its lookback period. One row per experiment and unit.
-- depends_on: {{ ref('stg_users') }}, {{ ref('stg_observations') }}, {{ ref('int_unit_days') }}
-- depends_on: {{ ref('int_experiment_inputs') }}, {{ ref('int_unit_inputs') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_units',
        post_hook='{{ remember_experiments() }}',
    )
}}
{%- set of_users = declared_covariates('stg_users', 'users') %}
{%- set of_observations = declared_covariates('stg_observations', 'observations') %}
{%- set looked_back = [] %}
{%- for metric in used_metrics(['mean', 'ratio', 'conversion', 'retention']) %}
{%- if metric.lookback_days and not metric.numerator.fact.is_observed %}{% do looked_back.append(metric) %}{% endif %}
{%- endfor %}

with

units as (

    select *
    from {{ ref('int_units_segmented') }}
    where {{ of_changed_units() }}

)
{%- if of_users %},

users as (

    select *
    from {{ ref('stg_users') }}

)
{%- endif %}
{%- if of_observations %},

observations as (

    select *
    from {{ ref('stg_observations') }}

)
{%- endif %}
{%- if looked_back %},

lookbacks as (

    select *
    from {{ ref('int_unit_days') }}
    where
        activity_date is null
        and {{ of_changed_units() }}

)
{%- endif %}

select
    units.experiment_id,
    units.unit_id,
    units.variant_id
    {%- for name in (of_users + of_observations) | unique %},
    {{ known_covariate(name, of_users, of_observations) }} as {{ adapter.quote(name) }}
    {%- endfor %}
    {%- for metric in looked_back %},
    {% if metric.kind == 'conversion' -%}
    cast(coalesce(lookbacks.{{ metric.name }}__numerator, 0) > 0 as double) as pre_{{ metric.name }}
    {%- else -%}
    coalesce(lookbacks.{{ metric.name }}__numerator, 0) as pre_{{ metric.name }}
    {%- endif %}
    {%- if metric.kind == 'ratio' %},
    coalesce(lookbacks.{{ metric.name }}__denominator, 0) as pre_{{ metric.name }}_denominator
    {%- endif %}
    {%- endfor %}
from units
{%- if of_users %}
left join users on units.unit_id = users.user_id
{%- endif %}
{%- if of_observations %}
left join observations
    on
        units.experiment_id = observations.experiment_id
        and units.unit_id = observations.unit_id
{%- endif %}
{%- if looked_back %}
left join lookbacks
    on
        units.experiment_id = lookbacks.experiment_id
        and units.unit_id = lookbacks.unit_id
{%- endif %}
