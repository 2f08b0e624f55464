-- Included units of each experiment with the segment they are in, by every dimension. One row per experiment and unit.
{%- set of_users = attribute_names('users') | map('lower') | list %}
{%- set of_exposures = attribute_names('exposures') | map('lower') | list %}
{%- set of_observations = attribute_names('observations') | map('lower') | list %}
{%- set from_exposures = [] %}
{%- for dimension in segment_dimensions() if dimension in of_exposures and dimension not in of_users %}{% do from_exposures.append(dimension) %}{% endfor %}

with

units as (

    select *
    from {{ ref('fct_experiment_units') }}
    where is_included

),

users as (

    select *
    from {{ ref('stg_users') }}

),

-- What the unit's first exposure says of it.
exposures as (

    select
        experiment_id,
        user_id
        {%- for dimension in from_exposures %},
        arg_min({{ dimension }}, exposed_at) as {{ dimension }}
        {%- endfor %}
    from {{ ref('stg_exposures') }}
    group by experiment_id, user_id

),

observations as (

    select *
    from {{ ref('stg_observations') }}

)

select
    units.experiment_id,
    units.unit_id,
    units.variant_id,
    units.phase_id,
    {%- for dimension in segment_dimensions() %}
    coalesce(
        {% if dimension in of_users %}cast(users.{{ dimension }} as varchar), {% endif -%}
        {% if dimension in from_exposures %}cast(exposures.{{ dimension }} as varchar), {% endif -%}
        {% if dimension in of_observations %}cast(observations.{{ dimension }} as varchar), {% endif -%}
        'unknown'
    ) as {{ dimension }},
    {%- endfor %}
    units.first_exposed_at,
    cast(units.first_exposed_at as date) as exposure_date
from units
left join users on units.unit_id = users.user_id
left join exposures
    on
        units.experiment_id = exposures.experiment_id
        and units.unit_id = exposures.user_id
left join observations
    on
        units.experiment_id = observations.experiment_id
        and units.unit_id = observations.unit_id
