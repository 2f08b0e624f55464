-- How often a declared covariate is missing, or no finite number; those that the input of an experiment lacks are left out.
-- One row per experiment, covariate and variant.
-- depends_on: {{ ref('int_unit_covariates') }}
{%- set of_users = declared_covariates('stg_users', 'users') %}
{%- set floats = float_columns(ref('int_unit_covariates')) %}
{%- set names = (of_users + declared_covariates('stg_observations', 'observations')) | unique | list %}

{% for name in names %}
{%- set value = finite(adapter.quote(name)) if name in floats else adapter.quote(name) %}
select
    experiment_id,
    {{ quoted_text(name) }} as covariate,
    variant_id,
    count(*) as count_units,
    count(*) - count({{ value }}) as count_missing
from {{ ref('int_unit_covariates') }}
group by experiment_id, variant_id
qualify sum(count({{ value }})) over (partition by experiment_id) > 0
{{ 'union all' if not loop.last }}
{%- else %}
select
    cast(null as varchar) as experiment_id,
    cast(null as varchar) as covariate,
    cast(null as varchar) as variant_id,
    cast(null as bigint) as count_units,
    cast(null as bigint) as count_missing
where false
{%- endfor %}
