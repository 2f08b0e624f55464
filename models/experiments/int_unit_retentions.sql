-- Whether units came back in the days a retention metric asks for; a unit is there from the day on which these days are over.
-- One row per experiment, metric and unit.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_units_segmented') }}
-- depends_on: {{ ref('int_unit_days') }}, {{ ref('stg_events') }}, {{ ref('int_experiment_inputs') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_experiments',
        post_hook='{{ remember_experiments() }}',
    )
}}
{%- set metrics = used_metrics(['retention']) %}
{%- for metric in metrics %}
select
    units.experiment_id,
    '{{ metric.name }}' as metric_name,
    units.unit_id,
    units.variant_id,
    cast(units.first_exposed_at + interval '{{ metric.retention_to_day + 1 }} days' as date) as activity_date,
    cast(coalesce(sum(unit_days.{{ metric.name }}__numerator), 0) > 0 as double) as numerator
from {{ ref('int_units_segmented') }} as units
inner join {{ ref('experiment_metrics') }} as registered
    on
        units.experiment_id = registered.experiment_id
        and registered.metric_name = '{{ metric.name }}'
left join {{ ref('int_unit_days') }} as unit_days
    on
        units.experiment_id = unit_days.experiment_id
        and units.unit_id = unit_days.unit_id
        and unit_days.activity_date is not null
where
    units.first_exposed_at + interval '{{ metric.retention_to_day + 1 }} days'
    <= (select max(latest.occurred_at) from {{ ref('stg_events') }} as latest)
    and {{ of_changed_experiments('units.experiment_id') }}
group by units.experiment_id, units.unit_id, units.variant_id, units.first_exposed_at
{{ 'union all' if not loop.last }}
{%- else %}
select
    experiment_id,
    cast(null as varchar) as metric_name,
    unit_id,
    variant_id,
    exposure_date as activity_date,
    cast(null as double) as numerator
from {{ ref('int_units_segmented') }}
where false
{%- endfor %}
