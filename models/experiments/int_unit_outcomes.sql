-- The latest value of each metric that is one number a unit: means, conversions and, of units whose days are over, retentions.
-- One row per experiment, metric and unit, with the days since exposure that the value is of.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_unit_states') }}, {{ ref('int_metric_caps') }}
-- depends_on: {{ ref('int_unit_observations') }}, {{ ref('int_experiment_inputs') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_experiments',
        post_hook='{{ remember_experiments() }}',
    )
}}

with

units as (

    select *
    from {{ ref('int_units_segmented') }}
    where {{ of_changed_experiments() }}

),

experiments as (

    select *
    from {{ ref('experiments') }}

),

-- The last day on which any of an experiment's units did something.
last_days as (

    select
        experiment_id,

        max(activity_date) as activity_date
    from {{ ref('int_unit_states') }}
    where {{ of_changed_experiments() }}
    group by experiment_id

),

-- How far the events go: who has done nothing since is known to have done nothing.
events as (

    select max(occurred_at) as latest_event_at
    from {{ ref('stg_events') }}

),

followed as (

    select
        units.experiment_id,
        units.unit_id,
        units.first_exposed_at,
        greatest(cast(last_days.activity_date + 1 as timestamp), events.latest_event_at) as known_until,
        coalesce(experiments.ended_at, timestamp 'infinity') as ended_at
    from units
    cross join events
    inner join experiments on units.experiment_id = experiments.experiment_id
    inner join last_days on units.experiment_id = last_days.experiment_id

)

{% for metric in used_metrics(['mean', 'conversion']) %}
select
    states.experiment_id,
    states.unit_id,
    states.variant_id,
    '{{ metric.name }}' as metric_name,
    {{ capped(metric, 'states.' ~ metric.name ~ '__numerator') }} as value,
    {%- if metric.is_observed %}
    cast(null as double) as days_followed
    {%- elif metric.window_days %}
    least(
        epoch(followed.known_until - followed.first_exposed_at) / 86400,
        {{ metric.window_days }}
    ) as days_followed
    {%- else %}
    epoch(least(followed.known_until, followed.ended_at) - followed.first_exposed_at) / 86400 as days_followed
    {%- endif %}
from {{ ref('int_unit_observations') if metric.is_observed else ref('int_unit_states') }} as states
inner join {{ ref('experiment_metrics') }} as registered
    on
        states.experiment_id = registered.experiment_id
        and registered.metric_name = '{{ metric.name }}'
{%- if not metric.is_observed %}
inner join followed
    on
        states.experiment_id = followed.experiment_id
        and states.unit_id = followed.unit_id
{%- endif %}
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
    numerator as value,
    cast(null as double) as days_followed
from {{ ref('int_unit_retentions') }}
where {{ of_changed_experiments() }}
