-- Event rows that can't be used, with the reason, and the copies of a row that is kept. One row per distinct raw row.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='quarantined_row_id',
        pre_hook='{{ forget_rows_read_again() }}',
        post_hook='{{ remember_settings() }}',
    )
}}

with

events as (

    {{ input_rows('events', events_watermark(), with_raw=true) }}

),

copies as (

    select *
    from {{ ref('stg_event_copies') }}

),

rejected as (

    select
        _rejection_reason as reason,
        _raw_row,
        loaded_at,
        occurred_at
    from events
    where _rejection_reason is not null

    union all

    select
        'event_id is a duplicate' as reason,
        _raw_row,
        loaded_at,
        occurred_at
    from copies
    where not is_kept

)

select
    {{ quarantined_row_columns('events') }},

    count(*) as count_rows,
    max(occurred_at) as occurred_at,
    max(loaded_at) as loaded_at
from rejected
group by all
