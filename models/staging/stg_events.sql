-- Usable events, one row per event_id. A daily run adds the rows loaded since the last one.
-- depends_on: {{ ref('stg_events_rejected') }} (first: what a load rejects is known before the load counts as read)
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='append_new_columns',
        post_hook='{{ remember_settings() }}',
    )
}}

with

events as (

    {{ input_rows('events', events_watermark()) }}

),

copies as (

    select *
    from {{ ref('stg_event_copies') }}

)

select
    {{ input_columns('events') }}
from events
where
    _rejection_reason is null
    and event_id not in (select copies.event_id from copies)

union all

select
    {{ input_columns('events') }}
from copies
where is_kept
