-- Units of experiments that came as one table of units, with what was observed of them: a column per part of a metric, 0 where
-- the table has nothing, and per covariate, null where it has nothing. Such units have no days: nothing has to be added up.
-- One row per experiment and unit.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_units_segmented') }}
-- depends_on: {{ ref('stg_observations') }}, {{ ref('stg_users') }}, {{ ref('int_experiment_inputs') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_experiments',
        post_hook='{{ remember_experiments() }}',
    )
}}
{%- set metrics = used_metrics(['mean', 'ratio', 'conversion']) | selectattr('is_observed') | list %}
{%- set parts = metric_parts(metrics) %}
{%- set of_users = declared_covariates('stg_users', 'users') %}
{%- set of_observations = declared_covariates('stg_observations', 'observations') %}
{%- set covariates = [] %}
{%- for metric in metrics %}
{%- for value in moment_values(metric) if value.is_covariate and value.expr not in covariates %}
{%- do covariates.append(value.expr) %}
{%- endfor %}
{%- endfor %}
{%- set from_users = covariates | select('in', of_users) | list %}

with

units as (

    select *
    from {{ ref('int_units_segmented') }}
    where
        {{ asks_for(metrics) }}
        and {{ of_changed_experiments() }}

),

{% if from_users -%}
users as (

    select *
    from {{ ref('stg_users') }}

),

{% endif -%}
observations as (

    select
        experiment_id,
        unit_id
        {%- for part in parts %},
        {{ observed_part(part) }} as {{ part.column }}
        {%- endfor %}
        {%- for name in covariates if name in of_observations %},
        {{ adapter.quote(name) }}
        {%- endfor %}
    from {{ ref('stg_observations') }}

)

select
    units.experiment_id,
    units.unit_id,
    units.variant_id,
    {%- for dimension in ['phase_id'] + segment_dimensions() %}
    units.{{ adapter.quote(dimension) }},
    {%- endfor %}
    {%- for part in parts %}
    coalesce(observations.{{ part.column }}, 0) as {{ part.column }},
    {%- endfor %}
    {%- for name in covariates %}
    cast({{ known_covariate(name, of_users, of_observations) }} as double) as {{ adapter.quote(name ~ '__covariate') }},
    {%- endfor %}
    units.exposure_date
from units
{%- if from_users %}
left join users on units.unit_id = users.user_id
{%- endif %}
left join observations
    on
        units.experiment_id = observations.experiment_id
        and units.unit_id = observations.unit_id
