-- Included units of each experiment with the segment they are in, by every dimension. One row per experiment and unit.
-- depends_on: {{ ref('stg_users') }}, {{ ref('stg_exposures') }}, {{ ref('stg_observations') }}
-- depends_on: {{ ref('int_exposures_assigned') }}
{%- set from_users, from_exposures, from_observations = [], [], [] %}
{%- for dimension in segment_dimensions() %}
{%- set of_users = dimension | lower in attribute_names('users') | map('lower') %}
{%- if of_users %}{% do from_users.append(dimension) %}{% endif %}
{%- if not of_users and dimension | lower in attribute_names('exposures') | map('lower') %}
{%- do from_exposures.append(dimension) %}
{%- endif %}
{%- if dimension | lower in attribute_names('observations') | map('lower') %}
{%- do from_observations.append(dimension) %}
{%- endif %}
{%- endfor %}

with

units as (

    select *
    from {{ ref('fct_experiment_units') }}
    where is_included

)
{%- if from_users %},

users as (

    select *
    from {{ ref('stg_users') }}

)
{%- endif %}
{%- if from_exposures %},

accepted as (

    select *
    from {{ ref('int_exposures_assigned') }}
    where rejection_reason is null

),

-- What the unit's first exposure says of it, of those that count; of the same instant always the same one.
exposures as (

    select
        experiment_id,
        user_id
        {%- for dimension in from_exposures %},
        arg_min({{ adapter.quote(dimension) }}, (exposed_at, {{ adapter.quote(dimension) }})) as {{ adapter.quote(dimension) }}
        {%- endfor %}
    from {{ ref('stg_exposures') }}
    where (experiment_id, user_id, variant_id, exposed_at) in (
        select
            accepted.experiment_id,
            accepted.unit_id,
            accepted.variant_id,
            accepted.exposed_at
        from accepted
    )
    group by experiment_id, user_id

)
{%- endif %}
{%- if from_observations %},

observations as (

    select *
    from {{ ref('stg_observations') }}

)
{%- endif %}

select
    units.experiment_id,
    units.unit_id,
    units.variant_id,
    units.phase_id,
    {%- for dimension in segment_dimensions() %}
    coalesce(
        {% if dimension in from_users %}cast(users.{{ adapter.quote(dimension) }} as varchar), {% endif -%}
        {% if dimension in from_exposures %}cast(exposures.{{ adapter.quote(dimension) }} as varchar), {% endif -%}
        {% if dimension in from_observations %}cast(observations.{{ adapter.quote(dimension) }} as varchar), {% endif -%}
        'unknown'
    ) as {{ adapter.quote(dimension) }},
    {%- endfor %}
    units.first_exposed_at,
    cast(units.first_exposed_at as date) as exposure_date
from units
{%- if from_users %}
left join users on units.unit_id = users.user_id
{%- endif %}
{%- if from_exposures %}
left join exposures
    on
        units.experiment_id = exposures.experiment_id
        and units.unit_id = exposures.user_id
{%- endif %}
{%- if from_observations %}
left join observations
    on
        units.experiment_id = observations.experiment_id
        and units.unit_id = observations.unit_id
{%- endif %}
