-- What each load brought: sums that add up, so that a daily run measures the new rows only.
-- One row per load day, event day and column that stg_events had then ('*': the rows themselves).
{%- set columns = measured_columns(ref('stg_events'), ['event_id', 'user_id', 'event_type', 'occurred_at', 'loaded_at']) %}
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='loaded_date',
        post_hook='{{ remember_settings() }}',
    )
}}

with

events as (

    select *
    from {{ ref('stg_events') }}
    {% if is_incremental() %}
        where loaded_at >= date_trunc('day', timestamp '{{ loaded_since() }}')
    {% endif %}

),

measured as (

    select
        cast(loaded_at as date) as loaded_date,
        cast(occurred_at as date) as activity_date,

        {{ column_measures(columns) }}
        count(*) as count_rows,
        count(*) filter (where loaded_at - occurred_at > interval '1 day') as count_late_rows,
        max(loaded_at) as loaded_at
    from events
    group by all

)

select
    loaded_date,
    activity_date,
    '*' as column_name,
    count_rows,
    count_rows - count_late_rows as count_values,
    null as minimum,
    null as maximum,
    loaded_at
from measured

union all

select
    *,
    cast(null as timestamp) as loaded_at
from ({{ column_rows(columns, 'measured', 'loaded_date, activity_date') }}) as by_column
