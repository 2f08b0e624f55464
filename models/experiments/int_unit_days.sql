-- What units did in each experiment, by day since exposure and (activity_date null) in the lookback before it. One row per
-- experiment, unit and day with activity; a column per part of a metric. One scan a fact table. Observed metrics have no days.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_events_measured') }}, {{ ref('fct_sessions') }}
-- depends_on: {{ ref('stg_observations') }}, {{ ref('int_experiment_inputs') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_units',
        post_hook='{{ remember_experiments() }}',
    )
}}
{%- set parts = metric_parts(used_metrics(['mean', 'ratio', 'conversion', 'retention']) | rejectattr('is_observed') | list) %}
{%- set facts = {} %}
{%- for part in parts %}{% do facts.update({part.fact.name: part.fact}) %}{% endfor %}
{%- set lookback_days = ((parts | map(attribute='lookback_days') | select | list) + [0]) | max %}

with

units as (

    select
        segmented.experiment_id,
        segmented.unit_id,
        segmented.first_exposed_at,
        inputs.counts_until,
        experiments.ended_at
    from {{ ref('int_units_segmented') }} as segmented
    inner join {{ ref('experiments') }} as experiments on segmented.experiment_id = experiments.experiment_id
    inner join {{ ref('int_unit_inputs') }} as inputs
        on
            segmented.experiment_id = inputs.experiment_id
            and segmented.unit_id = inputs.unit_id
    where {{ of_changed_units('segmented') }}

),

{% for fact in facts.values() %}
rows_of_{{ fact.name }} as (

    select
        units.experiment_id as of_experiment_id,
        units.unit_id as of_unit_id,
        {{ fact.time if not fact.is_observed else 'units.first_exposed_at' }} as happened_at,
        {% if fact.is_observed -%}
        false as is_before,
        true as is_in_experiment,
        0 as seconds_since_exposure
        {%- else -%}
        {{ fact.time }} < units.first_exposed_at as is_before,
        coalesce({{ fact.time }} < units.ended_at, true) as is_in_experiment,
        date_diff('millisecond', units.first_exposed_at, {{ fact.time }}) / 1000.0 as seconds_since_exposure
        {%- endif %},
        -- At the end, where a column of one of the names above makes way.
        fact.*
    from {{ fact.relation }} as fact
    inner join units
        on
            fact.{{ fact.unit }} = units.unit_id
        {% if fact.is_observed -%}
            and fact.experiment_id = units.experiment_id
        {%- else -%}
            and fact.{{ fact.time }} >= units.first_exposed_at - interval '{{ lookback_days }} days'
            and fact.{{ fact.time }} < units.counts_until
        {%- endif %}

),

values_of_{{ fact.name }} as (

    select
        of_experiment_id as experiment_id,
        of_unit_id as unit_id,
        case when not is_before then cast(happened_at as date) end as activity_date
        {%- for part in parts %},
        {{ part_value(part) if part.fact.name == fact.name else 'null' }} as {{ part.column }}
        {%- endfor %}
    from rows_of_{{ fact.name }}

),

{% endfor %}
all_values as (

    {% for fact in facts.values() %}
    select * from values_of_{{ fact.name }}
    {{ 'union all' if not loop.last }}
    {% else %}
    select experiment_id, unit_id, cast(null as date) as activity_date from units where false
    {% endfor %}

)

select
    experiment_id,
    unit_id,
    activity_date
    {%- for part in parts %},
    {{ part_total(part) }} as {{ part.column }}
    {%- endfor %}
from all_values
group by experiment_id, unit_id, activity_date
